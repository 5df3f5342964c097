"""Where a download goes: the folder of its purpose, and in it one file, or a folder named like the repository."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.core.errors import Conflict, RequestError
from modules.downloads.ggufs import is_gguf, is_mmproj
from modules.downloads.remote import RemoteFile
from modules.downloads.wanted import Purpose, Wanted

Places = Mapping[Purpose, Path]
_STANDALONE = (".gguf", ".pt", ".safetensors", ".ckpt", ".onnx")
_FOLDER_PURPOSES = ("embedding", "rerank", "lora")
"""A single .safetensors file is no model of these."""
_ENTRIES = ("config.json", "model_index.json", "modules.json", "adapter_config.json")
"""By these a folder is recognised as a model."""


@dataclass(frozen=True)
class Layout:
    """`files`: each file's path below `folder`. `root` holds `folder` or is it; staging happens inside `root`."""

    root: Path
    folder: Path
    files: Mapping[RemoteFile, str]

    def path_of(self, file: RemoteFile) -> Path:
        return self.folder / self.files[file]

    @property
    def is_folder(self) -> bool:
        return self.folder != self.root

    @property
    def can_move_whole(self) -> bool:
        """Whether nothing is there yet, so that one rename puts everything in place."""
        return self.is_folder and not self.folder.exists()

    @property
    def model_name(self) -> str:
        """What the model is called once it is there."""
        models = [file for file in self.files if is_gguf(file) and not is_mmproj(file)]
        if models:
            first = min(models, key=lambda file: file.path)
            return self.path_of(first).relative_to(self.root).as_posix()
        if self.is_folder:
            return self.folder.relative_to(self.root).as_posix()
        return next(iter(self.files.values()))

    def in_order(self) -> list[RemoteFile]:
        """What makes a model visible comes last: its first part, its configuration."""
        return sorted(self.files, key=lambda file: (_rank(file), _reversed(file.path)))


def plan_layout(
    wanted: Wanted, chosen: Sequence[RemoteFile], places: Places, output: Path | None = None
) -> Layout:
    """`output`: a folder to use as it is. RequestError when two files would be one here."""
    if output is not None:
        return _checked(Layout(output.parent, output, _names(chosen)))
    root = places.get(wanted.purpose)
    if root is None:
        raise RequestError(f"There is no folder for {wanted.purpose!r}.", param="to")
    if _is_standalone(wanted, chosen):
        return Layout(root, root, {chosen[0]: chosen[0].name})
    return _checked(Layout(root, root / wanted.folder_name, _names(chosen)))


def check_free(layout: Layout, *, overwrite: bool) -> None:
    """Conflict when something else is in the way; files of the same size are compared later, by their checksums."""
    if layout.is_folder and layout.folder.exists() and not layout.folder.is_dir():
        raise Conflict(f"{layout.folder} is a file, and a folder of this name is needed.")
    for file in layout.files:
        path = layout.path_of(file)
        if path.is_dir():
            raise Conflict(f"{path} is a folder, and a file of this name is needed.")
        if not overwrite and path.exists() and path.stat().st_size != file.size:
            raise already_there(path)


def already_there(path: Path) -> Conflict:
    return Conflict(
        f"There is another {path.name} in {path.parent} already: rename or remove it, or ask for `overwrite` (--force).",
        code="file_exists",
    )


def _is_standalone(wanted: Wanted, chosen: Sequence[RemoteFile]) -> bool:
    ending = "." + chosen[0].name.rpartition(".")[2].lower()
    is_one = len(chosen) == 1 and ending in _STANDALONE
    return is_one and (ending == ".gguf" or wanted.purpose not in _FOLDER_PURPOSES)


def _names(chosen: Sequence[RemoteFile]) -> dict[RemoteFile, str]:
    """GGUF files lie side by side, so that a projector is found; other models keep their folders."""
    has_ggufs = any(is_gguf(file) for file in chosen)
    flat = {file: file.name for file in chosen}
    if has_ggufs and len(set(flat.values())) == len(flat):
        return flat
    return {file: file.path for file in chosen}


def _checked(layout: Layout) -> Layout:
    """Some systems know no difference between capital and small letters; and no file is a folder of another."""
    names = [name.lower() for name in layout.files.values()]
    folders = {
        "/".join(name.split("/")[:end]) for name in names for end in range(1, name.count("/") + 1)
    }
    if len(set(names)) != len(names) or folders & set(names):
        raise RequestError("Two of the files would have one name here.", param="files")
    return layout


def _rank(file: RemoteFile) -> int:
    if file.path in _ENTRIES:
        return 2
    return 1 if is_gguf(file) and not is_mmproj(file) else 0


def _reversed(path: str) -> tuple[int, ...]:
    """Sorts from the end of the alphabet: of parts the first one is last."""
    return (*(-ord(character) for character in path), 1)
