# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""From the logits of a row to the next token, and to the log-probabilities that are reported beside it."""

import logging
from collections.abc import Sequence as Tokens
from typing import Any

import numpy as np

from modules.core.errors import ModelError, RequestError
from modules.core.events import TokenChoice, TokenLogprob
from modules.loaders.base import Sequence
from modules.loaders.llamacpp import library
from modules.loaders.llamacpp.sampling import (
    SamplerChain,
    certainty,
    draw_with_probabilities,
    forbid,
    log_softmax,
    logits_view,
    token_logprob,
)

log = logging.getLogger("hearth.llamacpp")


class TokenView(Tokens[int]):
    """The tokens of a sequence, to look at: a copy of them for each new one would take longer and longer."""

    def __init__(self, tokens: list[int]) -> None:
        self._tokens = tokens

    def __getitem__(self, index: Any) -> Any:
        return self._tokens[index]

    def __len__(self) -> int:
        return len(self._tokens)


class Drawer:
    """Reads the rows of the batch that was decoded last."""

    def __init__(self, context: Any, tokenizer: Any) -> None:
        self._context = context
        self._tokenizer = tokenizer

    def draw(
        self, sequence: Sequence, chain: SamplerChain, row: int
    ) -> tuple[int, TokenLogprob | None]:
        """ModelError when the logits are no numbers; RequestError when grammar and bans leave nothing."""
        if sequence.forced:
            return self._take_forced(sequence, chain, row)
        request, constraint = sequence.request, sequence.constraint
        is_first = len(sequence.tokens) == sequence.prompt_length
        is_changed = constraint is not None or bool(request.logits_processors)
        if request.logprobs is None and not is_changed and not is_first:
            return self._draw_plain(chain, row), None
        logits = self._logits(row)
        if np.isnan(logits.max()):
            raise ModelError("The model computed no valid probabilities: its file may be damaged.")
        logprobs = None if request.logprobs is None else log_softmax(logits)
        if is_changed:
            self._change(logits, sequence)
        if request.sampled_logprobs:
            token_id, logprobs = self._draw_reported(chain, logits)
        else:
            token_id = self._draw_plain(chain, row)
        if logprobs is None or request.logprobs is None:
            return token_id, None
        return token_id, self._logprob(logprobs, token_id, request.logprobs, sequence)

    def _take_forced(
        self, sequence: Sequence, chain: SamplerChain, row: int
    ) -> tuple[int, TokenLogprob | None]:
        token_id, wanted = sequence.forced.popleft(), sequence.request.logprobs
        chain.accept(token_id)
        if wanted is None:
            return token_id, None
        if sequence.request.sampled_logprobs:
            logprobs = certainty(token_id, self._tokenizer.size)
        else:
            logprobs = log_softmax(self._logits(row))
        return token_id, self._logprob(logprobs, token_id, wanted, sequence)

    def score(self, sequence: Sequence, first: int, count: int) -> None:
        """Log-probabilities of the prompt's tokens: row i has those of the token after it."""
        start = sequence.computed
        if start == 0:
            choice = self._choice(sequence.tokens[0])
            sequence.prompt_logprobs.append(
                TokenLogprob(choice, shown=self._shown(choice, sequence))
            )
        for offset in range(count):
            position = start + offset + 1
            if position >= sequence.prompt_length:
                break
            logprobs = log_softmax(self._logits(first + offset))
            wanted = sequence.request.prompt_logprobs or 0
            sequence.prompt_logprobs.append(
                self._logprob(logprobs, sequence.tokens[position], wanted, sequence)
            )

    def _logits(self, row: int) -> np.ndarray:
        return logits_view(self._context, row, self._tokenizer.size)

    def _draw_plain(self, chain: SamplerChain, row: int) -> int:
        if chain.is_greedy:
            return int(self._logits(row).argmax())
        return library.sampler_sample(chain.pointer, self._context, row)

    def _draw_reported(self, chain: SamplerChain, logits: np.ndarray) -> tuple[int, np.ndarray]:
        if not chain.is_greedy:
            return draw_with_probabilities(chain, logits)
        token_id = int(logits.argmax())
        return token_id, certainty(token_id, len(logits))

    def _change(self, logits: np.ndarray, sequence: Sequence) -> None:
        """In place: by the functions of extensions, then by the grammar, so that what it forbids stays forbidden."""
        processors, constraint = sequence.request.logits_processors, sequence.constraint
        for process in processors:
            logits[:] = process(TokenView(sequence.tokens), logits)
        has_forbidden = constraint is not None and forbid(logits, constraint.bitmask())
        sampling = sequence.request.sampling
        banned = [*sampling.banned_ids]
        if sampling.ban_eos_token:
            banned += self._tokenizer.end_ids
        if banned:
            logits[banned] = -np.inf
        if (has_forbidden or banned or processors) and logits.max() == -np.inf:
            raise RequestError("The grammar and the banned tokens leave nothing to say.")

    def _choice(self, token_id: int) -> TokenChoice:
        return TokenChoice(token_id, self._tokenizer.piece(token_id, special=True), float("nan"))

    def _shown(self, choice: TokenChoice, sequence: Sequence) -> bytes:
        special = not sequence.request.skip_special_tokens
        return self._tokenizer.piece(choice.token_id, special=special)

    def _logprob(
        self, logprobs: np.ndarray, token_id: int, wanted: int, sequence: Sequence
    ) -> TokenLogprob:
        chosen, alternatives = token_logprob(logprobs, token_id, wanted, self._tokenizer)
        return TokenLogprob(chosen, alternatives, shown=self._shown(chosen, sequence))
