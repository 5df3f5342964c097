"""The OpenAI-compatible API, coming in through the same door as any other extension."""

from extensions.openai.service import ApiService
from modules.context import AppContext


def setup(context: AppContext) -> None:
    context.hooks.services.append(ApiService(context))
