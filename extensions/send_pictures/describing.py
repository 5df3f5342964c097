"""A vision model asked about a picture, for a thread that waits for the answer."""

from modules.context import AppContext
from modules.core.asked import ChatRequest
from modules.core.errors import NotInstalled, RequestError
from modules.core.messages import Image, Message
from modules.engine.model import LoadedModel
from modules.hooks import Hooks
from modules.loaders.projectors import choose_projector, is_projector
from modules.replies.chat_plan import plan_chat
from modules.replies.plans import ChatPlan
from modules.replies.start import start

VISION = "vision"


class Describer:
    """`wanted`: name of an installed model; the first that has a projector beside it when empty."""

    def __init__(self, context: AppContext, wanted: str = "") -> None:
        self._context = context
        self._wanted = wanted

    def can_see(self, name: str) -> bool:
        """Whether the model of this name does, which is loaded for the request at hand."""
        model = self._context.models.get(name)
        return model is not None and VISION in model.info.capabilities

    def describe(
        self, image: Image, question: str, max_tokens: int, timeout_s: float, *, answering: str
    ) -> str:
        """`answering`: name of the model that gets the description. AppError says why there is none."""
        wait_for = self._context.hooks.loop.wait_for
        lease = self._context.models.lease(self._seeing())
        model = wait_for(lease.__aenter__(), timeout_s)
        try:
            if VISION not in model.info.capabilities:
                raise RequestError(f"the model {model.name} cannot see.")
            plan = self._plan(model, image, question, max_tokens)
            return wait_for(self._answer(plan, model), timeout_s)
        finally:
            wait_for(lease.__aexit__(None, None, None))
            wait_for(self._use(answering), timeout_s)

    async def _use(self, name: str) -> None:
        """Requests that name no model go to the one that was used last, which shall not be the one that looked."""
        async with self._context.models.lease(name):
            pass

    def _plan(self, model: LoadedModel, image: Image, question: str, max_tokens: int) -> ChatPlan:
        """Without hooks: this one would ask itself."""
        settings = self._context.settings
        request = ChatRequest(
            messages=(Message("user", (image, question)),),
            sampling=settings.sampling.updated({"temperature": 0}),
            max_tokens=max_tokens,
        )
        return plan_chat(request, model, Hooks())

    async def _answer(self, plan: ChatPlan, model: LoadedModel) -> str:
        stream = start(plan, model, Hooks())
        try:
            await stream.taken()
            return (await stream.fold()).text.strip() or "nothing that can be made out."
        finally:
            await stream.aclose()

    def _seeing(self) -> str:
        """Name of the model that looks. Reads the folder."""
        if self._wanted:
            return self._wanted
        for loaded in self._context.models.loaded:
            if VISION in loaded.info.capabilities:
                return loaded.name
        for model in self._context.models.catalog.models():
            is_file = model.path.suffix == ".gguf" and not is_projector(model.path)
            if is_file and choose_projector(model.path, "") is not None:
                return model.name
        raise NotInstalled("no model that sees pictures is installed.")
