"""Load options of each loader, described once: flags, API load args and docs come from here. No heavy import."""

import re
from dataclasses import dataclass

from modules.core.errors import RequestError
from modules.core.options import Option, by_name, option, options_of, shown

CACHE_TYPES = ("f16", "fp16", "bf16", "f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
ROPE_SCALINGS = ("auto", "none", "linear", "yarn", "longrope")
NUMA_MODES = ("off", "distribute", "isolate", "numactl")
SPLIT_MODES = ("layer", "row", "tensor", "none")
LORA_HELP = (
    "LoRA adapters for requests that name none: NAME or NAME=SCALE, of the loras folder; as a flag also a path. Several with commas or "
    "by repeating the flag"
)
FLASH_MODES = ("auto", "on", "off", "true", "false")


def parse_flash(value: object) -> str:
    """true/false and 1/0 besides auto/on/off, since the old web UI's clients send booleans."""
    word = str(value).strip().lower()
    word = {"true": "on", "1": "on", "yes": "on", "false": "off", "0": "off", "no": "off"}.get(
        word, word
    )
    if word not in ("auto", "on", "off"):
        raise RequestError("flash_attn must be auto, on or off", param="flash_attn")
    return word


def parse_embedding_device(value: object) -> str:
    """A name that torch could know; whether the machine has it is seen when it is used."""
    word = str(value).strip().lower()
    if re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", word) is None:
        raise RequestError(
            f"embedding_device must be auto, cpu, cuda, cuda:NUMBER or mps, not {shown(value)}",
            param="embedding_device",
        )
    return word


@dataclass(frozen=True, slots=True)
class LlamaCppOptions:
    """How llama.cpp loads a GGUF file. 0 or "auto" means: chosen from the model and the machine."""

    ctx_size: int = option(
        0,
        "Context of one request in tokens; 0 takes the model's own, at most 8192",
        aliases=("n_ctx", "max_seq_len"),
        minimum=0,
        maximum=16_777_216,
    )
    parallel: int = option(
        8,
        "Requests that run at once; each has a slot with ctx_size tokens (with kv_unified at most one for 256 tokens)",
        minimum=1,
        maximum=256,
    )
    kv_unified: bool | None = option(
        None,
        "One KV memory of ctx_size tokens for all slots, instead of ctx_size for each: slower steps, less "
        "memory. Chosen by itself when separate ones would take more than a quarter of the memory",
    )
    n_gpu_layers: int = option(
        -1,
        "Layers that go to the GPU; -1 is all of them where a GPU backend is built in",
        aliases=("gpu_layers",),
        minimum=-1,
        maximum=10_000,
    )
    main_gpu: int = option(
        0, "The GPU for the whole model with split_mode none", minimum=0, maximum=255
    )
    tensor_split: tuple[str, ...] = option((), "Share of the model for each GPU, such as 60,40")
    split_mode: str = option("layer", "How several GPUs share the model", choices=SPLIT_MODES)
    threads: int = option(
        0, "Threads for single tokens; 0: one less than the cores", minimum=0, maximum=1024
    )
    threads_batch: int = option(
        0, "Threads for prompts; 0: as many as threads", minimum=0, maximum=1024
    )
    batch_size: int = option(
        2048, "Most tokens in one step", aliases=("n_batch",), minimum=32, maximum=65_536
    )
    ubatch_size: int = option(
        512,
        "Most tokens that are computed together",
        aliases=("n_ubatch",),
        minimum=32,
        maximum=65_536,
    )
    prompt_budget: int = option(
        2048,
        "Most prompt tokens in one step beside running replies: lower makes the gaps in replies shorter and "
        "more, and lets new requests begin sooner, at some cost in tokens per second",
        minimum=32,
        maximum=65_536,
    )
    cache_type: str = option(
        "f16", "Number format of the KV memory, both halves", choices=CACHE_TYPES
    )
    cache_type_k: str = option("", "The same for keys alone", choices=("", *CACHE_TYPES))
    cache_type_v: str = option("", "The same for values alone", choices=("", *CACHE_TYPES))
    flash_attn: str = option(
        "auto", "Flash attention: auto, on or off", wire=str | bool, parse=parse_flash
    )
    rope_scaling: str = option("auto", "Rope scaling method", choices=ROPE_SCALINGS)
    rope_freq_base: float = option(
        0.0, "Rope base frequency; 0 takes the model's", minimum=0, maximum=1e12
    )
    rope_freq_scale: float = option(
        0.0, "Rope frequency scale; 0 takes the model's", minimum=0, maximum=1e3
    )
    mmap: bool = option(True, "Map the file into memory instead of reading it")
    mlock: bool = option(False, "Keep the model in memory, never swapped out")
    offload_kqv: bool = option(True, "Keep the KV memory on the GPU")
    swa_full: bool = option(
        False, "Whole KV memory for sliding-window models: more memory, better prefix reuse"
    )
    numa: str = option("off", "Strategy for NUMA machines", choices=NUMA_MODES)
    check_tensors: bool = option(False, "Verify the model's data while loading")
    mmproj: str = option(
        "",
        "Projector file of a vision model (GGUF): a path, or a name in the models folder or in user_data/mmproj. "
        "Found by itself beside the model when its name begins alike; none turns pictures off",
    )
    lora: tuple[str, ...] = option((), LORA_HELP)


@dataclass(frozen=True, slots=True)
class TransformersOptions:
    """How transformers loads a folder of safetensors."""

    ctx_size: int = option(
        0,
        "Context of one request in tokens; 0 takes the model's own, at most 8192",
        aliases=("n_ctx", "max_seq_len"),
        minimum=0,
        maximum=16_777_216,
    )
    parallel: int = option(8, "Requests that run at once", minimum=1, maximum=256)
    batch_size: int = option(
        2048, "Most tokens in one step", aliases=("n_batch",), minimum=32, maximum=65_536
    )
    prompt_budget: int = option(
        2048, "Most prompt tokens in one step beside running replies", minimum=32, maximum=65_536
    )
    device_map: str = option(
        "auto",
        "Where the layers go: auto (all GPUs, then memory), cpu, cuda, cuda:1, mps, balanced, sequential",
    )
    cpu: bool = option(False, "Use no GPU")
    dtype: str = option(
        "auto",
        "Number format of the weights; auto is the model's own on a GPU and float32 on a CPU",
        choices=("auto", "bfloat16", "float16", "float32"),
    )
    load_in_8bit: bool = option(False, "Quantise to 8 bits (bitsandbytes)")
    load_in_4bit: bool = option(False, "Quantise to 4 bits (bitsandbytes)")
    compute_dtype: str = option(
        "float16",
        "Number format that 4-bit weights are computed in",
        choices=("bfloat16", "float16", "float32"),
    )
    quant_type: str = option("nf4", "Kind of 4-bit numbers", choices=("nf4", "fp4"))
    use_double_quant: bool = option(False, "Quantise the scales of 4-bit weights too")
    attn_implementation: str = option(
        "auto", "Attention: auto is sdpa where the model has it", choices=("auto", "sdpa", "eager")
    )
    lora: tuple[str, ...] = option((), LORA_HELP)
    trust_remote_code: bool = option(
        False, "Run Python code that comes with the model; only as a flag, never by request"
    )


@dataclass(frozen=True, slots=True)
class UpstreamOptions:
    """How a model of another server is used."""

    upstream_parallel: int = option(
        256,
        "Requests that are passed on at once; more wait here, as many as max_queue",
        minimum=1,
        maximum=10_000,
    )
    upstream_ctx_size: int = option(
        0,
        "Context of the upstream server's model in tokens, where it does not tell or tells it wrong",
        minimum=0,
        maximum=16_777_216,
    )


LOAD_OPTIONS: dict[str, tuple[Option, ...]] = {
    "llamacpp": options_of(LlamaCppOptions),
    "transformers": options_of(TransformersOptions),
    "upstream": options_of(UpstreamOptions),
}
FLAG_ONLY = frozenset({"trust_remote_code"})
"""What only the operator may switch on, at the start."""
LOAD_OPTIONS_BY_NAME = {loader: by_name(options) for loader, options in LOAD_OPTIONS.items()}
