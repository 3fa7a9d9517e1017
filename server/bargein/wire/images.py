"""Images that callers send: data URLs of kinds that models see, checked before they become part of every request."""

from __future__ import annotations

import re
from typing import Final

import pybase64

from bargein.errors import CallerError

NO_IMAGES: Final = (
    "The model behind this server takes no images. Describe the image in words. "
    "(An operator whose model sees sets BARGEIN_IMAGES=true.)"
)
MAX_IMAGE_CHARACTERS: Final = 4 * 1024 * 1024
"""Of a data URL. It goes to the model with every turn."""
_BEGINNINGS: Final = {
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpeg": (b"\xff\xd8\xff",),
    "jpg": (b"\xff\xd8\xff",),
    "webp": (b"RIFF",),
    "gif": (b"GIF87a", b"GIF89a"),
}
_DATA_URL: Final = re.compile(r"data:image/([a-z]+);base64,", re.IGNORECASE)


def check_image(url: str, param: str) -> None:
    """A picture that cannot be read would make the model refuse every turn that follows.

    :raises CallerError: it is no data URL, too large, of a kind that is not known, or not what it says.
    """
    begin = _DATA_URL.match(url)
    if begin is None:
        raise CallerError(
            f"Invalid '{param}': expected a data URL such as 'data:image/png;base64,…'. This server fetches nothing.",
            code="invalid_value",
            param=param,
        )
    kind = begin[1].lower()
    if kind not in _BEGINNINGS:
        raise CallerError(
            f"Invalid '{param}': images of type 'image/{kind[:40]}' are not supported. Supported types are: "
            "'image/png', 'image/jpeg', 'image/webp', and 'image/gif'.",
            code="invalid_value",
            param=param,
        )
    if len(url) > MAX_IMAGE_CHARACTERS:
        raise CallerError(
            f"Invalid '{param}': string too long. Expected a string with maximum length {MAX_IMAGE_CHARACTERS}, "
            f"but got a string with length {len(url)} instead. Send a smaller image.",
            code="string_above_max_length",
            param=param,
        )
    try:
        raw = pybase64.b64decode(url[begin.end() :], validate=True)
    except ValueError:
        raw = b""
    if not raw.startswith(_BEGINNINGS[kind]):
        raise CallerError(
            f"Invalid '{param}': it is not an image of type 'image/{kind}' in base64.",
            code="invalid_value",
            param=param,
        )
