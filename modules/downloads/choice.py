"""Which files of a repository to fetch: what was asked for, else what a model of that kind needs and no more."""

import re
from collections.abc import Callable, Mapping, Sequence

from modules.core.errors import RequestError
from modules.core.options import shown
from modules.downloads.ggufs import (
    GgufModel,
    choose_mmproj,
    gguf_models,
    is_gguf,
    is_mmproj,
    with_all_parts,
)
from modules.downloads.patterns import matching, without
from modules.downloads.remote import RemoteFile, RemoteRepository, check_remote_file
from modules.downloads.sizes import shown_size
from modules.downloads.wanted import Purpose, Wanted

LISTED = 40
MAX_FILES = 2000
_TEXTS = (".json", ".jinja", ".model", ".txt", ".tiktoken", ".py", ".md", ".yaml", ".yml")
_TEXT_NAMES = ("license", "license.txt", "notice")
_UNUSED_FOLDERS = ("onnx", "openvino", "original", "coreml", "metal", "flax", "tf", "runs", "logs")
"""Where repositories keep the same weights for other programs."""
_OLD_WEIGHTS = re.compile(r"(diffusion_pytorch_model|pytorch_model|adapter_model|model)\b.*\.bin$")
_OTHER_INDEX = re.compile(r"\.(bin|msgpack|h5)\.index\.json$")
_VARIANT = re.compile(r"\.(fp16|bf16|fp32|non_ema)(?=[.-])")

Files = Sequence[RemoteFile]


def choose_files(repository: RemoteRepository, wanted: Wanted) -> list[RemoteFile]:
    """RequestError with the files and their sizes where nobody can tell which are meant."""
    files = [file for file in repository.files if not file.is_hidden]
    if wanted.files:
        chosen = _named(files, wanted)
    else:
        chosen = _DEFAULTS.get(wanted.purpose, _choose_model)(
            without(files, wanted.exclude), wanted
        )
    chosen = without(_with_mmproj(chosen, files, wanted), wanted.exclude)
    if not chosen:
        raise RequestError("Nothing is left to fetch: `exclude` fits all files.", param="exclude")
    if len(chosen) > MAX_FILES:
        raise RequestError(
            f"These are {len(chosen)} files, and at most {MAX_FILES} are fetched at once.",
            param="files",
        )
    for file in chosen:
        check_remote_file(file, repository.name)
    return chosen


def _named(files: Files, wanted: Wanted) -> list[RemoteFile]:
    chosen: dict[RemoteFile, None] = {}
    for pattern in wanted.files:
        found = matching(pattern, files)
        if not found:
            raise RequestError(
                f"{wanted.model} has no file {shown(pattern)}. It has: {_listed(files)}.",
                param="files",
            )
        is_word = not any(sign in pattern for sign in "*?[.")
        if is_word and len(gguf_models(found)) > 1:
            raise _ambiguous(wanted, gguf_models(found))
        chosen.update(dict.fromkeys(found))
    return with_all_parts(list(chosen), files)


def _with_mmproj(chosen: Files, files: Files, wanted: Wanted) -> Files:
    """Beside a model that can see lies its projector."""
    if wanted.purpose != "models" or any(is_mmproj(file) for file in chosen):
        return chosen
    projector = choose_mmproj(files)
    has_model = any(is_gguf(file) for file in chosen)
    return [*chosen, projector] if has_model and projector is not None else chosen


def _choose_model(files: Files, wanted: Wanted) -> Files:
    models = gguf_models(files)
    chosen = _choose_folder(files, ".safetensors")
    if not chosen and models:
        return _choose_gguf(models, wanted)
    chosen = chosen or _choose_folder(files, ".bin")
    if not chosen:
        raise _unknown(files, wanted)
    return chosen


def _choose_gguf(models: Sequence[GgufModel], wanted: Wanted) -> Files:
    if len(models) > 1:
        raise _ambiguous(wanted, models)
    if not models[0].is_whole:
        raise RequestError(f"{wanted.model} lacks parts of {models[0].parts[0].name}.")
    return models[0].parts


def _choose_folder(files: Files, ending: str) -> Files:
    """Configurations, tokenizer, templates, and the weights in one format."""
    kept = [file for file in files if not _is_for_others(file)]
    weights = [file for file in kept if _is_weight(file, ending)]
    texts = [file for file in kept if _is_text(file) and not _is_foreign_index(file, ending)]
    return [*texts, *_without_doubles(weights)] if weights else []


def _is_for_others(file: RemoteFile) -> bool:
    return any(
        part.lower() in _UNUSED_FOLDERS or part.startswith("checkpoint-") for part in file.folders
    )


def _is_weight(file: RemoteFile, ending: str) -> bool:
    if ending == ".bin":
        return _OLD_WEIGHTS.search(file.name) is not None
    return file.path.endswith(ending)


def _is_text(file: RemoteFile) -> bool:
    return file.path.lower().endswith(_TEXTS) or file.name.lower() in _TEXT_NAMES


def _is_foreign_index(file: RemoteFile, ending: str) -> bool:
    match = _OTHER_INDEX.search(file.name)
    return match is not None and f".{match[1]}" != ending


def _without_doubles(weights: Files) -> Files:
    """Weights that are there in several precisions, or once more in one piece beside their parts."""
    paths = {file.path for file in weights}
    has_parts = any(file.name.startswith("model") for file in weights)
    return [
        file
        for file in weights
        if not (_VARIANT.search(file.name) and _plain_path(file) in paths)
        and not (has_parts and file.name.startswith("consolidated"))
    ]


def _plain_path(file: RemoteFile) -> str:
    return "/".join((*file.folders, _VARIANT.sub("", file.name)))


def _choose_image(files: Files, wanted: Wanted) -> Files:
    if any(file.path == "model_index.json" for file in files):
        kept = [file for file in files if file.folders or _is_text(file)]
        chosen = _choose_folder(kept, ".safetensors") or _choose_folder(kept, ".bin")
        if not chosen:
            raise _unknown(files, wanted)
        return chosen
    return _choose_single(files, wanted, (".safetensors", ".ckpt"))


def _choose_whisper(files: Files, wanted: Wanted) -> Files:
    return _choose_single(files, wanted, (".pt",))


def _choose_mmproj(files: Files, wanted: Wanted) -> Files:
    projector = choose_mmproj(files)
    if projector is None:
        raise _unknown(files, wanted)
    return [projector]


def _choose_speech(files: Files, wanted: Wanted) -> Files:
    voices = [file for file in files if file.path.endswith(".onnx")]
    _choose_single(voices, wanted, (".onnx",))
    return [*voices, *(file for file in files if _is_text(file) or file.path.endswith(".bin"))]


def _choose_single(files: Files, wanted: Wanted, endings: tuple[str, ...]) -> Files:
    found = [file for file in files if file.path.lower().endswith(endings)]
    if not found:
        raise _unknown(files, wanted)
    if len(found) > 1:
        raise RequestError(
            f"{wanted.model} has {len(found)} models; name one of them in `files` (--file): {_listed(found)}.",
            param="files",
            code="ambiguous_files",
        )
    return found


_DEFAULTS: Mapping[Purpose, Callable[[Files, Wanted], Files]] = {
    "image": _choose_image,
    "whisper": _choose_whisper,
    "speech": _choose_speech,
    "mmproj": _choose_mmproj,
}


def _ambiguous(wanted: Wanted, models: Sequence[GgufModel]) -> RequestError:
    names = [
        f"{model.parts[0].path} ({shown_size(model.size)}"
        + (f", {len(model.parts)} parts)" if len(model.parts) > 1 else ")")
        for model in models
    ]
    return RequestError(
        f"{wanted.model} has {len(names)} GGUF models; name one of them in `files` (--file): {_joined(names)}.",
        param="files",
        code="ambiguous_files",
    )


def _unknown(files: Files, wanted: Wanted) -> RequestError:
    return RequestError(
        f"{wanted.model} has no files of a known kind for {wanted.purpose!r}; name them in `files` (--file): {_listed(files)}.",
        param="files",
    )


def _listed(files: Files) -> str:
    return _joined([f"{file.path} ({shown_size(file.size)})" for file in files])


def _joined(names: Sequence[str]) -> str:
    """Names come from the hub: what cannot be printed is not shown."""
    printable = [name for name in names if name.isprintable()]
    more = f", and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(printable[:LISTED]) + more if printable else "nothing"
