"""What a face asks for: a reply to a chat, or a text to go on with. Plain values, before there is any prompt.

Every face makes one of these, `modules.replies` makes prompts of them, and the hooks of extensions get them as `state`.
"""

from dataclasses import dataclass, field
from typing import Literal

from modules.core.messages import Image, Message
from modules.core.requests import Adapters
from modules.core.sampling import SamplingParams
from modules.core.wishes import NO_TOOLS, Constraint, Thinking, ToolUse

Face = Literal["api", "ui"]
Mode = Literal["instruct", "chat", "chat-instruct"]

DEFAULT_USER = "You"
DEFAULT_BOT = "AI"


@dataclass(frozen=True, slots=True)
class Persona:
    """Who talks to whom. The texts are ready for use: no placeholders are left in them."""

    user_name: str = DEFAULT_USER
    bot_name: str = DEFAULT_BOT
    context: str = ""
    greeting: str = ""
    user_bio: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What both kinds of requests have.

    `sampling`: all values, defaults included; `given`: names of those that the caller said, even if with their default, which matters to
    models of another server. `max_tokens`: None for as many as fit (a chat) or the default (a text). `logprobs`: alternatives to report
    for each token, 0 for the token alone, None for nothing; `sampled_logprobs`: as the samplers leave them;
    `scores_end`: also for the token that ends the reply.
    `person`: the login name of who asks in the web UI with --multi-user; empty where all share everything, and for the API.
    `model`: the name of the one that answers; set when that is known. `stop_id` names the request for `Engine.stop`. `adapters`: None means the model's default ones. `count`: replies to the one prompt.
    """

    face: Face = "api"
    person: str = ""
    model: str = ""
    sampling: SamplingParams = field(default_factory=SamplingParams)
    given: frozenset[str] = frozenset()
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    constraint: Constraint | None = None
    logprobs: int | None = None
    sampled_logprobs: bool = False
    scores_end: bool = False
    skip_special_tokens: bool = True
    stop_id: str = ""
    adapters: Adapters | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest(Asked):
    """A reply to `messages`.

    `character`: the file that the persona came from, for whoever wants to know; the persona alone counts. `command`: what mode
    chat-instruct asks the model. `template_name`: a file of instruction-templates instead of the model's own, `template_text`: the
    template itself; `transcript_text`: that of modes chat and chat-instruct. `continues_last`: the reply goes on from the end of the last
    message, which is the assistant's. `can_truncate`: the oldest messages may be left out where all do not fit.
    """

    messages: tuple[Message, ...]
    mode: Mode = "instruct"
    persona: Persona = Persona()
    character: str | None = None
    command: str | None = None
    template_name: str | None = None
    template_text: str | None = None
    transcript_text: str | None = None
    tools: ToolUse = NO_TOOLS
    thinking: Thinking = field(default_factory=Thinking)
    continues_last: bool = False
    can_truncate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest(Asked):
    """A text to go on with.

    `text`, or `ids` instead (then the text is not looked at). `images`: pictures, for which `<__media__>` stands in the text, else they come
    first. `suffix`: what comes after the gap that is to be filled. `adds_bos`: begin as the model expects it. `prompt_logprobs`: as
    `logprobs`, for the prompt's own tokens.
    """

    text: str = ""
    ids: tuple[int, ...] | None = None
    images: tuple[Image, ...] = ()
    suffix: str = ""
    adds_bos: bool = True
    prompt_logprobs: int | None = None
