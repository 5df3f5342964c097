"""Every error that is raised on purpose; each class says who can mend it.

* AppError
  - RequestError               the caller can mend it: a value is wrong
    · ContextLengthExceeded    the prompt does not fit the model
    · NotFound                 the named thing does not exist here
    · Conflict                 what is there already stands in the way
    · Unsupported              valid, but not with this model or loader
  - AuthError                  the caller must identify (or is not allowed to do this)
  - Busy                       the caller can try again: the queue is full
  - NotReady                   the caller can try again: no model is loaded, or one is still loading
    · NotInstalled             the operator can mend it: a library or a model is missing
  - Cancelled                  nobody needs to: the work was stopped on purpose
  - ModelError                 the operator can mend it: the backend failed
    · LoadError                a model could not be loaded; the message has the reason
      - DamagedFile            its file is not whole, or not what its name says
    · Unreachable              another server did not answer, or not as it should
  - ConfigError                the operator can mend it: a flag, a setting or an environment variable

`extensions/openai/errors.py` has the one table that maps these to HTTP.
"""


class AppError(Exception):
    """Base of all expected errors; the message is meant for people."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class RequestError(AppError):
    """`param` names the field of the request that is wrong."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.param = param


class ContextLengthExceeded(RequestError):
    def __init__(self, prompt_tokens: int, limit: int, *, param: str | None = None) -> None:
        super().__init__(
            f"This model's maximum context length is {limit} tokens, "
            f"but the prompt has {prompt_tokens} tokens. Shorten the prompt.",
            param=param,
            code="context_length_exceeded",
        )


class NotFound(RequestError):
    pass


class Conflict(RequestError):
    pass


class Unsupported(RequestError):
    pass


class AuthError(AppError):
    """`is_forbidden`: the key is known, but does not allow this."""

    def __init__(
        self, message: str, *, is_forbidden: bool = False, code: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.is_forbidden = is_forbidden


class Busy(AppError):
    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message, code="queue_full")
        self.retry_after_s = retry_after_s


class NotReady(AppError):
    def __init__(
        self, message: str, *, retry_after_s: int = 2, code: str = "model_not_loaded"
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class NotInstalled(NotReady):
    """Nothing changes by itself, so clients are told to wait for long."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_s=3600, code="not_installed")


class Cancelled(AppError):
    def __init__(self, message: str) -> None:
        super().__init__(message, code="cancelled")


class ModelError(AppError):
    pass


class LoadError(ModelError):
    def __init__(self, message: str) -> None:
        super().__init__(message, code="model_load_failed")


class DamagedFile(LoadError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is cut short or damaged: download it again, or delete it")


class Unreachable(ModelError):
    def __init__(self, message: str, *, code: str = "hub_unreachable") -> None:
        super().__init__(message, code=code)


class ConfigError(AppError):
    pass
