# pyright: basic
"""From a folder of safetensors to a runner. Everything that fails says why."""

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    GenerationConfig,
)

from modules.core.errors import AppError, LoadError, RequestError
from modules.core.traces import WITH_MESSAGES
from modules.loaders.base import ModelInfo, Progress
from modules.loaders.eyes import Vision
from modules.loaders.hf.masks import FULL, SLIDING, Masks
from modules.loaders.hf.projector import open_projector
from modules.loaders.hf.runner import HfRunner
from modules.loaders.hf.tokenizer import HfTokenizer
from modules.loaders.hf.trial import Trial
from modules.loaders.llamacpp.sampling import HONOURED

log = logging.getLogger("hearth.transformers")

DEFAULT_CONTEXT = 8192
MAX_REASON = 300


def load_runner(path: Path, name: str, options: Mapping[str, Any], progress: Progress) -> HfRunner:
    """Load a folder with checked options (`modules.loaders.options.TransformersOptions`)."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    _report(progress, 0.0)
    with _told(path):
        config = AutoConfig.from_pretrained(path, **_source(options))
        _check_config(config)
        tokenizer = _load_tokenizer(path, config, options)
        _report(progress, 0.1)
        model = _load_model(path, config, options)
        _report(progress, 0.9)
        runner = _build(path, name, model, tokenizer, options)
    _report(progress, 1.0)
    return runner


def _report(progress: Progress, share: float) -> None:
    if not progress(share):
        raise LoadError("The load was given up")


@contextlib.contextmanager
def _told(path: Path) -> Any:
    """What the libraries raise, as one sentence."""
    try:
        yield
    except AppError:
        raise
    except ImportError as error:
        raise LoadError(
            f"{path.name} needs a package that is not installed: {_first_line(error)}"
        ) from error
    except torch.OutOfMemoryError as error:
        raise LoadError(f"There is not enough memory on the device for {path.name}") from error
    except Exception as error:
        log.debug("Loading failed", exc_info=True, extra=WITH_MESSAGES)
        raise LoadError(
            f"transformers could not load {path.name}: {type(error).__name__}: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or ["no reason was given"])[0][:MAX_REASON]


def _source(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"local_files_only": True, "trust_remote_code": options["trust_remote_code"]}


def _check_config(config: Any) -> None:
    if getattr(config, "is_encoder_decoder", False):
        raise LoadError("This is an encoder-decoder model; only models that only decode are served")
    names = getattr(config, "architectures", None) or []
    if names and not any(
        "ForCausalLM" in n or "LMHead" in n or "ForConditional" in n for n in names
    ):
        raise LoadError(f"This is no model that writes text ({', '.join(names)})")


def _load_tokenizer(path: Path, config: Any, options: Mapping[str, Any]) -> HfTokenizer:
    try:
        fast = AutoTokenizer.from_pretrained(path, **_source(options))
    except Exception as error:
        raise LoadError(
            f"The tokenizer of {path.name} cannot be read: {_first_line(error)}"
        ) from error
    size = config.get_text_config().vocab_size
    return HfTokenizer(fast, size, _end_ids(path, config, fast))


def _end_ids(path: Path, config: Any, fast: Any) -> list[int]:
    with contextlib.suppress(OSError, ValueError):
        config = GenerationConfig.from_pretrained(path, local_files_only=True)
    ends = config.eos_token_id
    listed = ends if isinstance(ends, list) else [ends]
    return [i for i in [*listed, fast.eos_token_id] if isinstance(i, int)]


def _load_model(path: Path, config: Any, options: Mapping[str, Any]) -> Any:
    device_map = "cpu" if options["cpu"] else options["device_map"]
    has_gpu = torch.cuda.is_available() and device_map != "cpu"
    dtype, attention = options["dtype"], options["attn_implementation"]
    if dtype == "auto":
        dtype = "auto" if has_gpu else "float32"
    has_eyes = type(config) in AutoModelForImageTextToText._model_mapping
    kind = AutoModelForImageTextToText if has_eyes else AutoModelForCausalLM
    model = kind.from_pretrained(
        path,
        config=config,
        dtype=dtype,
        device_map=device_map,
        attn_implementation=None if attention == "auto" else attention,
        quantization_config=_quantization(options),
        use_safetensors=True,
        **_source(options),
    )
    return model.eval()


def _quantization(options: Mapping[str, Any]) -> Any:
    """bitsandbytes' settings; None where nothing is quantised."""
    if not (options["load_in_8bit"] or options["load_in_4bit"]):
        return None
    if options["load_in_8bit"] and options["load_in_4bit"]:
        raise RequestError(
            "load_in_8bit and load_in_4bit exclude each other", param="args.load_in_4bit"
        )
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_8bit=options["load_in_8bit"],
        load_in_4bit=options["load_in_4bit"],
        bnb_4bit_compute_dtype=getattr(torch, options["compute_dtype"]),
        bnb_4bit_quant_type=options["quant_type"],
        bnb_4bit_use_double_quant=options["use_double_quant"],
    )


def _build(
    path: Path, name: str, model: Any, tokenizer: HfTokenizer, options: Mapping[str, Any]
) -> HfRunner:
    config = model.config.get_text_config()
    trained = getattr(config, "max_position_embeddings", None)
    ctx_size = options["ctx_size"] or min(trained or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
    if trained and ctx_size > trained:
        log.warning(
            "ctx_size %d is more than the %d tokens the model was trained on", ctx_size, trained
        )
    kinds = _layer_kinds(config)
    masks = Masks(kinds, getattr(config, "sliding_window", None), model.dtype)
    slots = options["parallel"]
    memory = Trial(model, masks, kinds).memory(slots)
    projector = open_projector(path, model, _source(options))
    in_effect = {
        **options,
        "ctx_size": ctx_size,
        "dtype": str(model.dtype).removeprefix("torch."),
        "vision": projector is not None,
        "batched": memory.batches_rows,
    }
    info = _describe(path, name, model, tokenizer, in_effect)
    vision = None if projector is None else Vision(projector)
    return HfRunner(model, tokenizer, info, memory, masks, vision)


def _layer_kinds(config: Any) -> frozenset[str]:
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return frozenset(kinds)
    has_window = getattr(config, "sliding_window", None) and getattr(
        config, "use_sliding_window", True
    )
    return frozenset({SLIDING if has_window else FULL})


def _describe(
    path: Path, name: str, model: Any, tokenizer: HfTokenizer, options: Mapping[str, Any]
) -> ModelInfo:
    config = model.config.get_text_config()
    fast = tokenizer.fast
    can_infill = tokenizer.infill("", "") is not None
    return ModelInfo(
        name=name,
        loader="transformers",
        context_length=options["ctx_size"],
        slots=options["parallel"],
        vocabulary_size=tokenizer.size,
        samplers=HONOURED,
        capabilities=("completion", "chat", "logprobs", "grammar", "lora")
        + (("infill",) if can_infill else ())
        + (("vision",) if options["vision"] else ()),
        chat_template=_chat_template(fast),
        bos_text=tokenizer.text_of(fast.bos_token),
        eos_text=tokenizer.text_of(fast.eos_token),
        train_context_length=getattr(config, "max_position_embeddings", None),
        architecture=config.model_type,
        description=(getattr(model.config, "architectures", None) or [None])[0],
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        size_bytes=sum(file.stat().st_size for file in path.glob("*.safetensors")),
        options=options,
    )


def _chat_template(fast: Any) -> str | None:
    template = fast.chat_template
    if isinstance(template, dict):
        return template.get("default")
    return template or None
