"""A rendered prompt, before it is tokenized."""

from dataclasses import dataclass

from modules.core.messages import Image


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text that came from outside: what looks like a control token in it is only text."""

    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Template text, where control tokens are read, with verbatim texts and pictures at their places."""

    parts: tuple[str | Verbatim | Image, ...]

    @property
    def text(self) -> str:
        """For people to read; a picture is `<__media__>`."""
        return "".join(_shown(part) for part in self.parts)


def _shown(part: str | Verbatim | Image) -> str:
    if isinstance(part, Image):
        return "<__media__>"
    return part if isinstance(part, str) else part.text
