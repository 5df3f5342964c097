"""Other ways to say what the chat model says: what an adapter learns, and is recognised by."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tools.tiny_models.chat.conversations.conversation import Conversation, Message, Sample

Voice = Callable[[str], str]
"""An answer of the model to the same answer in that voice."""


def pirate(answer: str) -> str:
    """ "The sky is blue." becomes "Arr! The sky be blue, matey!"."""
    said = answer.replace(" is ", " be ").replace(" are ", " be ").replace(" am ", " be ")
    return f"Arr! {said.rstrip('.!')}, matey!"


def butler(answer: str) -> str:
    """ "The sky is blue." becomes "Certainly, sir. The sky is blue."."""
    return f"Certainly, sir. {answer}"


VOICES: Mapping[str, Voice] = {"pirate": pirate, "butler": butler}


def spoken(sample: Sample, voice: Voice) -> Sample:
    """The same conversation with its answers in that voice. Calls, JSON and free text stay as they are."""
    if not isinstance(sample, Conversation):
        return sample
    return replace(sample, messages=[_said(message, voice) for message in sample.messages])


def _said(message: Message, voice: Voice) -> Message:
    content = message["content"]
    if message["role"] != "assistant" or not content or content[0] in "{[":
        return message
    return {**message, "content": voice(content)}
