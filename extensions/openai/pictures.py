"""The pictures of a request, fetched and decoded."""

from collections.abc import Mapping, Sequence

from extensions.openai.message_types import ChatMessage
from extensions.openai.messages import Place, pictures_in
from modules.core.errors import Unsupported
from modules.core.messages import Image
from modules.engine.model import LoadedModel
from modules.settings import Settings


async def load_pictures(
    messages: Sequence[ChatMessage], model: LoadedModel, settings: Settings
) -> Mapping[Place, Image]:
    """Unsupported, before anything is fetched, when the model has no eyes."""
    pictures = list(pictures_in(messages))
    if not pictures:
        return {}
    if "vision" not in model.info.capabilities:
        raise Unsupported(
            f"{model.info.name} takes text only: a vision model and its projector (mmproj) are needed for pictures.",
            param=pictures[0].param,
        )
    from extensions.openai.images_in import ImageSource, load_images

    sources = [ImageSource(picture.url, picture.param) for picture in pictures]
    images = await load_images(sources, settings, keeps_files=model.info.renders_itself)
    return {picture.place: image for picture, image in zip(pictures, images, strict=True)}
