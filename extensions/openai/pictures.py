"""The pictures of a request, fetched and decoded."""

from collections.abc import Mapping, Sequence

from extensions.openai.message_types import ChatMessage
from extensions.openai.messages import Place, pictures_in
from modules.core.errors import Unsupported
from modules.core.messages import Image
from modules.engine.model import LoadedModel
from modules.hooks import Hooks
from modules.settings import Settings


async def load_pictures(
    messages: Sequence[ChatMessage],
    model: LoadedModel,
    settings: Settings,
    hooks: Hooks | None = None,
) -> Mapping[Place, Image]:
    """Unsupported, before anything is fetched, when the model has no eyes, unless an extension may put something in their place; what
    it leaves is refused with the prompt.
    """
    pictures = list(pictures_in(messages))
    if not pictures:
        return {}
    may_replace = hooks is not None and hooks.has("history_modifier")
    if "vision" not in model.info.capabilities and not may_replace:
        raise Unsupported(
            f"{model.info.name} takes text only: a vision model and its projector (mmproj) are needed for pictures.",
            param=pictures[0].param,
        )
    from extensions.openai.images_in import ImageSource, load_images

    sources = [ImageSource(picture.url, picture.param) for picture in pictures]
    images = await load_images(sources, settings, keeps_files=model.info.renders_itself)
    return {picture.place: image for picture, image in zip(pictures, images, strict=True)}
