"""Long items are written piece by piece, and as short ones are."""

from __future__ import annotations

import base64

import orjson
import pytest

from bargein.alignment.heard_words import Transcript
from bargein.core.audio import PCM16_24K
from bargein.core.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
)
from bargein.errors import CallerError
from bargein.wire import long_items
from bargein.wire.encode import Encoder
from bargein.wire.items import item_json, item_with_audio_json
from bargein.wire.long_items import LongItem, check_retrievable, is_long
from bargein.wire.server_events import item_added, item_retrieved

TEXT = 'a\0b"\\\n😀é, {"x": 1}' * 20_000
SOUND = bytes(range(256)) * 1000
PIECES: list[str | bytes] = [
    base64.b64encode(SOUND[:4801]).decode(),
    SOUND[4801:9000],
    base64.b64encode(SOUND[9000:]).decode(),
]


def said() -> OutputAudio:
    timeline = Transcript(24_000)
    timeline.add("hello there", 0)
    return OutputAudio(PCM16_24K, timeline, list(PIECES), len(SOUND) // 2)


ITEMS: dict[str, Item] = {
    "text": Message("a", "user", [InputText(TEXT), InputText("short"), InputText("")]),
    "reply in text": Message("a", "assistant", [OutputText(TEXT)], "incomplete"),
    "speech": Message(
        "a", "user", [InputText("x"), InputAudio(SOUND, PCM16_24K, "words"), InputAudio(SOUND, PCM16_24K)]
    ),
    "image": Message("a", "user", [InputImage("data:image/png;base64," + "A" * 200_000, "low")]),
    "reply": Message("a", "assistant", [said()]),
    "call": FunctionCall("a", "call", "name", TEXT),
    "output": FunctionCallOutput("a", "call", TEXT),
}


@pytest.mark.parametrize("with_audio", [False, True])
@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS.keys())
@pytest.mark.parametrize("beta", [False, True])
def test_a_long_item_is_written_as_a_short_one(item: Item, with_audio: bool, beta: bool) -> None:
    encoder, plain = Encoder("x", beta=beta, bargein=True), Encoder("x", beta=beta, bargein=True)
    shown = item_with_audio_json(item) if with_audio else item_json(item)
    event = item_retrieved(shown) if with_audio else item_added(shown, "before")
    long = LongItem(item, with_audio=with_audio)
    for _ in long.write():
        pass
    told = item_retrieved(long.shown) if with_audio else item_added(long.shown, "before")
    messages = [b"".join([encoder.head(kind), *long.fill(rest)]) for kind, rest in encoder.encode_later(told)]
    assert [orjson.loads(message) for message in messages] == [orjson.loads(message) for message in plain.encode(event)]


def test_no_piece_is_long() -> None:
    for item in ITEMS.values():
        long = LongItem(item, with_audio=True)
        steps = sum(1 for _ in long.write())
        pieces = long.fill(orjson.dumps(long.shown))
        assert max(map(len, pieces)) < 8 * long_items.TEXT_PIECE
        assert steps >= 2


def test_what_changes_meanwhile_is_not_written() -> None:
    part = said()
    item = Message("a", "assistant", [part])
    expected = item_with_audio_json(item)
    long = LongItem(item, with_audio=True)
    part.pieces.append(SOUND)
    part.pieces[0] = b""
    for _ in long.write():
        pass
    assert orjson.loads(b"".join(long.fill(orjson.dumps(long.shown)))) == expected


def test_what_is_long() -> None:
    short, long = Message("a", "user", [InputText("x" * 1000)]), Message("a", "user", [InputText(TEXT)])
    speech = Message("a", "user", [InputAudio(SOUND, PCM16_24K)])
    assert not is_long(short, with_audio=True)
    assert is_long(long, with_audio=False)
    assert (is_long(speech, with_audio=False), is_long(speech, with_audio=True)) == (False, True)
    assert is_long(FunctionCallOutput("a", "call", TEXT), with_audio=False)


def test_what_no_event_could_hold_is_refused_by_name() -> None:
    check_retrievable(Message("a", "user", [InputAudio(bytes(14_400_000), PCM16_24K)]))
    with pytest.raises(CallerError) as refused:
        check_retrievable(Message("a", "user", [InputAudio(bytes(16_000_000), PCM16_24K)]))
    assert (refused.value.code, refused.value.param) == ("item_retrieve_above_max_length", "item_id")
    assert str(long_items.MAX_RETRIEVED) in refused.value.message
