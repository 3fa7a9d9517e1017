"""The session object: defaults, echo, what an update changes, and what the core is told."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio import PCM16_24K, PCMA_8K, PCMU_8K, AudioFormat, Encoding
from bargein.core.completion import ForcedFunction
from bargein.core.config import SessionConfig, Transcription, TurnDetection
from bargein.core.turn_end import Eagerness
from bargein.errors import CallerError
from bargein.wire.session_object import SessionObject

START = SessionObject.begin(id="sess_1", model="gpt-audio", expires_at=1785217650)


def updated(patch: dict[str, Any], session: SessionObject = START, *, audio_produced: bool = False) -> SessionObject:
    return session.update({"type": "realtime", **patch}, audio_produced=audio_produced)


def with_input(**fields: object) -> SessionObject:
    return updated({"audio": {"input": fields}})


def turn_detection(session: SessionObject) -> Any:  # noqa: ANN401
    return session.echo()["audio"]["input"]["turn_detection"]


def test_the_defaults_are_the_cores() -> None:
    assert START.to_config() == SessionConfig()


def test_the_echo_has_every_key_of_the_live_service() -> None:
    echo = START.echo()
    assert list(echo) == [
        *("type", "object", "id", "model", "output_modalities", "instructions", "tools", "tool_choice"),
        *("max_output_tokens", "tracing", "truncation", "prompt", "expires_at", "audio", "include"),
    ]
    assert list(echo["audio"]["input"]) == ["format", "transcription", "noise_reduction", "turn_detection"]
    assert list(echo["audio"]["output"]) == ["format", "voice", "speed"]


def test_the_server_may_have_defaults_of_its_own() -> None:
    session = SessionObject.begin(id="s", model="m", expires_at=1, instructions="Be kind.", default_voice="onyx")
    assert session.echo()["instructions"] == "Be kind."
    assert session.to_config().response.voice == "onyx"
    assert not session.to_config().response.voice_chosen
    assert updated({"audio": {"output": {"speed": 1.2}}}, session).echo()["audio"]["output"]["voice"] == "onyx"


def test_what_a_patch_does_not_name_stays() -> None:
    session = with_input(format={"type": "audio/pcmu"}, transcription={"model": "whisper-1", "language": "de"})
    session = updated({"audio": {"output": {"voice": "ash"}}, "instructions": "Hi."}, session)
    session = updated({"audio": {"input": {"noise_reduction": {"type": "far_field"}}}}, session)
    config = session.to_config()
    assert config.input_format == PCMU_8K
    assert config.transcription == Transcription("whisper-1", "de")
    assert (config.response.voice, config.response.instructions) == ("ash", "Hi.")
    assert config.response.output_format == PCM16_24K


def test_turn_detection_is_replaced_and_filled_with_defaults() -> None:
    session = with_input(turn_detection={"type": "server_vad", "threshold": 0.9, "silence_duration_ms": 900})
    session = updated({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.2}}}}, session)
    assert turn_detection(session) == {
        "type": "server_vad",
        "threshold": 0.2,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    semantic = updated({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}, session)
    assert turn_detection(semantic) == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


@pytest.mark.parametrize(
    ("eagerness", "rule", "silence_duration_ms", "max_wait_ms"),
    [
        ("low", "low", 1200, 8000),
        ("medium", "medium", 640, 4000),
        ("high", "high", 400, 2000),
        ("auto", "medium", 640, 4000),
    ],
)
def test_eagerness_is_a_rule(eagerness: str, rule: Eagerness, silence_duration_ms: int, max_wait_ms: int) -> None:
    session = with_input(turn_detection={"type": "semantic_vad", "eagerness": eagerness, "create_response": False})
    assert session.to_config().turn_detection == TurnDetection(
        silence_duration_ms=silence_duration_ms, eagerness=rule, max_wait_ms=max_wait_ms, create_response=False
    )


def test_null_clears() -> None:
    full = with_input(
        turn_detection={"type": "server_vad", "idle_timeout_ms": 5000},
        transcription={"model": "whisper-1"},
        noise_reduction={"type": "near_field"},
    )
    full = updated(
        {"prompt": {"id": "pmpt_1"}, "instructions": "x", "tools": [{"type": "function", "name": "f"}]}, full
    )
    cleared = updated(
        {
            "prompt": None,
            "instructions": "",
            "tools": [],
            "audio": {"input": {"turn_detection": None, "transcription": None, "noise_reduction": None}},
        },
        full,
    )
    assert cleared.to_config().turn_detection is None
    assert {**cleared.echo(), "audio": None} == {**START.echo(), "audio": None}
    assert cleared.echo()["audio"]["input"] == {**START.echo()["audio"]["input"], "turn_detection": None}


def test_null_for_anything_else_is_not_given() -> None:
    before = updated({"instructions": "Hi.", "max_output_tokens": 5, "audio": {"output": {"voice": "ash"}}})
    after = updated(
        {
            **dict.fromkeys(("instructions", "tools", "tool_choice", "max_output_tokens", "truncation", "model")),
            "output_modalities": None,
            "audio": {"input": None, "output": {"voice": None, "speed": None, "format": None}},
        },
        before,
    )
    assert after.echo() == before.echo()


def test_what_the_server_names_stays_whatever_is_sent() -> None:
    session = updated({"model": "gpt-realtime-2.1", "id": "sess_other", "object": "x", "expires_at": 1})
    assert session.echo() == START.echo()


def test_an_echo_may_be_sent_back() -> None:
    session = updated(
        {
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
            "tool_choice": {"type": "function", "name": "f"},
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 9}},
            "tracing": {"workflow_name": "w", "metadata": {"a": 1}},
            "reasoning": {"effort": "low"},
            "parallel_tool_calls": False,
            "include": ["item.input_audio_transcription.logprobs"],
            "audio": {"input": {"transcription": {"model": "m"}}},
        }
    )
    assert session.update(session.echo()).echo() == session.echo()


def test_what_has_a_counterpart_reaches_the_core() -> None:
    session = updated(
        {
            "reasoning": {"effort": "low"},
            "parallel_tool_calls": False,
            "include": ["item.input_audio_transcription.logprobs"],
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 9}},
            "audio": {"input": {"transcription": {"model": "m", "languages": ["en", "de"], "keywords": ["Bargein"]}}},
        }
    )
    config = session.to_config()
    assert (config.response.reasoning_effort, config.response.parallel_tool_calls) == ("low", False)
    assert (config.response.truncation, config.response.post_instructions_tokens) == (0.8, 9)
    assert config.transcription == Transcription("m", None, None, ("en", "de"), ("Bargein",), logprobs=True)
    asked = session.merge_response({"reasoning": {"effort": "high"}}).settings
    assert (asked.reasoning_effort, asked.parallel_tool_calls) == ("high", False)
    cleared = updated({"reasoning": None, "include": None, "truncation": "auto"}, session).to_config()
    assert cleared.response.reasoning_effort is None
    assert cleared.transcription == Transcription("m", None, None, ("en", "de"), ("Bargein",))
    assert cleared.response.post_instructions_tokens is None


def test_a_response_has_everything_of_the_sessions_that_it_does_not_change() -> None:
    tool = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
    session = updated(
        {
            "instructions": "Be kind.",
            "output_modalities": ["text"],
            "tools": [tool],
            "tool_choice": {"type": "function", "name": "look_up"},
            "max_output_tokens": 100,
            "parallel_tool_calls": False,
            "reasoning": {"effort": "low"},
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 9}},
            "audio": {"output": {"voice": "ash", "format": {"type": "audio/pcmu"}}},
        }
    )
    settings = session.to_config().response
    forgotten = [field.name for field in dataclasses.fields(settings) if getattr(settings, field.name) == field.default]
    assert forgotten == [], "the test forgets a setting"
    assert session.merge_response({"metadata": {"a": "b"}}).settings == settings


def test_a_transcription_is_echoed_with_three_keys() -> None:
    session = with_input(transcription={"model": "gpt-transcribe", "languages": ["en"], "delay": "low"})
    assert session.echo()["audio"]["input"]["transcription"] == {
        "model": "gpt-transcribe",
        "language": None,
        "prompt": None,
    }


def test_a_voice_is_echoed_as_a_string() -> None:
    session = updated({"audio": {"output": {"voice": {"id": "voice_1"}}}})
    assert session.echo()["audio"]["output"]["voice"] == "voice_1"


@pytest.mark.parametrize("given", [{}, {"voice": None}, {"speed": 1.2}])
def test_a_voice_that_was_not_chosen_is_shown_all_the_same(given: dict[str, Any]) -> None:
    session = updated({"audio": {"output": given}})
    assert session.echo()["audio"]["output"]["voice"] == "alloy"
    assert not session.to_config().response.voice_chosen
    chosen = updated({"audio": {"output": {"voice": "alloy"}}}, session)
    assert chosen.to_config().response.voice_chosen


def test_the_echo_of_a_voice_that_was_heard_is_no_choice() -> None:
    session = updated({})
    again = updated({"audio": {"output": {"voice": "alloy"}}}, session, audio_produced=True)
    assert not again.to_config().response.voice_chosen
    wanted = again.merge_response({"audio": {"output": {"voice": "alloy"}}}, audio_produced=True)
    assert (wanted.settings.voice, wanted.settings.voice_chosen) == ("alloy", False)
    with pytest.raises(CallerError, match="Cannot update a conversation's voice"):
        updated({"audio": {"output": {"voice": "ash"}}}, session, audio_produced=True)


def test_the_voice_is_fixed_once_it_was_heard() -> None:
    session = updated({"audio": {"output": {"voice": "ash"}}})
    with pytest.raises(CallerError, match="Cannot update a conversation's voice") as caught:
        updated({"audio": {"output": {"voice": "marin"}}}, session, audio_produced=True)
    assert (caught.value.code, caught.value.param) == ("cannot_update_voice", "session.audio.output.voice")
    again = updated({"audio": {"output": {"voice": "ash"}}, "instructions": "x"}, session, audio_produced=True)
    assert again.to_config().response.instructions == "x"


def test_tracing_is_fixed_once_it_is_on() -> None:
    traced = updated({"tracing": None})
    traced = updated({"tracing": "auto"}, traced)
    assert updated({"tracing": "auto"}, traced).echo()["tracing"] == "auto"
    for other in (None, {"group_id": "g"}):
        with pytest.raises(CallerError) as caught:
            updated({"tracing": other}, traced)
        assert caught.value.param == "session.tracing"


F, G = {"type": "function", "name": "f"}, {"type": "function", "name": "g"}


def test_the_function_that_must_be_called_is_among_the_tools() -> None:
    session = updated({"tools": [F, G], "tool_choice": F})
    assert updated({"instructions": "Hi."}, session).echo()["tool_choice"] == F
    assert updated({"tools": [F]}, session).echo()["tool_choice"] == F
    assert updated({"tool_choice": G}, session).to_config().response.tool_choice == ForcedFunction("g")
    for patch in ({"tool_choice": {"name": "h"}}, {"tools": [G], "tool_choice": F}, {"tools": [], "tool_choice": F}):
        with pytest.raises(CallerError) as caught:
            updated(patch, session)
        assert (caught.value.code, caught.value.param) == ("invalid_value", "session.tool_choice")


@pytest.mark.parametrize("tools", [[G], []])
def test_an_update_that_takes_away_the_function_that_must_be_called_lets_the_model_choose(tools: list[Any]) -> None:
    session = updated({"tools": tools}, updated({"tools": [F, G], "tool_choice": F}))
    assert session.echo()["tools"] == tools
    assert session.echo()["tool_choice"] == "auto"
    assert session.to_config().response.tool_choice == "auto"
    assert updated({"tools": [F, G]}, session).echo()["tool_choice"] == "auto"


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_other_choices_stay_whatever_tools_there_are(choice: str) -> None:
    session = updated({"tools": []}, updated({"tools": [F], "tool_choice": choice}))
    assert session.echo()["tool_choice"] == choice


def test_the_core_is_told() -> None:
    tool = {"type": "function", "name": "f", "description": None, "parameters": {"type": "object", "x": None}}
    session = updated(
        {
            "output_modalities": ["text"],
            "tools": [tool],
            "tool_choice": {"type": "function", "name": "f"},
            "max_output_tokens": 4096,
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
            "audio": {"output": {"format": {"type": "audio/pcma"}}},
        }
    )
    config = session.to_config()
    assert config.response.truncation == 0.5
    assert config.response.audio is False
    assert config.response.tools == ({"type": "function", "name": "f", "parameters": {"type": "object", "x": None}},)
    assert config.response.tool_choice == ForcedFunction("f")
    assert config.response.max_output_tokens == 4096
    assert config.response.output_format == PCMA_8K
    assert (
        updated({"truncation": "disabled", "max_output_tokens": "inf"}, session).to_config().response.truncation
        == "disabled"
    )


def test_a_token_carries_a_session_without_its_type() -> None:
    begun = SessionObject.begin(id="s", model="m", expires_at=1, initial={"instructions": "From the token."})
    assert begun.to_config().response.instructions == "From the token."
    with pytest.raises(CallerError) as caught:
        SessionObject.begin(id="s", model="m", expires_at=1, initial={"audio": {"input": {"format": "opus"}}})
    assert caught.value.param == "session.audio.input.format"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 50_000) | st.floats(-2, 9) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
names = (
    "type model output_modalities instructions tools tool_choice max_output_tokens tracing truncation prompt include"
    " reasoning parallel_tool_calls audio input output format transcription noise_reduction turn_detection voice speed"
    " threshold prefix_padding_ms silence_duration_ms idle_timeout_ms create_response eagerness id name rate language"
)
words = "realtime server_vad semantic_vad audio/pcm audio/pcmu audio/pcma auto none inf function low near_field"
fields = st.sampled_from(names.split())
values = st.sampled_from(words.split()) | json_values
patches = st.recursive(
    st.dictionaries(fields, values, max_size=4),
    lambda inner: st.dictionaries(fields, inner | values | st.lists(inner, max_size=2), max_size=4),
    max_leaves=10,
)


@given(patch=patches)
def test_any_patch_is_accepted_whole_or_refused_whole(patch: dict[str, Any]) -> None:
    before = orjson.dumps(START.echo())
    session = outcome(patch)
    if isinstance(session, CallerError):
        assert session.message
        assert (session.param or "").startswith("session")
    else:
        assert isinstance(session.to_config(), SessionConfig)
        assert session.update(orjson.loads(orjson.dumps(session.echo()))).echo() == session.echo()
    assert orjson.dumps(START.echo()) == before


def outcome(patch: dict[str, Any]) -> SessionObject | CallerError:
    try:
        return START.update({"type": "realtime", **patch})
    except CallerError as error:
        return error


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 32_000, 48_000])
def test_pcm_at_other_rates(rate_hz: int) -> None:
    fmt = {"type": "audio/pcm", "rate": rate_hz}
    session = START.update({"audio": {"input": {"format": fmt}, "output": {"format": fmt}}})
    config = session.to_config()
    assert config.input_format == config.response.output_format == AudioFormat(Encoding.PCM16, rate_hz)
    echo = session.echo()["audio"]
    assert (echo["input"]["format"], echo["output"]["format"]) == (fmt, fmt)
    asked = START.merge_response({"audio": {"output": {"format": fmt}}})
    assert asked.settings.output_format == AudioFormat(Encoding.PCM16, rate_hz)
    assert session.update({"audio": {"input": {"format": {"type": "audio/pcm"}}}}).to_config().input_format == PCM16_24K


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"rate": 16000}, {"type": "audio/pcm", "rate": 16000}),
        ({"type": None, "rate": 8000.0}, {"type": "audio/pcm", "rate": 8000}),
        ({"type": "audio/pcm", "rate": None}, {"type": "audio/pcm", "rate": 24000}),
        ({}, {"type": "audio/pcm", "rate": 24000}),
        ({"type": "audio/pcmu", "rate": 8000}, {"type": "audio/pcmu"}),
        ({"type": "audio/pcma", "rate": None}, {"type": "audio/pcma"}),
        ("pcm16", {"type": "audio/pcm", "rate": 24000}),
        ("pcm16_16000hz", {"type": "audio/pcm", "rate": 16000}),
        ("pcm16-8000hz", {"type": "audio/pcm", "rate": 8000}),
        ("g711_ulaw", {"type": "audio/pcmu"}),
        ("audio/pcma", {"type": "audio/pcma"}),
    ],
)
def test_formats_may_be_said_in_other_words(given: object, shown: dict[str, Any]) -> None:
    session = START.update({"audio": {"input": {"format": given}, "output": {"format": given}}})
    echo = session.echo()["audio"]
    assert (echo["input"]["format"], echo["output"]["format"]) == (shown, shown)


@pytest.mark.parametrize("patch", [{}, {"type": None}])
def test_a_session_without_a_type_is_realtime(patch: dict[str, Any]) -> None:
    session = START.update({**patch, "instructions": "be brief"})
    assert (session.echo()["type"], session.echo()["instructions"]) == ("realtime", "be brief")


@pytest.mark.parametrize(
    ("given", "kind", "silence_duration_ms"),
    [
        ({}, "server_vad", 500),
        ({"silence_duration_ms": 300}, "server_vad", 300),
        ({"type": None, "threshold": 0.6}, "server_vad", 500),
        ({"eagerness": "high"}, "semantic_vad", 400),
    ],
)
def test_turn_detection_without_a_type(given: dict[str, Any], kind: str, silence_duration_ms: int) -> None:
    session = START.update({"audio": {"input": {"turn_detection": given}}})
    assert session.echo()["audio"]["input"]["turn_detection"]["type"] == kind
    detection = session.to_config().turn_detection
    assert detection is not None
    assert detection.silence_duration_ms == silence_duration_ms
