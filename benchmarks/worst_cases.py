"""The worst that each kind of message can be, as far as we could think of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.worst_caller import Caller, Json, recording, spoken, text


@dataclass(frozen=True)
class Case:
    """One message: what comes before it, what it is, and what tells that it was dealt with."""

    kind: str
    what: str
    message: Callable[[Caller], Json | str | bytes]
    until: tuple[str, ...]
    before: Callable[[Caller], object] = lambda _: None
    bargein: bool = False
    beta: bool = False
    settings: dict[str, str] = field(default_factory=dict)


LONG_TEXT: Final = 2_490_000
TOOL_FIELDS: Final = {f"f{number}": {"type": "string"} for number in range(45)}
TOOLS: Final = [
    {"type": "function", "name": f"t{number}", "parameters": {"type": "object", "properties": TOOL_FIELDS}}
    for number in range(128)
]
AT_ONCE: Final = {"BARGEIN_LEAD_MS": "0"}

LARGE: Final = 4_194_000
EMPTY_UPDATE: Final[Json] = {"type": "session.update", "session": {"type": "realtime"}}
EVERYTHING: Final[Json] = {"instructions": "\n" * 480_000, "tools": TOOLS}
REFERENCES: Final = [{"type": "item_reference", "id": "x"}] * 1000
CREATE: Final = "conversation.item.create"
DONE: Final = ("conversation.item.done",)
COMMITTED: Final = ("input_audio_buffer.committed",)


def many(caller: Caller, count: int, item: Json) -> None:
    for _ in range(count):
        caller.add(item)


def session(**fields: Any) -> Callable[[Caller], Json]:  # noqa: ANN401 (JSON)
    return lambda _: {"type": "session.update", "session": {"type": "realtime", **fields}}


def response(**fields: Any) -> Callable[[Caller], Json]:  # noqa: ANN401 (JSON)
    return lambda _: {"type": "response.create", "response": fields}


def item(item: Json) -> Callable[[Caller], Json]:
    return lambda _: {"type": CREATE, "item": item}


def retrieve(caller: Caller) -> Json:
    return {"type": "conversation.item.retrieve", "item_id": last_item(caller)}


def truncate(at_ms: int) -> Callable[[Caller], Json]:
    return lambda caller: {
        "type": "conversation.item.truncate",
        "item_id": last_item(caller),
        "content_index": 0,
        "audio_end_ms": at_ms,
    }


def commit_300_s(caller: Caller) -> None:
    caller.speak(300)
    caller.send({"type": "input_audio_buffer.commit"})
    caller.wait("conversation.item.done")


def begin_reply(caller: Caller) -> None:
    """Let the model speak for ten minutes, and listen to the beginning."""
    caller.reply(600, "response.output_audio_transcript.delta")
    time.sleep(3)


def last_item(caller: Caller) -> str:
    added = [event for event in caller.events if event["type"] == "conversation.item.added"]
    item_id: str = added[-1]["item"]["id"]
    return item_id


def cases() -> list[Case]:
    """All of them."""
    return [*_session_cases(), *_input_cases(), *_item_cases(), *_response_cases(), *_other_cases()]


def _session_cases() -> list[Case]:
    """``session.update``."""
    return [
        Case("session.update", "instructions of newlines", session(instructions="\n" * 499_000), ("session.updated",)),
        Case("session.update", "128 tools", session(tools=TOOLS), ("session.updated",)),
        Case(
            "session.update",
            "empty, after the largest",
            lambda _: EMPTY_UPDATE,
            ("session.updated",),
            lambda caller: caller.configure(**EVERYTHING),
        ),
        Case("session.update", "20,000 unknown fields", session(**{f"x{n}": 1 for n in range(19_000)}), ("error",)),
        Case(
            "session.update",
            "1.4 million arrays",
            lambda _: '{"type":"session.update","session":{"a":[' + "[]," * (LARGE // 3 - 20) + "[]]}}",
            ("error",),
        ),
        Case("session.update", "text full of commas", session(instructions="," * 499_000), ("session.updated",)),
        Case(
            "session.update",
            "4 MB of newlines",
            lambda _: json.dumps({"type": "session.update", "session": {"instructions": "\n" * (LARGE // 2 - 50)}}),
            ("error",),
        ),
    ]


def _input_cases() -> list[Case]:
    """Sound, and what is done with it."""
    return [
        Case(
            "input_audio_buffer.append",
            "62 s",
            lambda _: {"type": "input_audio_buffer.append", "audio": recording(62)},
            ("error",),
            settings={"cancel": "1"},
        ),
        Case(
            "input_audio_buffer.append",
            "62 s, while the agent speaks",
            lambda _: {"type": "input_audio_buffer.append", "audio": recording(62)},
            ("error",),
            lambda caller: caller.reply(100, "response.output_audio_transcript.delta"),
            settings={"cancel": "1"},
        ),
        Case(
            "input_audio_buffer.append",
            "6 s of G.711",
            lambda _: {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(48_000)).decode()},
            ("error",),
            lambda caller: caller.configure(audio={"input": {"format": {"type": "audio/pcmu"}}}),
            settings={"cancel": "1"},
        ),
        Case(
            "binary",
            "87 s",
            lambda _: base64.b64decode(recording(87)),
            ("error",),
            bargein=True,
            settings={"cancel": "1"},
        ),
        Case(
            "input_audio_buffer.commit",
            "300 s",
            lambda _: {"type": "input_audio_buffer.commit"},
            COMMITTED,
            lambda caller: caller.speak(300),
        ),
        Case(
            "input_audio_buffer.commit",
            "300 s, written down",
            lambda _: {"type": "input_audio_buffer.commit"},
            (
                "conversation.item.input_audio_transcription.completed",
                "conversation.item.input_audio_transcription.failed",
            ),
            lambda caller: caller.speak(300, transcription={"model": "m"}),
        ),
        Case(
            "input_audio_buffer.clear",
            "300 s",
            lambda _: {"type": "input_audio_buffer.clear"},
            ("input_audio_buffer.cleared",),
            lambda caller: caller.speak(300),
        ),
    ]


def _item_cases() -> list[Case]:
    """Items."""
    return [
        Case(CREATE, "2.5 million letters", item(text("A" * LONG_TEXT)), DONE),
        Case(CREATE, "1.2 million newlines", item(text("\n" * (LONG_TEXT // 2))), DONE),
        Case(CREATE, "text in another script", item(text("é" * (LONG_TEXT // 2))), DONE),
        Case(
            CREATE,
            "text in another script, beta",
            item(text("é" * (LONG_TEXT // 2))),
            ("conversation.item.created",),
            beta=True,
        ),
        Case(CREATE, "62 s", item(spoken(62)), DONE),
        Case(
            CREATE,
            "128 parts",
            item({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a" * 19_000}] * 128}),
            DONE,
        ),
        Case(
            CREATE,
            "6000 parts",
            item({"type": "message", "role": "user", "content": [{"type": "input_text", "text": ""}] * 6000}),
            ("error",),
        ),
        Case(
            CREATE,
            "the 2000th",
            item(text("a")),
            DONE,
            lambda caller: many(caller, 1990, text("a")),
            settings={"BARGEIN_CONTROL_MESSAGES_PER_S": "100000"},
        ),
        Case(
            "conversation.item.retrieve",
            "2.5 million letters",
            retrieve,
            ("conversation.item.retrieved",),
            lambda caller: caller.add(text("A" * LONG_TEXT)),
        ),
        Case("conversation.item.retrieve", "300 s", retrieve, ("conversation.item.retrieved",), commit_300_s),
        Case(
            "conversation.item.retrieve",
            "a reply of 320 s",
            retrieve,
            ("conversation.item.retrieved",),
            lambda caller: caller.reply(320),
            settings=AT_ONCE,
        ),
        Case(
            "conversation.item.truncate",
            "a reply of 600 s in the middle",
            truncate(300_000),
            ("conversation.item.truncated",),
            lambda caller: caller.reply(600),
            settings=AT_ONCE,
        ),
        Case(
            "conversation.item.delete",
            "of 2000",
            lambda caller: {"type": "conversation.item.delete", "item_id": last_item(caller)},
            ("conversation.item.deleted",),
            lambda caller: many(caller, 1990, text("a")),
            settings={"BARGEIN_CONTROL_MESSAGES_PER_S": "100000"},
        ),
    ]


def _response_cases() -> list[Case]:
    """Responses."""
    return [
        Case(
            "response.create",
            "1000 references to 2.5 million letters",
            response(conversation="none", input=REFERENCES),
            ("response.done",),
            lambda caller: caller.add(text("A" * LONG_TEXT) | {"id": "x"}),
        ),
        Case(
            "response.create",
            "50,000 references",
            response(conversation="none", input=REFERENCES * 50),
            ("error",),
            lambda caller: caller.add(text("A" * 1_900_000) | {"id": "x"}),
        ),
        Case(
            "response.create", "62 s of its own", response(conversation="none", input=[spoken(62)]), ("response.done",)
        ),
        Case(
            "response.create",
            "16 MB of sound",
            response(),
            ("response.done",),
            lambda caller: many(caller, 5, spoken(62)),
        ),
        Case("response.create", "300 s in one turn", response(), ("response.done",), commit_300_s),
        Case(
            "response.create",
            "2000 items",
            response(),
            ("response.done",),
            lambda caller: many(caller, 1990, text("a")),
            settings={"BARGEIN_CONTROL_MESSAGES_PER_S": "100000"},
        ),
        Case(
            "response.create",
            "2.5 million letters in another script",
            response(),
            ("response.done",),
            lambda caller: caller.add(text("é" * (LONG_TEXT // 2))),
        ),
        Case(
            "response.create",
            "largest instructions and tools",
            response(),
            ("response.done",),
            lambda caller: caller.configure(**EVERYTHING),
        ),
        Case(
            "response.cancel",
            "a reply of 600 s",
            lambda _: {"type": "response.cancel"},
            ("response.done",),
            begin_reply,
        ),
        Case(
            "response.cancel",
            "a reply of 600 s, all of it sent",
            lambda _: {"type": "response.cancel"},
            ("response.done", "error"),
            begin_reply,
            settings=AT_ONCE,
        ),
    ]


def _other_cases() -> list[Case]:
    """What is neither."""
    return [
        Case(
            "bargein.ping",
            "a long id",
            lambda _: {"type": "bargein.ping", "id": "x" * 512},
            ("bargein.pong",),
            bargein=True,
        ),
        Case("unknown", "a type of 4 MB", lambda _: '{"type":"' + "A" * LARGE + '"}', ("error",)),
        Case("unknown", "4 MB that is no JSON", lambda _: "[" * LARGE, ("error",)),
    ]
