"""Models that do not write text: protocols for embedding, reranking, hearing, speaking and drawing, and what is known of a model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from modules.core.images import ImageEvent, ImageRequest, ImageTraits, PromptLength
from modules.core.jobs import Job
from modules.core.speech import Utterance, Voice
from modules.core.transcripts import ListeningRequest, Passage, Recording
from modules.core.vectors import EmbedderTraits, EncodedPair, EncodedText, RerankerTraits


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What is known of a loaded model that does not write text. `options`: the load options in effect."""

    name: str
    loader: str
    capabilities: tuple[str, ...]
    size_bytes: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


class MediaModel(Protocol):
    """What all of them have in common. Everything but `info` is called from one thread, the worker's."""

    @property
    def info(self) -> MediaInfo: ...

    def close(self) -> None:
        """Free the memory, also a GPU's."""
        ...


class Embedder(MediaModel, Protocol):
    """Texts to vectors: first to token ids, in any thread, then many of them at once to vectors, in the worker's."""

    @property
    def traits(self) -> EmbedderTraits:
        """From any thread."""
        ...

    def encode(
        self, texts: Sequence[str], prompt: str | None = None, task: str | None = None
    ) -> list[EncodedText]:
        """As the model reads them, whole: nothing is cut. `prompt` stands before each. Blocking, from any thread."""
        ...

    def encode_ids(self, ids: Sequence[int]) -> EncodedText:
        """A text given as ids of this vocabulary; special tokens are added where they are missing. From any thread."""
        ...

    def cut(self, text: EncodedText, limit: int, *, keeps_end: bool = False) -> EncodedText:
        """The first or last tokens of a text, special tokens kept. From any thread."""
        ...

    def embed(self, batch: Sequence[EncodedText]) -> Any:
        """numpy float32 array of (texts, dimensions), in the order of the texts, of any length each (not normalised).

        No text may have more than `traits.max_tokens`; a batch should stay within `traits.limits`.
        """
        ...


class Reranker(MediaModel, Protocol):
    """How well documents answer a query."""

    @property
    def traits(self) -> RerankerTraits:
        """From any thread."""
        ...

    def encode(
        self, query: str, documents: Sequence[str], max_document_tokens: int | None = None
    ) -> list[EncodedPair]:
        """The query with each document, cut to fit the model and to `max_document_tokens`: the end of the document goes.

        RequestError where the query alone leaves no room. Blocking, from any thread.
        """
        ...

    def score(self, batch: Sequence[EncodedPair]) -> list[float]:
        """From 0 (does not answer) to 1, in the order of the pairs."""
        ...


class Transcriber(MediaModel, Protocol):
    """Speech to text. `info.capabilities` has `translation` where it can write English for what is said in another language."""

    @property
    def languages(self) -> Mapping[str, str]:
        """Codes (ISO 639-1 where there is one) and English names, in lower case, each with its code. From any thread."""
        ...

    def name_of(self, language: str) -> str:
        """The English name of a code, in lower case. From any thread."""
        ...

    def listen(
        self, recording: Recording, request: ListeningRequest, job: Job
    ) -> Iterator[Passage]:
        """What is said, stretch by stretch as it is heard; nothing where there is only silence.

        Calls `job.note` with the stretches done of all, and gives up soon after the job is cancelled.
        """
        ...


class Speaker(MediaModel, Protocol):
    """Text to speech: one channel of 16-bit samples, `sample_rate` a second."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def voices(self) -> Sequence[Voice]:
        """Those worth listing, the default first; `find_voice` may know more. From any thread."""
        ...

    def find_voice(self, name: str | None, language: str | None) -> Voice:
        """By name, also by OpenAI's names; None is the default. Quick, from any thread.

        `language` is what the text is written in. A voice that cannot speak it is returned all the same, and says in its own
        `language` what it speaks. RequestError (`voice`, `language`) where the name or the language does not exist.
        """
        ...

    def speak(self, utterance: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        """Send the samples, little endian, as they are made; none at all where there is nothing to say.

        Cancelled soon after the job was. RequestError where the text cannot be spoken, ModelError where the model fails; after any
        error the next call works.
        """
        ...


class Imager(MediaModel, Protocol):
    """Text, and perhaps a picture, to pictures.

    `info.capabilities` says what it can, of: `text_to_image`, `image_to_image` (an initial picture), `inpainting` (a mask
    beside it), `negative_prompt`, `previews`. The caller asks for nothing else.
    """

    @property
    def traits(self) -> ImageTraits:
        """From any thread."""
        ...

    def measure(self, prompt: str) -> PromptLength:
        """How much of a prompt is read. Quick, from any thread."""
        ...

    def draw(self, request: ImageRequest, job: Job, send: Callable[[ImageEvent], object]) -> None:
        """Send each picture once it is done, in the order of the seeds, and before it the previews that were asked for.

        Calls `job.note` with the steps done of all batches after each step, which raises Cancelled. RequestError where the
        request cannot be followed, ModelError where the model fails; after any error the next request works.
        """
        ...
