"""Images that callers send: taken where the model sees, refused in words that are true where it does not."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bargein.core.audio import PCM16_24K
from bargein.core.items import InputImage, InputText, Message
from bargein.errors import CallerError
from bargein.wire.images import MAX_IMAGE_CHARACTERS
from bargein.wire.item_models import parse_item
from bargein.wire.items import item_json, item_with_audio_json
from bargein.wire.session_object import SessionObject

BEGINNINGS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "jpg": b"\xff\xd8\xff\xe0",
    "webp": b"RIFF\x10\0\0\0WEBP",
    "gif": b"GIF89a",
}


def url(kind: str, raw: bytes | None = None) -> str:
    raw = BEGINNINGS[kind] + bytes(20) if raw is None else raw
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"


def message(image_url: object, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    image = {"type": "input_image", "image_url": image_url, **more}
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look:"}, image]}


def parsed(item: dict[str, Any], *, images: bool = True) -> Message:
    read = parse_item(item, "item", PCM16_24K, images=images)
    assert isinstance(read, Message)
    return read


@pytest.mark.parametrize("kind", BEGINNINGS)
@pytest.mark.parametrize("detail", [None, "low", "high", "auto"])
def test_images_are_taken(kind: str, detail: str | None) -> None:
    read = parsed(message(url(kind), detail=detail))
    assert read.parts == [InputText("Look:"), InputImage(url(kind), detail)]
    shown = {"type": "input_image"} if detail is None else {"type": "input_image", "detail": detail}
    assert item_json(read)["content"][1] == shown
    assert item_with_audio_json(read)["content"][1] == shown | {"image_url": url(kind)}


def test_where_the_model_sees_nothing_they_are_refused() -> None:
    with pytest.raises(CallerError, match="takes no images") as caught:
        parsed(message(url("png")), images=False)
    assert (caught.value.code, caught.value.param) == ("unsupported_content_type", "item.content[1]")


@pytest.mark.parametrize(
    ("image_url", "code", "words"),
    [
        ("https://example.org/cat.png", "invalid_value", "expected a data URL"),
        ("file:///etc/passwd", "invalid_value", "expected a data URL"),
        ("", "invalid_value", "expected a data URL"),
        ("data:text/plain;base64,AAAA", "invalid_value", "expected a data URL"),
        ("data:image/png,raw", "invalid_value", "expected a data URL"),
        ("data:image/tiff;base64,AAAA", "invalid_value", "'image/tiff' are not supported"),
        (url("png", b"not a picture"), "invalid_value", "not an image of type 'image/png'"),
        (url("png", BEGINNINGS["jpeg"]), "invalid_value", "not an image of type 'image/png'"),
        ("data:image/png;base64,!!!!", "invalid_value", "not an image of type 'image/png'"),
        (url("png") + "A" * MAX_IMAGE_CHARACTERS, "string_above_max_length", "Send a smaller image"),
    ],
)
def test_what_is_no_image_for_a_model(image_url: str, code: str, words: str) -> None:
    with pytest.raises(CallerError, match=words) as caught:
        parsed(message(image_url))
    assert (caught.value.code, caught.value.param) == (code, "item.content[1].image_url")


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"type": "input_image"}, "missing_required_parameter"),
        ({"type": "input_image", "image_url": None}, "invalid_type"),
        ({"type": "input_image", "image_url": url("png"), "detail": "huge"}, "invalid_value"),
    ],
)
def test_parts_that_are_no_image(part: dict[str, Any], code: str) -> None:
    with pytest.raises(CallerError) as caught:
        parsed({"type": "message", "role": "user", "content": [part]})
    assert caught.value.code == code


@pytest.mark.parametrize("role", ["system", "assistant"])
def test_only_callers_show_images(role: str) -> None:
    with pytest.raises(CallerError):
        parsed(message(url("png")) | {"role": role})


@pytest.mark.parametrize("images", [True, False])
def test_images_in_an_input_of_its_own(images: bool) -> None:
    session = SessionObject.begin(id="s", model="m", expires_at=1, images=images)
    given = {"conversation": "none", "input": [message(url("png"))]}
    if images:
        wanted = session.merge_response(given)
        assert wanted.input == (Message("", "user", [InputText("Look:"), InputImage(url("png"))]),)
    else:
        with pytest.raises(CallerError, match="takes no images") as caught:
            session.merge_response(given)
        assert caught.value.param == "response.input[0].content[1]"
