"""A runner that says what it was told to say, and fails, waits or gives back when it was told to."""

import threading
from collections.abc import Iterator, Sequence as Tokens
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llguidance import LLTokenizer, TokenizerWrapper

from modules.core.errors import LoadError, ModelError, Unsupported
from modules.core.events import TokenChoice, TokenLogprob
from modules.core.messages import Image
from modules.core.requests import GenerationRequest
from modules.core.sampling import SamplingParams
from modules.loaders.base import ModelInfo, PlacedImage, Sampled, Sequence, Step

END = 256
SPECIAL = 257
BROKEN = 258
WORDS = 259
PATIENCE_S = 20
"""How long a test waits for what must come; reached only when the test fails."""


class FakeTokenizer:
    """Bytes 0 to 255, END, a SPECIAL token `<|x|>`, a BROKEN one without text, then whole words."""

    start_id = 0
    control_texts = frozenset({"<|x|>"})

    def __init__(self, words: Tokens[bytes] = ()) -> None:
        self.words = list(words)
        self.size = WORDS + len(self.words)
        self.longest_piece = max([5, *map(len, self.words)])

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        return list(text.encode())

    def control_text(self, token_id: int) -> str | None:
        return "<|x|>" if token_id in (END, SPECIAL) else None

    def piece(self, token_id: int, *, special: bool) -> bytes:
        if token_id < END:
            return bytes([token_id])
        if token_id in (END, SPECIAL):
            return b"<|x|>" if special else b""
        if token_id == BROKEN:
            raise ModelError("no text for this token")
        return self.words[token_id - WORDS]

    def is_end(self, token_id: int) -> bool:
        return token_id == END

    def infill(self, prefix: str, suffix: str) -> list[int] | None:
        return None


class FakeRunner:
    """`replies`: prompt text -> what is said to it; what is left out is answered by "ok".

    A reply whose tokens are used up ends with END; one in `endless` begins again instead. `image_length`: places of a
    picture, 0 for a model without eyes; in the name of a prompt they are left out.
    """

    def __init__(
        self,
        replies: dict[str, str | list[int]] | None = None,
        *,
        slots: int = 2,
        context_length: int = 1_000_000,
        endless: Tokens[str] = (),
        words: Tokens[bytes] = (),
        name: str = "fake",
        chat_template: str | None = None,
        image_length: int = 0,
    ) -> None:
        self.tokenizer = FakeTokenizer(words)
        self.info = ModelInfo(
            name=name,
            loader="fake",
            context_length=context_length,
            slots=slots,
            vocabulary_size=self.tokenizer.size,
            samplers=frozenset(),
            chat_template=chat_template,
            capabilities=("completion", "chat", *(("vision",) if image_length else ())),
        )
        self.image_length = image_length
        self.replies = replies or {}
        self.endless = set(endless)
        self.running: list[Sequence] = []
        self.admitted: list[str] = []
        self.prepared: list[GenerationRequest] = []
        self.released: list[str] = []
        self.held: set[Sequence] = set()
        self.steps: list[list[str]] = []
        self.threads: set[int] = set()
        self.adapters: tuple[str, ...] = ()
        self.is_closed = False
        self.fail_in_step: list[Exception] = []
        self.fail_in_admit: dict[str, Exception] = {}
        self.refused: set[str] = set()
        self.preempt_next: list[str] = []
        self.fail_next: dict[str, ModelError] = {}
        self._gate = threading.Event()
        self._gate.set()
        self._arrivals = threading.Semaphore(0)

    # -- what tests use ----------------------------------------------------------------------

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No step ends in here (one may have begun)."""
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def let_one_step_pass(self) -> None:
        """While paused: the step that waits goes on; returns when the next one waits."""
        self._gate.set()
        self._gate.clear()

    def wait_for_step(self) -> None:
        """Returns when a step has begun since the last call."""
        assert self._arrivals.acquire(timeout=PATIENCE_S), "no step came"

    # -- TextRunner --------------------------------------------------------------------------

    def admit(self, sequence: Sequence) -> bool:
        self._note_call()
        name = prompt_of(sequence)
        if name in self.fail_in_admit:
            raise self.fail_in_admit[name]
        if len(self.running) >= self.info.slots or name in self.refused:
            return False
        self.running.append(sequence)
        self.admitted.append(name)
        self.held.add(sequence)
        return True

    def step(self) -> Step:
        self._note_call()
        self._arrivals.release()
        assert self._gate.wait(PATIENCE_S), "the test forgot to let the step pass"
        self.steps.append([prompt_of(sequence) for sequence in self.running])
        if self.fail_in_step:
            raise self.fail_in_step.pop(0)
        step = Step()
        for name in self.preempt_next:
            sequence = next(s for s in self.running if prompt_of(s) == name)
            self.running.remove(sequence)
            step.preempted.append(sequence)
        self.preempt_next = []
        for sequence in self.running:
            self._advance(sequence, step)
        return step

    def _advance(self, sequence: Sequence, step: Step) -> None:
        request = sequence.request
        if request.prompt_logprobs is not None and not sequence.prompt_logprobs:
            sequence.prompt_logprobs += [
                self._logprob(token_id, request.prompt_logprobs) for token_id in request.prompt_ids
            ]
        if request.max_tokens == 0:
            step.scored.append(sequence)
            return
        name = prompt_of(sequence)
        if name in self.fail_next:
            step.failed.append((sequence, self.fail_next.pop(name)))
            return
        token_id = self._next_token(sequence)
        if sequence.constraint is not None:
            sequence.constraint.accept(token_id)
        sequence.tokens.append(token_id)
        wanted = request.logprobs
        logprob = None if wanted is None else self._logprob(token_id, wanted)
        step.sampled.append(Sampled(sequence, token_id, logprob))

    def release(self, sequence: Sequence) -> None:
        self._note_call()
        self.released.append(prompt_of(sequence))
        self.held.discard(sequence)
        if sequence in self.running:
            self.running.remove(sequence)

    def prepare(self, request: GenerationRequest) -> None:
        self.prepared.append(request)

    def place_image(self, image: Image) -> PlacedImage:
        if not self.image_length:
            raise Unsupported("This model takes text only.")
        return PlacedImage(self.image_length, before=(ord("<"),), after=(ord(">"),))

    def read_adapter(self, path: Path) -> Path:
        if path.name == "broken":
            raise LoadError("The adapter is broken.")
        return path

    def add_adapter(self, name: str, read: Path) -> None:
        self._note_call()
        self.adapters += (name,)

    def drop_adapter(self, name: str) -> None:
        self._note_call()
        used = {each.name for s in self.running for each in s.request.adapters or ()}
        assert name not in used, "dropped while it is in use"
        self.adapters = tuple(each for each in self.adapters if each != name)

    def build_grammar_tokenizer(self) -> Any:
        return LLTokenizer(
            TokenizerWrapper(_Vocabulary(self.tokenizer)),
            n_vocab=self.tokenizer.size,
            eos_token=END,
            slices=[],
        )

    def close(self) -> None:
        self._note_call()
        self.is_closed = True

    def _note_call(self) -> None:
        assert not self.is_closed, "called after close"
        self.threads.add(threading.get_ident())

    def _next_token(self, sequence: Sequence) -> int:
        if sequence.forced:
            return sequence.forced.popleft()
        name = prompt_of(sequence)
        reply = self.replies.get(name, "ok")
        tokens = list(reply.encode()) if isinstance(reply, str) else reply
        said = len(sequence.tokens) - sequence.prompt_length
        if name in self.endless:
            return tokens[said % len(tokens)]
        return tokens[said] if said < len(tokens) else END

    def _logprob(self, token_id: int, alternatives: int) -> TokenLogprob:
        choice = TokenChoice(token_id, self.tokenizer.piece(token_id, special=True), -0.5)
        return TokenLogprob(choice, (choice,) * alternatives)


class _Vocabulary:
    eos_token_id = END
    bos_token_id = None

    def __init__(self, tokenizer: FakeTokenizer) -> None:
        bytes_ = [bytes([value]) for value in range(256)]
        self.tokens = [*bytes_, b"<end>", b"<|x|>", b"<broken>", *tokenizer.words]
        self.special_token_ids = [END, SPECIAL, BROKEN]

    def __call__(self, data: bytes) -> list[int]:
        return list(data)


def prompt_of(sequence: Sequence) -> str:
    return bytes(id_ for id_ in sequence.request.prompt_ids if id_ >= 0).decode()


def ask(prompt: str, max_tokens: int = 100, **details: Any) -> GenerationRequest:
    sampling = SamplingParams(**details.pop("sampling", {}))
    return GenerationRequest(tuple(prompt.encode()), max_tokens, sampling, **details)
