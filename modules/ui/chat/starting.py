"""From a task to a running reply of the model."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from modules.chats.conversation import Conversation
from modules.chats.messages import read_images, to_messages
from modules.chats.store import ConversationStore
from modules.chats.turns import Turn, Version
from modules.context import AppContext
from modules.core.asked import ChatRequest
from modules.core.messages import Message
from modules.engine.model import LoadedModel
from modules.replies.chat_plan import plan_chat
from modules.replies.plans import ChatPlan
from modules.replies.start import in_thread, start
from modules.ui.chat.asking import Manner, to_request, with_swapped_roles
from modules.ui.chat.tasks import Task, goes_on
from modules.ui.chat.writing import Start, Started
from modules.ui.model.actions import refuse_without_model


def reply_starter(
    context: AppContext, task: Task, manner: Manner, store: ConversationStore
) -> Start:
    """For the model's part in the chat."""

    def request(version: Version, has_tools: bool, model: LoadedModel) -> ChatRequest:
        chat = task.asked
        if version.steps:
            chat = replace(chat, turns=(*chat.turns, Turn("assistant", (version,))))
        wanted = manner if has_tools else replace(manner, tools=())
        messages = _messages(chat, store, model, context.settings.max_image_pixels)
        return to_request(messages, wanted, context.settings, continues_last=goes_on(version))

    return _starter(context, request)


def user_starter(
    context: AppContext, task: Task, manner: Manner, store: ConversationStore
) -> Start:
    """For the user's part: the model takes it."""

    def request(version: Version, has_tools: bool, model: LoadedModel) -> ChatRequest:
        messages = with_swapped_roles(
            _messages(task.asked, store, model, context.settings.max_image_pixels)
        )
        if version.text:
            messages.append(Message("assistant", version.text))
        continues = bool(version.text)
        return to_request(messages, manner.swapped(), context.settings, continues_last=continues)

    return _starter(context, request)


def _messages(
    chat: Conversation, store: ConversationStore, model: LoadedModel, max_pixels: int
) -> tuple[Message, ...]:
    read = partial(store.read_file, chat.id)
    keeps_files = model.info.renders_itself
    images = read_images(chat, read, max_pixels=max_pixels, keeps_files=keeps_files)
    return to_messages(chat, images)


def _starter(
    context: AppContext, request: Callable[[Version, bool, LoadedModel], ChatRequest]
) -> Start:
    @asynccontextmanager
    async def begin(version: Version, has_tools: bool) -> AsyncGenerator[Started]:
        refuse_without_model(context.models)
        async with context.models.lease() as model:

            def plan() -> ChatPlan:
                return plan_chat(request(version, has_tools, model), model, context.hooks)

            planned = await in_thread(plan, model)
            stream = start(planned, model, context.hooks)
            try:
                await stream.taken()
                yield Started(stream, model.name, model.info.context_length, planned.truncated or 0)
            finally:
                await stream.aclose()

    return begin
