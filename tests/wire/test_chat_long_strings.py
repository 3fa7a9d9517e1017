"""Sound that is taken out of a body and put back: nothing is lost, changed or mistaken."""

from __future__ import annotations

import json
import os

import orjson
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.wire.chat import take_out
from bargein.wire.chat.long_strings import LONG_CHARACTERS, SLICE_BYTES

SOUND = pybase64.b64encode(os.urandom(300_000)).decode()


def test_sound_is_taken_out_and_put_back() -> None:
    body = json.dumps({"first": "x", "data": SOUND, "then": [SOUND[:-4], "y", SOUND]}).encode()
    taken = take_out(body)
    assert len(taken.body) < 500
    read = orjson.loads(taken.body)
    assert read["first"] == "x"
    assert taken.length_of(read["data"]) == len(SOUND) == taken.taken_of(read["data"])
    assert taken.head_of(read["data"]) == SOUND[:256]
    assert (taken.length_of("x"), taken.taken_of("x"), taken.head_of("x")) == (1, 0, "x")
    rewritten = orjson.dumps({"messages": read["then"], "prefixed": f"data:audio/wav;base64,{read['data']}"})
    assert orjson.loads(taken.put_back(rewritten)) == {
        "messages": [SOUND[:-4], "y", SOUND],
        "prefixed": f"data:audio/wav;base64,{SOUND}",
    }
    assert taken.put_back(b"{}") == b"{}"


@pytest.mark.parametrize(
    "spelled",
    [
        SOUND.rstrip("="),
        SOUND.replace("+", "-").replace("/", "_"),
        SOUND.replace("/", "\\/"),
        "\\r\\n".join(SOUND[at : at + 76] for at in range(0, len(SOUND), 76)),
    ],
    ids=["no padding", "for URLs", "escaped slashes", "lines"],
)
def test_other_spellings_of_base64_are_taken_out_too(spelled: str) -> None:
    body = b'{"data": "' + spelled.encode() + b'"}'
    taken = take_out(body)
    assert len(taken.by_name) == 1
    assert taken.put_back(orjson.dumps(orjson.loads(taken.body))).replace(b": ", b":") == body.replace(b": ", b":")


@pytest.mark.parametrize("at", range(-2, 3))
@pytest.mark.parametrize("escape", ["\\/", "\\n", "\\r\\n"])
def test_an_escape_where_one_looked_at_slice_ends_is_read_whole(escape: str, at: int) -> None:
    spelled = "A" * (SLICE_BYTES + at) + escape + "A" * LONG_CHARACTERS
    assert len(take_out(b'{"data": "' + spelled.encode() + b'"}').by_name) == 1


def test_data_urls() -> None:
    url = f"data:image/png;base64,{SOUND}"
    taken = take_out(json.dumps({"url": url, "short": "data:,x"}).encode())
    assert len(taken.body) < 200
    read = orjson.loads(taken.body)
    assert read["url"].startswith("data:image/png;base64,")
    assert (taken.whole(read["url"]), taken.whole(read["short"])) == (url, "data:,x")
    assert taken.taken_of(read["url"].rpartition(",")[2]) == len(SOUND)


@pytest.mark.parametrize(
    "body",
    [
        {"text": "words and words " * 20_000},
        {"numbers": [1] * 200_000},
        {"text": "é" * 200_000},
        {"quoted": '"' * 200_000},
        {"escaped": "\\" * 200_000},
        {"not": f"{SOUND}!"},
    ],
    ids=["words", "numbers", "other letters", "quotes", "backslashes", "nearly"],
)
@pytest.mark.parametrize("indent", [None, 4])
def test_what_is_no_sound_stays(body: dict[str, object], indent: int | None) -> None:
    encoded = json.dumps(body, indent=indent).encode()
    assert take_out(encoded).body == encoded


def test_a_quote_before_it_that_is_escaped_changes_nothing() -> None:
    body = {"text": f'he said "{SOUND}" and "{SOUND}'}
    taken = take_out(json.dumps(body).encode())
    assert orjson.loads(taken.put_back(orjson.dumps(orjson.loads(taken.body)))) == body


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_at_all_are_changed(noise: bytes, at: int) -> None:
    """Also of what is no JSON: that is for its reader to find out."""
    body = noise[:at] + b'"' + b"A" * (2 * LONG_CHARACTERS) + b'"' + noise[at:]
    taken = take_out(body)
    assert taken.put_back(taken.body) == body
