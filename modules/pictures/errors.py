"""What is wrong with a file of a picture."""

from modules.core.errors import RequestError


def invalid_image(reason: str) -> RequestError:
    return RequestError(f"The picture cannot be read: {reason}.", code="invalid_image")
