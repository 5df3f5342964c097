"""A reply that is begun already: the text goes to the end of the prompt. Pure functions."""

from dataclasses import replace

from modules.core.messages import Image, Message
from modules.prompts.modes import ModePrompt, StagedChat
from modules.prompts.prompt import Prompt, Verbatim


def with_prefix(rendered: ModePrompt, prefix: str) -> ModePrompt:
    """A space at its end is left to the model, which writes it as the beginning of a word."""
    if not prefix:
        return rendered
    text = (" " if rendered.drops_leading_space else "") + prefix
    *before, last = rendered.prompt.parts or ("",)
    added = text.removesuffix(" ")
    if isinstance(last, Image):
        parts = (*before, last, added)
    elif isinstance(last, Verbatim):
        parts = (*before, Verbatim(last.text + added))
    else:
        parts = (*before, last + added)
    return replace(rendered, prompt=Prompt(parts), drops_leading_space=text.endswith(" "))


def with_begun_message(staged: StagedChat, prefix: str) -> StagedChat:
    """The same for messages that another server renders: the reply goes on from a message."""
    if not prefix:
        return staged
    messages = list(staged.messages)
    text = prefix
    if staged.continues_last:
        text = messages.pop().text + (" " if staged.drops_leading_space else "") + prefix
    messages.append(Message("assistant", text.removesuffix(" ")))
    return StagedChat(messages, True, staged.stops, text.endswith(" "))
