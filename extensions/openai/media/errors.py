"""What can be wrong with a picture of a request: each fault with its code. The caller adds the field's name."""

from modules.core.errors import RequestError


def invalid_url(reason: str) -> RequestError:
    return RequestError(f"The picture's URL cannot be read: {reason}.", code="invalid_image_url")


def blocked() -> RequestError:
    """One sentence for all cases: it must not tell what a private address answers, or whether there is anything."""
    return RequestError(
        "The picture's URL is not fetched: only public http and https addresses are, without credentials in them.",
        code="image_url_blocked",
    )


def fetch_failed(reason: str) -> RequestError:
    return RequestError(f"The picture could not be fetched: {reason}.", code="image_fetch_failed")


def too_large(limit_mb: float) -> RequestError:
    return RequestError(
        f"The pictures of a request may have {limit_mb:g} MiB together.", code="image_too_large"
    )
