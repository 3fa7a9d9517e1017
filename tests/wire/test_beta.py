"""The beta dialect, both ways. Shapes: ``openai.types.beta.realtime`` and the reference, section "GA versus beta"."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio import PCM16_24K, PCMA_8K, PCMU_8K, AudioFormat, Encoding
from bargein.core.config import TurnDetection
from bargein.errors import CallerError
from bargein.wire.beta import from_beta, to_beta
from bargein.wire.client_events import ConversationItemCreate, ResponseCreate, SessionUpdate, parse_client_event
from bargein.wire.errors import error_event
from bargein.wire.session_object import SessionObject
from support.golden_events import REALTIME

START = SessionObject.begin(id="sess_1", model="demo", expires_at=1785217650)

# What openai-realtime-api-beta 0.0.0 sends first.
CONSOLE_SESSION: dict[str, Any] = {
    "modalities": ["text", "audio"],
    "instructions": "be brief",
    "voice": "verse",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": None,
    "tools": [],
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": 4096,
}
# What Twilio's first sample bridge sends.
TWILIO_SESSION = {
    "turn_detection": {"type": "server_vad"},
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_alaw",
    "voice": "alloy",
    "instructions": "be brief",
    "modalities": ["text", "audio"],
    "temperature": 0.8,
}


def update(session: dict[str, Any], start: SessionObject = START) -> SessionObject:
    event = parse_client_event(json.dumps({"type": "session.update", "session": session}), beta=True)
    assert isinstance(event, SessionUpdate)
    return start.update(event.session)


def shown(session: SessionObject) -> dict[str, Any]:
    (event,) = to_beta({"type": "session.updated", "session": session.echo()})
    flat: dict[str, Any] = event["session"]
    return flat


def test_the_consoles_session() -> None:
    config = update(CONSOLE_SESSION).to_config()
    assert config.turn_detection is None
    assert config.transcription is not None
    assert config.response.voice == "verse"
    assert config.response.audio is True
    assert config.response.max_output_tokens == 4096
    flat = shown(update(CONSOLE_SESSION))
    expected = {key: value for key, value in CONSOLE_SESSION.items() if key != "temperature"}
    expected["input_audio_transcription"] = {"model": "whisper-1", "language": None, "prompt": None}
    assert flat.items() >= expected.items()
    assert not flat.keys() & {"type", "audio", "output_modalities", "max_output_tokens", "truncation", "temperature"}


def test_twilios_session() -> None:
    config = update(TWILIO_SESSION).to_config()
    assert (config.input_format, config.response.output_format) == (PCMU_8K, PCMA_8K)
    assert config.turn_detection == TurnDetection()
    flat = shown(update(TWILIO_SESSION))
    assert (flat["input_audio_format"], flat["output_audio_format"]) == ("g711_ulaw", "g711_alaw")


def test_turn_detection_is_off_by_either_name() -> None:
    """``none`` is what Azure's first clients of the beta send."""
    for off in (None, {"type": "none"}):
        session = update({"turn_detection": off})
        assert session.to_config().turn_detection is None
        assert shown(session)["turn_detection"] is None


@pytest.mark.parametrize("name", ["pcm16", "pcm16_8000hz", "pcm16_16000hz", "pcm16_32000hz", "pcm16_48000hz"])
def test_pcm_at_other_rates(name: str) -> None:
    """As Azure's Voice Live names them."""
    rate_hz = int(name[6:-2] or 24_000)
    session = update({"input_audio_format": name, "output_audio_format": name})
    assert session.to_config().input_format == AudioFormat(Encoding.PCM16, rate_hz)
    assert session.to_config().response.output_format == AudioFormat(Encoding.PCM16, rate_hz)
    assert (shown(session)["input_audio_format"], shown(session)["output_audio_format"]) == (name, name)
    nested = START.update({"audio": {"input": {"format": {"type": "audio/pcm", "rate": rate_hz}}}})
    assert shown(nested)["input_audio_format"] == name


def test_a_flat_echo_may_be_sent_back() -> None:
    session = update(TWILIO_SESSION)
    assert shown(update(shown(session), session)) == shown(session)


def test_a_flat_update_leaves_the_rest_alone() -> None:
    session = update({"voice": "ash"}, update(TWILIO_SESSION))
    assert session.to_config().input_format == PCMU_8K
    assert session.to_config().response.voice == "ash"
    assert update({"modalities": ["text"]}, session).to_config().response.audio is False
    assert shown(update({"modalities": ["text"]}, session))["modalities"] == ["text"]


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"input_audio_format": "opus"}, "session.input_audio_format"),
        ({"modalities": ["audio", "video"]}, "session.modalities[1]"),
        ({"turn_detection": {"type": "server_vad", "threshold": 2}}, "session.turn_detection.threshold"),
        ({"speed": 9}, "session.speed"),
        ({"max_response_output_tokens": 0}, "session.max_response_output_tokens"),
        ({"foo": 1}, "session.foo"),
    ],
)
def test_errors_name_the_field_that_the_caller_knows(session: dict[str, Any], param: str) -> None:
    with pytest.raises(CallerError) as caught:
        update(session)
    (event,) = to_beta(error_event(caught.value, "mine"))
    assert event["error"]["param"] == param
    assert event["error"]["event_id"] == "mine"
    if "'" in caught.value.message and caught.value.code != "invalid_value":
        assert f"'{param}'" in event["error"]["message"]


def test_responses() -> None:
    message = {
        "type": "response.create",
        "response": {
            "modalities": ["audio", "text"],
            "voice": "echo",
            "output_audio_format": "g711_ulaw",
            "temperature": 0.6,
            "max_output_tokens": 9,
            "input": [
                {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello."}]},
                {"type": "item_reference", "id": "i"},
            ],
        },
    }
    event = parse_client_event(json.dumps(message), beta=True)
    assert isinstance(event, ResponseCreate)
    asked = START.merge_response(event.response)
    settings = asked.settings
    assert (settings.audio, settings.voice, settings.max_output_tokens) == (True, "echo", 9)
    assert settings.output_format == PCMU_8K
    assert asked.input is not None
    assert len(asked.input) == 2
    assert START.merge_response(None).settings.output_format == PCM16_24K


def test_items() -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello."}]}
    event = parse_client_event(json.dumps({"type": "conversation.item.create", "item": item}), beta=True)
    assert isinstance(event, ConversationItemCreate)
    assert event.item["content"] == [{"type": "output_text", "text": "Hello."}]


BETA_NAMES = {
    "text delta": "response.text.delta",
    "text done": "response.text.done",
    "audio delta": "response.audio.delta",
    "audio done": "response.audio.done",
    "audio transcript delta": "response.audio_transcript.delta",
    "audio transcript done": "response.audio_transcript.done",
    "item.added: speech of the caller": "conversation.item.created",
    "item.added: a reply begins": "conversation.item.created",
    "content_part.added: audio": "response.content_part.added",
    "speech_started": "input_audio_buffer.speech_started",
}


@pytest.mark.parametrize("name", BETA_NAMES)
def test_names_of_events(name: str) -> None:
    (event,) = to_beta(REALTIME[name])
    assert event["type"] == BETA_NAMES[name]


@pytest.mark.parametrize("name", ["item.done: speech of the caller", "item.done: a reply ends", "timeout_triggered"])
def test_what_beta_does_not_have_is_left_out(name: str) -> None:
    assert to_beta(REALTIME[name]) == []


def test_a_response_object() -> None:
    (event,) = to_beta(REALTIME["response.done: barge-in"])
    response = event["response"]
    assert response["modalities"] == ["text", "audio"]
    assert (response["voice"], response["output_audio_format"]) == ("alloy", "pcm16")
    assert response["max_output_tokens"] == "inf"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert not response.keys() & {"audio", "output_modalities"}
    (item,) = response["output"]
    assert item["object"] == "realtime.item"
    assert item["content"] == [{"type": "audio", "transcript": "Hello!"}]


def test_item_objects() -> None:
    (text,) = to_beta(REALTIME["output_item.done: text"])
    assert text["item"]["content"] == [{"type": "text", "text": "Hi."}]
    (call,) = to_beta(REALTIME["output_item.done: a function call"])
    assert call["item"]["object"] == "realtime.item"
    (user,) = to_beta(REALTIME["item.added: speech of the caller"])
    assert user["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    (retrieved,) = to_beta(REALTIME["item.retrieved: a reply in pieces"])
    assert retrieved["item"]["content"][0]["type"] == "audio"


@pytest.mark.parametrize("name", REALTIME)
def test_translation_changes_nothing_in_place(name: str) -> None:
    before = copy.deepcopy(REALTIME[name])
    to_beta(REALTIME[name])
    assert REALTIME[name] == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
beta_fields = st.sampled_from(
    "modalities voice speed input_audio_format output_audio_format turn_detection audio input content role type".split()  # noqa: SIM905
)


@given(
    kind=st.sampled_from(["session.update", "response.create", "conversation.item.create", "other"]),
    inner=st.dictionaries(beta_fields, json_values, max_size=5) | json_values,
)
def test_whatever_a_beta_caller_sends_is_translated_without_harm(kind: str, inner: Any) -> None:  # noqa: ANN401
    event = {"type": kind, "session": inner, "response": inner, "item": inner}
    before = copy.deepcopy(event)
    from_beta(event)
    assert event == before
