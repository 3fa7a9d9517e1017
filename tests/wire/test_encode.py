"""Numbering, dialects, and the fast path for sound."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.actions import AudioSent
from bargein.wire import bargein_events, server_events
from bargein.wire.beta import to_beta
from bargein.wire.binary import unpack
from bargein.wire.encode import Encoder


def sent(audio: str | bytes, *, item: str = "item_1", output_index: int = 0, start: int = 0) -> AudioSent:
    count = len(base64.b64decode(audio)) // 2 if isinstance(audio, str) else len(audio) // 2
    return AudioSent("resp_1", item, output_index, 3, start, count, audio)


def slow(encoder: Encoder, action: AudioSent, *, beta: bool) -> dict[str, object]:
    """The same delta as any other event."""
    text = action.audio if isinstance(action.audio, str) else base64.b64encode(action.audio).decode()
    event = server_events.audio_delta(action.response_id, action.item_id, action.output_index, text)
    (message,) = encoder.encode(event)
    expected: dict[str, object] = orjson.loads(message)
    return expected


ids = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable())


@given(
    deltas=st.lists(
        st.tuples(ids, ids, st.integers(0, 9), st.binary(max_size=99), st.booleans()), min_size=1, max_size=6
    ),
    beta=st.booleans(),
)
def test_the_fast_path_writes_what_the_slow_one_does(
    deltas: list[tuple[str, str, int, bytes, bool]], beta: bool
) -> None:
    fast_encoder, slow_encoder = Encoder("k", beta=beta), Encoder("k", beta=beta)
    for response_id, item_id, output_index, samples, as_text in deltas:
        audio = base64.b64encode(samples).decode() if as_text else samples
        action = AudioSent(response_id, item_id, output_index, 1, 0, 0, audio)
        assert orjson.loads(fast_encoder.audio(action)) == slow(slow_encoder, action, beta=beta)


def test_the_fast_path_keeps_the_order_of_keys() -> None:
    fast, slow_encoder = Encoder("k"), Encoder("k")
    event = server_events.audio_delta("resp_1", "item_1", 0, "AAABAP//")
    assert [fast.audio(sent("AAABAP//"))] == slow_encoder.encode(event)


def test_event_ids_are_unique_over_both_paths() -> None:
    encoder = Encoder("k")
    messages = []
    for _ in range(50):
        messages += encoder.encode(server_events.input_cleared())
        messages.append(encoder.audio(sent("AAAA")))
        messages += encoder.encode(server_events.error("no"))
    seen = [orjson.loads(message)["event_id"] for message in messages]
    assert len(set(seen)) == 150
    assert all(event_id.startswith("event_k") for event_id in seen)


def test_bargein_numbers_every_message_binary_ones_too() -> None:
    encoder = Encoder("k", bargein=True)
    first = orjson.loads(*encoder.encode(server_events.input_cleared()))
    second = unpack(encoder.audio(sent("AAABAP//", start=480)))
    third = orjson.loads(*encoder.encode(bargein_events.flush("resp_1", "item_1")))
    assert (first["seq"], second.seq, third["seq"]) == (1, 2, 3)
    assert (second.response_number, second.start_sample, second.samples) == (3, 480, b"\0\0\1\0\xff\xff")


def test_stock_callers_see_no_seq_and_no_bargein_event() -> None:
    for encoder in (Encoder("k"), Encoder("k", beta=True)):
        (message,) = encoder.encode(server_events.input_cleared())
        assert orjson.loads(message).keys() == {"type", "event_id"}
        assert encoder.encode(bargein_events.flush("resp_1", "item_1")) == []
        assert encoder.seq == 0


def test_conversation_created_is_for_beta_callers() -> None:
    event = server_events.conversation_created("conv_1")
    assert Encoder("k").encode(event) == []
    (message,) = Encoder("k", beta=True).encode(event)
    assert orjson.loads(message)["conversation"] == {"id": "conv_1", "object": "realtime.conversation"}


def test_beta_callers_are_translated_and_numbered_without_holes() -> None:
    encoder = Encoder("k", beta=True)
    item = {"id": "item_1", "type": "message", "status": "completed", "role": "user", "content": []}
    messages = encoder.encode(server_events.item_added(item, None)) + encoder.encode(
        server_events.item_done(item, None)
    )
    messages += encoder.encode(server_events.input_cleared())
    assert [orjson.loads(message)["type"] for message in messages] == [
        "conversation.item.created",
        "input_audio_buffer.cleared",
    ]
    assert [orjson.loads(message)["event_id"] for message in messages] == ["event_k1", "event_k2"]


def test_beta_sound_has_the_beta_name() -> None:
    assert orjson.loads(Encoder("k", beta=True).audio(sent("AAAA")))["type"] == "response.audio.delta"
    assert to_beta(server_events.audio_delta("r", "i", 0, ""))[0]["type"] == "response.audio.delta"


@pytest.mark.parametrize("audio", ["AAABAP//", b"\0\0\1\0\xff\xff"])
def test_text_and_raw_samples_sound_the_same(audio: str | bytes) -> None:
    assert orjson.loads(Encoder("k").audio(sent(audio)))["delta"] == "AAABAP//"
    assert unpack(Encoder("k", bargein=True).audio(sent(audio))).samples == b"\0\0\1\0\xff\xff"
