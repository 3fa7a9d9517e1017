"""The golden messages, shared with JavaScript: what is written equals them byte for byte, what is read comes back."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import orjson
import pytest

from bargein.wire import bargein_events, binary, server_events
from bargein.wire.client_events import ClientEvent, parse_client_event
from bargein.wire.encode import Encoder
from bargein.wire.server_events import ServerEvent
from support.golden_events import BARGEIN, REALTIME

GOLDEN = Path(__file__).parent / "golden"
ENTRIES: dict[str, list[dict[str, Any]]] = {
    name: json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")) for name in ("realtime", "bargein-v1")
}


def of(name: str, direction: str, key: str = "message") -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in ENTRIES[name] if one["direction"] == direction and key in one}


def written(encoder: Encoder, event: ServerEvent, golden: dict[str, Any]) -> bytes:
    """What the encoder writes, under the id that the golden message has."""
    (message,) = encoder.encode(event)
    own = orjson.loads(message)["event_id"]
    return message.replace(f'"{own}"'.encode(), f'"{golden["event_id"]}"'.encode())


@pytest.mark.parametrize("name", of("realtime", "server_to_client"))
def test_server_events_are_written_as_the_golden_ones(name: str) -> None:
    golden = of("realtime", "server_to_client")[name]["message"]
    encoder = Encoder("x", beta=False)
    if golden["type"] == "conversation.created":
        assert encoder.encode(REALTIME[name]) == []
        assert REALTIME[name]["conversation"] == golden["conversation"]
    else:
        assert written(encoder, REALTIME[name], golden) == orjson.dumps(golden)


@pytest.mark.parametrize("name", of("bargein-v1", "server_to_client"))
def test_bargein_events_are_written_as_the_golden_ones(name: str) -> None:
    golden = of("bargein-v1", "server_to_client")[name]["message"]
    encoder = Encoder("x", bargein=True, seq=golden["seq"] - 1)
    assert written(encoder, BARGEIN[name], golden) == orjson.dumps(golden)


@pytest.mark.parametrize(("module", "examples"), [(server_events, REALTIME), (bargein_events, BARGEIN)])
def test_every_event_that_can_be_sent_has_a_golden_message(
    module: ModuleType, examples: dict[str, ServerEvent]
) -> None:
    source = {
        name: inspect.getsource(function)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(function).return_annotation == "ServerEvent"
    }
    assert len(source) >= 7
    types = {example["type"] for example in examples.values()}
    untried = [name for name, text in source.items() if not any(f'"{kind}"' in text for kind in types)]
    assert untried == []


CLIENT_MESSAGES = {
    f"{file}: {name}": one["message"] for file in ENTRIES for name, one in of(file, "client_to_server").items()
}


@pytest.mark.parametrize("name", CLIENT_MESSAGES)
def test_client_events_come_back_as_they_were(name: str) -> None:
    message = CLIENT_MESSAGES[name]
    event = parse_client_event(orjson.dumps(message), bargein=True)
    assert event.model_dump(exclude_none=True) == message
    assert parse_client_event(event.model_dump_json(), bargein=True) == event


def test_every_client_event_has_a_golden_message() -> None:
    types = {model.model_fields["type"].default for model in get_args(ClientEvent)}
    assert {message["type"] for message in CLIENT_MESSAGES.values()} == types


@pytest.mark.parametrize("name", of("bargein-v1", "server_to_client", "hex"))
def test_binary_messages_are_packed_and_unpacked_as_the_golden_ones(name: str) -> None:
    entry = of("bargein-v1", "server_to_client", "hex")[name]
    message = bytes.fromhex(entry["hex"])
    samples = b"".join(sample.to_bytes(2, "little", signed=True) for sample in entry["audio_samples"])
    header = {key: value for key, value in entry["header"].items() if key not in {"version", "kind"}}
    assert binary.pack(samples=samples, **header) == message
    assert binary.unpack(message) == binary.ReplyAudio(samples=samples, **header)
