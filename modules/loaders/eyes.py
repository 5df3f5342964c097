"""What a runner with eyes does with pictures, besides decoding them."""

import threading
from typing import Protocol

from modules.core.errors import ModelError, Unsupported
from modules.core.messages import Image
from modules.core.requests import GenerationRequest
from modules.loaders.base import PlacedImage
from modules.loaders.pictures import EncodedImage, ImageStore
from modules.loaders.places import PromptPlaces


class Projector(Protocol):
    """Pictures to embeddings of the language model. `place` may be called from any thread, `encode` from one at a time."""

    def place(self, image: Image) -> PlacedImage: ...

    def encode(self, image: Image) -> EncodedImage: ...

    def close(self) -> None: ...


class Vision:
    """Encodes each picture once, in the thread of the one who asks."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._store = ImageStore()
        self._lock = threading.Lock()

    def place(self, image: Image) -> PlacedImage:
        return self._projector.place(image)

    def prepare(self, request: GenerationRequest) -> None:
        if request.prompt_logprobs is not None:
            raise Unsupported(
                "Log-probabilities of the prompt are not there for prompts with pictures.",
                param="prompt_logprobs",
            )
        for media in request.media:
            self._encoded(media.image)

    def places(self, request: GenerationRequest) -> PromptPlaces:
        """Where the pictures are in a prompt; ModelError when it was made for another model."""
        images = [self._encoded(media.image) for media in request.media]
        for media, image in zip(request.media, images, strict=True):
            if media.length != image.length:
                raise ModelError("A picture takes more or less room than was left for it.")
        return PromptPlaces(request.media, images)

    def close(self) -> None:
        self._projector.close()

    def _encoded(self, image: Image) -> EncodedImage:
        encoded = self._store.find(image)
        if encoded is not None:
            return encoded
        with self._lock:  # who sends the same picture at the same time waits for it here
            encoded = self._store.find(image)
            if encoded is None:
                encoded = self._projector.encode(image)
                self._store.keep(image, encoded)
        return encoded
