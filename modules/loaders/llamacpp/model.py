# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""From a GGUF file to a runner: model and context. Everything that fails says why."""

import ctypes
import logging
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as c

from modules.core.errors import LoadError, RequestError
from modules.loaders.base import ModelInfo, Progress
from modules.loaders.gguf_header import count_gguf_weights, read_gguf_header
from modules.loaders.gguf_kinds import describes_embedder
from modules.loaders.gguf_memory import CACHE_BYTES, lay_out
from modules.loaders.gguf_shape import read_shape
from modules.loaders.llamacpp import library, sampling
from modules.loaders.llamacpp.runner import LlamaRunner
from modules.loaders.llamacpp.tokenizer import LlamaTokenizer
from modules.loaders.llamacpp.vision import open_vision
from modules.loaders.machine import usable_cores
from modules.loaders.projectors import choose_projector

log = logging.getLogger("hearth.llamacpp")

MAX_CELLS = 2**31 - 1
FLASH_TYPES = {"auto": -1, "off": 0, "on": 1}
ROPE_TYPES = {"auto": -1, "none": 0, "linear": 1, "yarn": 2, "longrope": 3}
SPLIT_TYPES = {"none": 0, "layer": 1, "row": 2, "tensor": 3}
CACHE_TYPES: dict[str, int] = {
    "f32": c.GGML_TYPE_F32,
    "f16": c.GGML_TYPE_F16,
    "fp16": c.GGML_TYPE_F16,
    "bf16": 30,
    "q8_0": c.GGML_TYPE_Q8_0,
    "q5_1": c.GGML_TYPE_Q5_1,
    "q5_0": c.GGML_TYPE_Q5_0,
    "q4_1": c.GGML_TYPE_Q4_1,
    "q4_0": c.GGML_TYPE_Q4_0,
    "iq4_nl": c.GGML_TYPE_IQ4_NL,
}
GPU_ONLY = ("main_gpu", "tensor_split")


def load_runner(
    path: Path, name: str, options: Mapping[str, Any], progress: Progress
) -> LlamaRunner:
    """Load `path` with checked options (`modules.loaders.options.LlamaCppOptions`)."""
    header = read_gguf_header(path, with_arrays=True)
    _refuse_embedders(header)
    _check_options(options, header)
    eyes = choose_projector(path, options["mmproj"])
    library.start_backend(options["numa"])
    _check_devices(options)
    with ExitStack() as undo:
        model = _load_model(path, options, progress)
        undo.callback(c.llama_model_free, model)
        _refuse_encoders(model, header)
        shape = _context_shape(options, header)
        context = _build_context(model, options, shape)
        undo.callback(c.llama_free, context)
        tokenizer = LlamaTokenizer(model)
        vision = open_vision(eyes, model, {**options, **_sizes(context)})
        if vision is not None:
            undo.callback(vision.close)
        in_effect = {**options, **shape, "mmproj": eyes.name if eyes and vision else ""}
        info = _describe(model, context, name, tokenizer, in_effect)
        runner = LlamaRunner(model, context, tokenizer, info, vision)
        undo.pop_all()
    return runner


def _check_options(options: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    """What llama.cpp would only refuse by returning NULL, or by ending the process."""
    if header.get("general.type") in ("adapter", "mmproj"):
        raise LoadError(f"This GGUF file is a {header['general.type']}, not a model")
    v_type = options["cache_type_v"] or options["cache_type"]
    if CACHE_BYTES[v_type] < 2 and options["flash_attn"] == "off":
        raise RequestError(
            f"cache_type_v {v_type} needs flash attention; set flash_attn to auto or on",
            param="args.flash_attn",
        )
    if options["ubatch_size"] > options["batch_size"]:
        raise RequestError("ubatch_size cannot be larger than batch_size", param="args.ubatch_size")


def _check_devices(options: Mapping[str, Any]) -> None:
    """On a single GPU llama.cpp loads a model that is shared by tensors, then ends the process at the first token."""
    if options["split_mode"] == "tensor" and (found := library.count_gpus()) < 2:
        raise RequestError(
            f"split_mode tensor needs two GPUs or more; llama.cpp finds {found} here",
            param="args.split_mode",
        )


def _load_model(path: Path, options: Mapping[str, Any], progress: Progress) -> c.llama_model_p:
    params = c.llama_model_default_params()
    params.n_gpu_layers = options["n_gpu_layers"] if options["n_gpu_layers"] >= 0 else 2**30
    params.split_mode = SPLIT_TYPES[options["split_mode"]]
    params.main_gpu = options["main_gpu"]
    params.load_mode = (1 if options["mmap"] else 0) + (2 if options["mlock"] else 0)
    params.check_tensors = options["check_tensors"]
    shares = _tensor_split(options["tensor_split"])
    if shares is not None:
        params.tensor_split = shares

    @c.llama_progress_callback
    def on_progress(share: float, _user_data: Any) -> bool:
        return progress(share)

    params.progress_callback = on_progress
    library.COMPLAINTS.take()
    model = c.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        reason = library.COMPLAINTS.take()
        count_gguf_weights(path)  # where it is not whole, that says more plainly what to do
        raise LoadError(f"llama.cpp could not load {path.name}: {reason}")
    return model


def _refuse_embedders(header: Mapping[str, Any]) -> None:
    """Models that do not write text token by token: asked to, llama.cpp ends the process."""
    architecture = header.get("general.architecture", "")
    if describes_embedder(header):
        raise LoadError(f"This is an embedding model ({architecture}); it cannot write text")


def _refuse_encoders(model: c.llama_model_p, header: Mapping[str, Any]) -> None:
    architecture = header.get("general.architecture", "")
    if c.llama_model_has_encoder(model) or not c.llama_model_has_decoder(model):
        raise LoadError(
            f"This is an encoder model ({architecture}); only models that only decode are served"
        )
    if c.llama_model_is_diffusion(model):
        raise LoadError(f"This is a diffusion model ({architecture}), which is not supported")


def _tensor_split(shares: tuple[str, ...]) -> Any:
    if not shares:
        return None
    count = c.llama_max_devices()
    if len(shares) > count:
        raise RequestError(
            f"tensor_split names {len(shares)} devices; there can be {count}",
            param="args.tensor_split",
        )
    try:
        values = [float(share) for share in shares]
    except ValueError:
        raise RequestError(
            "tensor_split must be numbers, such as 60,40", param="args.tensor_split"
        ) from None
    return (ctypes.c_float * count)(*values)


def _context_shape(options: Mapping[str, Any], header: Mapping[str, Any]) -> dict[str, Any]:
    """ctx_size, parallel and kv_unified as they will be."""
    model = read_shape(header)
    layout = lay_out(model, options)
    if layout.ctx_size > model.trained and options["rope_scaling"] == "auto":
        log.warning(
            "ctx_size %d is more than the %d tokens the model was trained on",
            layout.ctx_size,
            model.trained,
        )
    if layout.kv_unified and layout.is_chosen:
        log.info(
            "Separate KV memories for %d slots would take %.1f GB: the slots share one of %d tokens",
            options["parallel"],
            layout.separate / 1e9,
            layout.ctx_size,
        )
    cells = layout.ctx_size * (1 if layout.kv_unified else layout.parallel)
    if cells > MAX_CELLS:
        raise RequestError(
            f"ctx_size times parallel is {cells}; llama.cpp takes at most {MAX_CELLS}",
            param="args.ctx_size",
        )
    if layout.parallel < options["parallel"]:
        log.warning(
            "A KV memory of %d tokens is shared by %d slots only", layout.ctx_size, layout.parallel
        )
    return {
        "ctx_size": layout.ctx_size,
        "parallel": layout.parallel,
        "kv_unified": layout.kv_unified,
    }


def _build_context(
    model: c.llama_model_p, options: Mapping[str, Any], shape: Mapping[str, Any]
) -> c.llama_context_p:
    params = c.llama_context_default_params()
    params.n_ctx = shape["ctx_size"] * (1 if shape["kv_unified"] else shape["parallel"])
    params.n_seq_max = shape["parallel"]
    params.kv_unified = shape["kv_unified"]
    params.n_batch = max(options["batch_size"], shape["parallel"])
    params.n_ubatch = options["ubatch_size"]
    params.n_threads = options["threads"] or max(1, usable_cores() - 1)
    params.n_threads_batch = options["threads_batch"] or params.n_threads
    params.type_k = CACHE_TYPES[options["cache_type_k"] or options["cache_type"]]
    params.type_v = CACHE_TYPES[options["cache_type_v"] or options["cache_type"]]
    params.flash_attn_type = FLASH_TYPES[options["flash_attn"]]
    params.rope_scaling_type = ROPE_TYPES[options["rope_scaling"]]
    params.rope_freq_base = options["rope_freq_base"]
    params.rope_freq_scale = options["rope_freq_scale"]
    params.offload_kqv = options["offload_kqv"]
    params.swa_full = options["swa_full"]
    params.no_perf = True
    library.COMPLAINTS.take()
    context = c.llama_init_from_model(model, params)
    if not context:
        raise LoadError(
            f"llama.cpp could not make a context of {params.n_ctx} tokens: {library.COMPLAINTS.take()}"
        )
    return context


def _describe(
    model: c.llama_model_p,
    context: c.llama_context_p,
    name: str,
    tokenizer: LlamaTokenizer,
    options: Mapping[str, Any],
) -> ModelInfo:
    vocab = tokenizer.vocab
    can_infill = tokenizer.infill("", "") is not None
    return ModelInfo(
        name=name,
        loader="llamacpp",
        context_length=min(c.llama_n_ctx_seq(context), options["ctx_size"]),
        slots=options["parallel"],
        vocabulary_size=tokenizer.size,
        samplers=sampling.HONOURED,
        capabilities=("completion", "chat", "logprobs", "grammar", "lora")
        + (("infill",) if can_infill else ())
        + (("vision",) if options["mmproj"] else ()),
        chat_template=_chat_template(model),
        bos_text=_bos_text(model, tokenizer),
        eos_text=tokenizer.special_text(c.llama_vocab_eos(vocab)),
        train_context_length=c.llama_model_n_ctx_train(model),
        architecture=_metadata(model, "general.architecture"),
        description=_text(lambda buffer, size: c.llama_model_desc(model, buffer, size)),
        parameters=c.llama_model_n_params(model),
        size_bytes=c.llama_model_size(model),
        options={**options, **_sizes(context)},
    )


def _sizes(context: c.llama_context_p) -> dict[str, int]:
    """Load options as llama.cpp took them."""
    return {
        "threads": c.llama_n_threads(context),
        "threads_batch": c.llama_n_threads_batch(context),
        "batch_size": c.llama_n_batch(context),
        "ubatch_size": c.llama_n_ubatch(context),
    }


def _chat_template(model: c.llama_model_p) -> str | None:
    text = c.llama_model_chat_template(model, None)
    return text.decode(errors="replace") if text else None


def _bos_text(model: c.llama_model_p, tokenizer: LlamaTokenizer) -> str:
    """Only where the file names one: llama.cpp otherwise assumes an id, which may be any token."""
    if _metadata(model, "tokenizer.ggml.bos_token_id") is None:
        return ""
    return tokenizer.special_text(c.llama_vocab_bos(tokenizer.vocab))


def _metadata(model: c.llama_model_p, key: str) -> str | None:
    return (
        _text(lambda buffer, size: c.llama_model_meta_val_str(model, key.encode(), buffer, size))
        or None
    )


def _text(read: Any) -> str:
    buffer = ctypes.create_string_buffer(256)
    count = read(buffer, len(buffer))
    return buffer.value.decode(errors="replace") if count > 0 else ""
