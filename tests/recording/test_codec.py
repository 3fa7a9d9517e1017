"""Everything that can happen to a conversation is written down and read again as it was."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bargein.core import completion, events, items
from bargein.core.audio import PCM16_24K, PCMU_8K, AudioFormat, Encoding
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, Transcription
from bargein.core.events import Event, Window
from bargein.core.words import Timeline
from bargein.recording.codec import dumped, loaded

TOOL: Mapping[str, object] = types.MappingProxyType(
    {"type": "function", "name": "book", "parameters": {"required": ["day"], "$": "bytes", "most": 1.5}}
)
SETTINGS = ResponseSettings(instructions="Be kind.", tools=(TOOL,), tool_choice=completion.ForcedFunction("book"))
SAID = items.Message("item_1", "user", [items.InputText("hé\ud800"), items.InputAudio(b"\0\1", PCMU_8K, "hello")])

HAPPENED: list[Event] = [
    events.Configured(SessionConfig(PCMU_8K, None, Transcription("gpt-transcribe", languages=("en",)), SETTINGS)),
    events.AudioAppended(b"\0\1" * 480, (Window(480, 1.0, -20.5, 0.25), Window(480, 0.0, float("-inf")))),
    events.ItemCreateRequested(SAID, "root"),
    events.ItemTruncateRequested("item_1", 0, 10**30),
    events.ResponseRequested(SETTINGS, True, (SAID, items.ItemReference("item_2")), {"key": "value"}),
    events.StreamProgressed("resp_1", completion.AudioPiece("AAAA", 1)),
    events.StreamProgressed("resp_1", completion.AudioPiece(b"\0\0", 1)),
    events.StreamProgressed("resp_1", completion.ToolCallPiece(0, "call_1", "book", '{"day"')),
    events.StreamProgressed("resp_1", completion.Usage(1, 2, 3, 4, 5, estimated=True)),
    events.StreamProgressed("resp_1", completion.Finished("stop")),
    events.StreamFailed("resp_1", items.Failure("server_error", None, "broken"), processed=False),
    events.TranscriptionCompleted("item_1", "hello", 0.1, ({"token": "hello", "logprob": -0.5},)),
    events.TimeLost(0.25),
    events.EchoGone(),
    events.CallerLeft(),
]


def same(left: object, right: object) -> bool:
    """As ``==``, and windows by what they hold."""
    return repr(left) == repr(right)


@pytest.mark.parametrize("event", HAPPENED, ids=lambda event: type(event).__name__)
def test_an_event_is_read_as_it_was(event: Event) -> None:
    line = dumped((12.000000001, event))
    assert b"\n" not in line
    at, again = loaded(line)
    assert at == 12.000000001
    assert type(again) is type(event)
    assert same(again, _plain(event))


def _plain(event: Event) -> Event:
    """What a caller gave as JSON is plain JSON when it is read."""
    match event:
        case events.Configured(config):
            response = dataclasses.replace(config.response, tools=(dict(TOOL),))
            return events.Configured(dataclasses.replace(config, response=response))
        case events.ResponseRequested():
            return dataclasses.replace(event, settings=dataclasses.replace(event.settings, tools=(dict(TOOL),)))
        case _:
            return event


def test_a_policy_is_read_as_it_was() -> None:
    policy = CorePolicy(lead_ms=None, confirm_after_ms=300)
    assert loaded(dumped(policy)) == policy


def test_what_an_old_recording_does_not_say_is_as_it_is_without() -> None:
    assert loaded(b'{"$":"CorePolicy","confirm_after_ms":300}') == CorePolicy(confirm_after_ms=300)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1,",
        b'{"$":"Popen"}',
        b'{"$":"TimeLost"}',
        b'{"$":"TimeLost","lost_s":1,"more":2}',
        b'{"lost_s":1}',
        b'{"$":"bytes","v":"?"}',
        b'{"$":["x"]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_refused_in_words(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loaded(line)


def classes_of(hint: object, seen: set[object]) -> Iterator[type]:
    """Every class of our own that a value of a type may hold."""
    if hint in seen:
        return
    seen.add(hint)
    for part in typing.get_args(hint):
        yield from classes_of(part, seen)
    if isinstance(hint, type) and hint.__module__.startswith("bargein."):
        yield hint
        if dataclasses.is_dataclass(hint):
            for part in typing.get_type_hints(hint).values():
                yield from classes_of(part, seen)


WITH_BOUNDS: dict[type, object] = {AudioFormat: AudioFormat(Encoding.PCMU, 8000), CorePolicy: CorePolicy(lead_ms=None)}
"""What cannot be made of nothing."""


def test_all_that_events_are_made_of_has_a_form() -> None:
    """A reply's own sound is not in any event: it is made of pieces."""
    known = set(classes_of(Event, set())) - {items.OutputAudio, *classes_of(Timeline, set())}
    assert len(known) > 30
    for wanted in known:
        if issubclass(wanted, enum.Enum):
            assert loaded(dumped(next(iter(wanted)))) is next(iter(wanted))
        elif wanted is Window:
            assert same(loaded(dumped(Window(1, 0.0, 0.0))), Window(1, 0.0, 0.0))
        elif wanted in WITH_BOUNDS:
            assert loaded(dumped(WITH_BOUNDS[wanted])) == WITH_BOUNDS[wanted]
        elif dataclasses.is_dataclass(wanted):
            empty = wanted(**{field.name: None for field in dataclasses.fields(wanted)})
            try:
                made: object = type(loaded(dumped(empty)))
            except ValueError as error:
                made = str(error)  # It is known, and what its fields can be.
            assert made is wanted or f"TypeError: {wanted.__name__}." in str(made), made
        else:
            pytest.fail(f"{wanted} has no form in a recording")


def test_what_no_event_holds_is_an_error() -> None:
    with pytest.raises(TypeError, match="Path"):
        dumped(Path("x"))
    assert loaded(dumped(PCM16_24K)) == PCM16_24K
