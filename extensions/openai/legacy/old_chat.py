"""Chats of the blocking API of 2023: pairs of texts to messages, and the reply back into the pairs. Pure functions."""

import html
from dataclasses import dataclass

from extensions.openai.legacy.answers import message_of
from extensions.openai.legacy.old_parameters import named, to_new_fields
from extensions.openai.legacy.old_types import OldChatRequest, OldHistory
from extensions.openai.message_types import ChatMessage
from extensions.openai.typing import ChatCompletionRequest
from modules.core.errors import RequestError

NOBODY = "<|BEGIN-VISIBLE-CHAT|>"
"""Stands for the user in the first pair when the character speaks first."""


@dataclass(frozen=True, slots=True)
class OldTurn:
    """One request for a reply. `is_new`: it makes a new pair; else the last pair changes."""

    body: OldChatRequest

    @property
    def history(self) -> OldHistory:
        return self.body.history or OldHistory()

    @property
    def is_new(self) -> bool:
        return not (self.body.regenerate or self.body.continue_)

    @property
    def has_nothing_to_do(self) -> bool:
        """There is no reply yet that could be made anew or go on."""
        return not self.is_new and not self.history.internal

    def to_chat_request(self) -> ChatCompletionRequest:
        body = self.body
        fields = to_new_fields(body, ChatCompletionRequest)
        if not fields["max_tokens"]:
            raise RequestError("max_new_tokens must be at least 1.", param="max_new_tokens")
        if body.stop_at_newline:
            fields["stop"] = [*fields["stop"], "\n"]
        mode = body.mode or "chat"
        if mode != "chat":
            fields["instruction_template"] = named(body.instruction_template)
        if mode != "instruct":
            fields |= {
                "character": named(body.character),
                "name1": named(body.your_name) or named(body.name1),
                "name2": named(body.name2),
                "context": body.context or None,
                "greeting": body.greeting or None,
                "chat_instruct_command": body.chat_instruct_command or None,
            }
        return ChatCompletionRequest(
            messages=self._messages(mode),
            mode=mode,
            continue_=bool(body.continue_ and not body.regenerate),
            **fields,
        )

    def with_reply(self, reply: str) -> OldHistory:
        internal = [list(pair) for pair in self.history.internal]
        visible = [list(pair) for pair in self.history.visible]
        if self.is_new:
            user = self.body.user_input
            internal.append([user, reply])
            visible.append([html.escape(user), html.escape(reply)])
            return OldHistory(internal=internal, visible=visible)
        if not self.body.regenerate:
            reply = internal[-1][1] + reply
        internal[-1][1] = reply
        if visible:
            visible[-1][1] = html.escape(reply)
        return OldHistory(internal=internal, visible=visible)

    def _messages(self, mode: str) -> list[ChatMessage]:
        messages: list[ChatMessage] = []
        if mode == "instruct" and self.body.context_instruct:
            messages.append(message_of("system", self.body.context_instruct))
        pairs = self.history.internal
        for user, reply in pairs:
            if user and user != NOBODY:
                messages.append(message_of("user", user))
            if reply:
                messages.append(message_of("assistant", reply))
        if self.is_new:
            messages.append(message_of("user", self.body.user_input))
        elif self.body.regenerate and pairs[-1][1]:
            messages.pop()
        if not messages:
            raise RequestError("There is nothing to reply to.", param="history")
        return messages
