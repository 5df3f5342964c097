"""What the hub's library reports, in our errors: whose turn it is, and what to do."""

from collections.abc import Generator
from contextlib import contextmanager

import httpx2
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from modules.core.errors import AppError, AuthError, NotFound, Unreachable
from modules.downloads.wanted import hub_address

TOKEN_HOWTO = "set HF_TOKEN in the server's environment to a token of an account that may read it"
RETRIED = (408, 425, 429, 500, 502, 503, 504)


class Overtaken(Exception):
    """416: what is here already is longer than the file; it cannot be its beginning."""


@contextmanager
def translated(model: str, *, has_token: bool) -> Generator[None]:
    """The library's messages can hold addresses with signatures in them: none of them is passed on."""
    try:
        yield
    except OfflineModeIsEnabled:
        raise offline() from None
    except HfHubHTTPError as error:
        raise _to_error(error, model, has_token=has_token) from None
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL):
        raise Unreachable(f"HF_ENDPOINT is no address of a hub: {hub_address()}") from None
    except httpx2.TimeoutException:
        raise Unreachable(f"{hub_address()} did not answer in time.") from None
    except httpx2.HTTPError as error:
        raise Unreachable(
            f"{hub_address()} cannot be reached, or the connection broke ({type(error).__name__})."
        ) from None


def offline() -> Unreachable:
    return Unreachable(
        "Nothing can be downloaded: HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set in the environment.",
        code="hub_offline",
    )


def _to_error(error: HfHubHTTPError, model: str, *, has_token: bool) -> AppError | Overtaken:
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        page = f"{hub_address()}/{model.partition(':')[0]}"
        return _forbidden(
            f"{model} is gated: accept its terms at {page}, and {TOKEN_HOWTO}.", "gated_model"
        )
    if isinstance(error, DisabledRepoError):
        return _forbidden(f"The hub has disabled access to {model}.", "disabled_model")
    if isinstance(error, RevisionNotFoundError):
        return NotFound(f"{model} has no such branch, tag or commit.", param="model")
    if isinstance(error, RemoteEntryNotFoundError):
        return NotFound(f"A file of {model} is not there any more.", param="files")
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        return _unknown(model, has_token=has_token)
    return _by_status(status, model, has_token=has_token)


def _by_status(status: int, model: str, *, has_token: bool) -> AppError | Overtaken:
    if status == 401 and has_token:
        return _forbidden("The hub does not accept the token (HF_TOKEN).", "hub_token_refused")
    if status == 401:
        return _unknown(model, has_token=False)
    if status == 403:
        return _forbidden(f"The hub does not let this server read {model}.", "hub_forbidden")
    if status == 416:
        return Overtaken()
    if status in RETRIED:
        return Unreachable(f"{hub_address()} is busy or out of order (HTTP {status}).")
    return Unreachable(f"{hub_address()} refused the request (HTTP {status}).", code="hub_refused")


def _unknown(model: str, *, has_token: bool) -> NotFound:
    hint = "" if has_token else f", or it is private: then {TOKEN_HOWTO}"
    return NotFound(
        f"The hub has no model {model}{hint}.", param="model", code="repository_not_found"
    )


def _forbidden(message: str, code: str) -> AuthError:
    return AuthError(message, is_forbidden=True, code=code)
