"""What callers send: every message is read, or refused with the protocol's code, field and words."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.errors import CallerError
from bargein.wire import client_events
from bargein.wire.client_events import (
    ClientEvent,
    InputAudioBufferAppend,
    SessionUpdate,
    parse_client_event,
)
from bargein.wire.input_audio import MAX_AUDIO_BYTES, decode_audio, decode_item_audio, plain_append
from bargein.wire.validation import MAX_DEPTH

MODELS: dict[str, type[ClientEvent]] = {model.model_fields["type"].default: model for model in get_args(ClientEvent)}


def refusal(message: object, *, bargein: bool = False) -> CallerError:
    text = message if isinstance(message, str | bytes) else json.dumps(message)
    with pytest.raises(CallerError) as caught:
        parse_client_event(text, bargein=bargein)
    return caught.value


def outcome(message: bytes | str, *, beta: bool = False, bargein: bool = False) -> ClientEvent | CallerError:
    try:
        return parse_client_event(message, beta=beta, bargein=bargein)
    except CallerError as error:
        return error


def test_eleven_standard_events_and_three_of_ours() -> None:
    assert len([kind for kind in MODELS if kind.startswith("bargein.")]) == 3
    assert len(MODELS) - 3 == 11


def test_text_and_bytes_are_the_same() -> None:
    message = '{"type":"input_audio_buffer.append","audio":"AAA=","event_id":"é"}'
    expected = InputAudioBufferAppend(audio="AAA=", event_id="é")
    assert parse_client_event(message) == parse_client_event(message.encode()) == expected


@pytest.mark.parametrize(
    ("message", "code", "param", "words"),
    [
        ("", "invalid_json", None, "not valid JSON"),
        ("{", "invalid_json", None, "not valid JSON"),
        (b"\xff\xfe", "invalid_json", None, "not valid JSON"),
        ('"\ud800"', "invalid_json", None, "not valid JSON"),
        ('{"type":"response.cancel","n":NaN}', "invalid_json", None, "not valid JSON"),
        ('{"type":"response.cancel","n":1e999}', "invalid_json", None, "not valid JSON"),
        ("[" * 100_000, "invalid_json", None, "not valid JSON"),
        ("null", "invalid_type", None, "expected an object with a 'type', but got null"),
        ("[]", "invalid_type", None, "but got an array"),
        ("{}", "invalid_event", "type", "The 'type' field is missing."),
        ({"type": None}, "invalid_event", "type", "The 'type' field is missing."),
        (
            {"type": 7},
            "invalid_type",
            "type",
            "Invalid type for 'type': expected a string, but got an integer instead.",
        ),
        ({"type": "foo"}, "invalid_value", "type", "Invalid value: 'foo'. Supported values are: 'session.update', "),
        ({"type": "bargein.ping", "id": "1"}, "invalid_value", "type", "Invalid value: 'bargein.ping'."),
        ({"type": "transcription_session.update"}, "invalid_value", "type", "Transcription sessions are not supported"),
        ({"type": "session.close"}, "invalid_value", "type", "Close the WebSocket"),
        (
            {"type": "input_audio_buffer.append"},
            "missing_required_parameter",
            "audio",
            "Missing required parameter: 'audio'.",
        ),
        ({"type": "input_audio_buffer.append", "audio": None}, "invalid_type", "audio", "but got null instead"),
        (
            {"type": "input_audio_buffer.append", "audio": "", "x": 1},
            "unknown_parameter",
            "x",
            "Unknown parameter: 'x'.",
        ),
        ({"type": "session.update"}, "missing_required_parameter", "session", "'session'"),
        ({"type": "session.update", "session": "x"}, "invalid_type", "session", "expected an object, but got a string"),
        ({"type": "response.create", "response": []}, "invalid_type", "response", "but got an array instead"),
        ({"type": "response.cancel", "response_id": 1}, "invalid_type", "response_id", "expected a string"),
        ({"type": "conversation.item.delete", "item_id": True}, "invalid_type", "item_id", "but got a boolean"),
        (
            {"type": "conversation.item.create", "item": {}, "previous_item_id": 4},
            "invalid_type",
            "previous_item_id",
            "",
        ),
    ],
)
def test_refusals(message: object, code: str, param: str | None, words: str) -> None:
    error = refusal(message)
    assert (error.code, error.param) == (code, param)
    assert words in error.message
    assert error.event_id is None


@pytest.mark.parametrize(
    ("audio_end_ms", "code", "words"),
    [
        (-11, "integer_below_min_value", "integer below minimum value. Expected a value >= 0, but got -11 instead."),
        (1.5, "invalid_type", "expected an integer, but got a decimal number instead."),
        (10**30, "invalid_type", "expected an integer, but got a decimal number instead."),
        ("5", "invalid_type", "expected an integer, but got a string instead."),
        (True, "invalid_type", "expected an integer, but got a boolean instead."),
    ],
)
def test_milliseconds_are_whole_and_not_negative(audio_end_ms: object, code: str, words: str) -> None:
    error = refusal(
        {
            "type": "conversation.item.truncate",
            "event_id": "my_7",
            "item_id": "item_1",
            "content_index": 0,
            "audio_end_ms": audio_end_ms,
        }
    )
    assert (error.code, error.param, error.event_id) == (code, "audio_end_ms", "my_7")
    assert words in error.message


@pytest.mark.parametrize("kind", ["session.update", "response.create", "conversation.item.create"])
def test_nesting_has_a_bound(kind: str) -> None:
    deep: dict[str, Any] = {}
    for _ in range(MAX_DEPTH - 1):
        deep = {"deeper": deep}
    member = {"session.update": "session", "response.create": "response"}.get(kind, "item")
    error = refusal({"type": kind, member: deep, "event_id": "deep"})
    assert (error.code, error.event_id) == ("invalid_value", "deep")
    assert "nested too deeply" in error.message
    assert isinstance(parse_client_event(json.dumps({"type": kind, member: deep["deeper"]})), MODELS[kind])


def test_an_event_id_may_be_long_but_not_longer() -> None:
    assert parse_client_event(json.dumps({"type": "response.cancel", "event_id": "e" * 512})).event_id == "e" * 512
    error = refusal({"type": "response.cancel", "event_id": "e" * 513})
    assert (error.code, error.param, error.event_id) == ("string_above_max_length", "event_id", None)


def test_long_values_are_cut_in_messages() -> None:
    assert len(refusal({"type": "x" * 100_000}).message) < 1_000


def test_bargein_events_need_the_subprotocol_and_ignore_unknown_fields() -> None:
    ping = parse_client_event('{"type":"bargein.ping","id":"p","later":1}', bargein=True)
    assert ping == client_events.BargeinPing(id="p")
    assert parse_client_event('{"type":"bargein.ping","id":3}', bargein=True) == client_events.BargeinPing(id=3)
    unknown = refusal({"type": "bargein.sing", "event_id": "s"}, bargein=True)
    assert (unknown.code, unknown.param, unknown.event_id) == ("invalid_value", "type", "s")
    assert "'bargein.played'" in unknown.message
    negative = {"type": "bargein.played", "response_id": "r", "item_id": "i", "samples": -1, "playing": True}
    assert refusal(negative, bargein=True).param == "samples"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    [
        "audio",
        "event_id",
        "session",
        "item",
        "item_id",
        "previous_item_id",
        "content_index",
        "audio_end_ms",
        "response",
        "response_id",
        "samples",
        "playing",
        "id",
        "other",
    ]
)


@given(
    kind=st.sampled_from(sorted(MODELS)) | json_values,
    fields=st.dictionaries(field_names, json_values, max_size=5),
    beta=st.booleans(),
    bargein=st.booleans(),
)
def test_any_json_is_an_event_or_a_refusal(kind: object, fields: dict[str, Any], beta: bool, bargein: bool) -> None:
    try:
        message = orjson.dumps({"type": kind, **fields})
    except TypeError:  # An integer beyond 64 bits.
        message = json.dumps({"type": kind, **fields}).encode("utf-8", "surrogatepass")
    event = outcome(message, beta=beta, bargein=bargein)
    if isinstance(event, CallerError):
        assert event.message
        assert event.event_id is None or event.event_id == fields.get("event_id")
    else:
        assert event.type == kind


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_message_is_an_event_or_a_refusal(message: bytes | str) -> None:
    event = outcome(message)
    assert not isinstance(event, CallerError) or event.code


def test_sound_of_an_append() -> None:
    assert decode_audio("AAABAP//") == b"\0\0\1\0\xff\xff"
    assert decode_audio("AAAA") == b"\0\0\0"
    assert decode_audio("") == b""


base64_like = st.binary(max_size=40).map(lambda raw: base64.b64encode(raw).decode()) | st.text(
    'AZaz09+/=\\"}, \n', max_size=12
)


@given(
    base64_like, st.sampled_from(["", " ", "  "]), st.sampled_from(["", " "]), st.sampled_from(["", ',"event_id":"e"'])
)
def test_the_short_way_of_sound_takes_what_the_long_way_would(audio: str, gap: str, inner: str, more: str) -> None:
    message = f'{{"type":{gap}"input_audio_buffer.append",{inner}"audio":{gap}"{audio}"{more}}}'.encode()
    samples = plain_append(message)
    if samples is not None:
        event = parse_client_event(message)
        assert isinstance(event, InputAudioBufferAppend)
        assert event.event_id is None
        assert decode_audio(event.audio) == samples


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_sound_as_clients_write_it_takes_the_short_way(separators: tuple[str, str]) -> None:
    message = {"type": "input_audio_buffer.append", "audio": "AAABAP//"}
    assert plain_append(json.dumps(message, separators=separators).encode()) == b"\0\0\1\0\xff\xff"


@pytest.mark.parametrize("audio", ["AAAB\\/w==", "####", "AAA", "A" * 70_000])
def test_what_is_written_otherwise_takes_the_long_way(audio: str) -> None:
    assert plain_append(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}'.encode()) is None


def test_a_quote_that_is_missing_is_no_sound() -> None:
    message = b'{"type":"input_audio_buffer.append","audio":"}'
    assert plain_append(message) is None
    assert refusal(message).code == "invalid_json"


SAMPLES = bytes(range(251)) + b"\xfb\xff\xbf"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 253, 254])
@pytest.mark.parametrize(
    "spelling",
    [
        lambda raw: base64.b64encode(raw).decode().rstrip("="),
        lambda raw: base64.urlsafe_b64encode(raw).decode(),
        lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
        lambda raw: base64.encodebytes(raw).decode(),
        lambda raw: base64.encodebytes(raw).decode().replace("\n", "\r\n").rstrip(),
        lambda raw: base64.encodebytes(raw).decode().rstrip("=\n"),
        lambda raw: f" {base64.b64encode(raw).decode()} ",
        lambda raw: " ".join(base64.encodebytes(raw).decode().split("\n")),
        lambda raw: "data:audio/pcm;base64," + base64.b64encode(raw).decode(),
        lambda raw: "data:audio/L16;rate=24000;channels=1;base64," + base64.b64encode(raw).decode(),
        lambda raw: "DATA:audio/wav;BASE64,\n" + base64.b64encode(raw).decode(),
        lambda raw: "data:application/octet-stream;base64," + base64.b64encode(raw).decode(),
        lambda raw: "data:;base64," + base64.b64encode(raw).decode(),
        lambda raw: base64.b64encode(raw[:1]).decode() + base64.b64encode(raw[1:]).decode(),
    ],
)
def test_spellings_that_mean_nothing_else_are_read(spelling: Callable[[bytes], str], size: int) -> None:
    samples = SAMPLES[-size:]
    assert decode_audio(spelling(samples)) == samples


@pytest.mark.parametrize(
    ("audio", "found"),
    [
        ("####", "got '####' at character 0"),
        ("AAA.AAAA", "got '.AAAA' at character 3"),
        ("é", "got 'é' at character 0"),
        ("A", "got 1 characters and 0 of padding"),
        ("AAAAA", "got 5 characters and 0 of padding"),
        ("AAAA====", "got 4 characters and 4 of padding"),
        ("A=AA", "got 1 characters and 1 of padding"),
        ("=", "got padding of nothing"),
        ("A/8+ AAA", "got blanks, it seems in the place of '+'"),
        ("data:audio/pcm,AAAA", "got a data URL that does not say ';base64'"),
        ("b'AAAA'", "got ''AAAA'' at character 1"),
        ("undefined", "got 9 characters and 0 of padding"),
        ("[object Blob]", "got '[object Blob' at character 0"),
    ],
)
def test_what_is_not_base64_is_refused_with_what_was_found(audio: str, found: str) -> None:
    with pytest.raises(CallerError, match=re.escape(found)) as caught:
        decode_audio(audio)
    assert (caught.value.code, caught.value.param) == ("invalid_value", "audio")


@pytest.mark.parametrize("media_type", ["audio/webm", "audio/mpeg", "audio/mp4", "video/webm", "image/png"])
def test_a_data_url_of_something_else_is_refused_by_name(media_type: str) -> None:
    with pytest.raises(CallerError, match=f"a data URL of '{media_type}'") as caught:
        decode_audio(f"data:{media_type};codecs=opus;base64,AAAA")
    assert (caught.value.code, caught.value.param) == ("unsupported_audio", "audio")


@given(st.text(max_size=40) | base64_like)
def test_any_text_is_bytes_or_a_refusal(text: str) -> None:
    with suppress(CallerError):
        assert isinstance(decode_audio(text), bytes)


def test_half_a_sample_of_an_item_is_refused() -> None:
    with pytest.raises(CallerError, match="got 3 bytes of audio/pcm"):
        decode_item_audio("AAAA", PCM16_24K, "item.content[0].audio")
    assert decode_item_audio("AAAA", PCMU_8K, "item.content[0].audio") == b"\0\0\0"


def test_one_event_holds_fifteen_mebibytes() -> None:
    text = "AAAA" * (MAX_AUDIO_BYTES // 3 + 2)
    with pytest.raises(CallerError) as caught:
        decode_audio(text)
    assert caught.value.code == "string_above_max_length"


def test_the_session_of_an_update_is_left_to_the_session() -> None:
    event = parse_client_event('{"type":"session.update","session":{"anything":[1]}}')
    assert event == SessionUpdate(session={"anything": [1]})
