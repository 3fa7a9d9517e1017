"""The worst legal message of each kind: for how long it holds up the event loop, which all callers share.

Each is sent to a real server over a real socket, as large and as awkward as the server takes it, and the longest pass
of the loop until it is answered is printed: CPU time, so that a busy machine does not count. The bound is 20 ms. What
takes longer in all is dealt with in pieces, and others have their turn between them.

Run: ``python -m benchmarks.worst_messages [--transport picows] [--only KIND]``. Fails where the bound is passed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks import processes
from benchmarks.processes import LOAD_CPU, SERVER_CPU

BOUND_MS: Final = 20.0
TRIES: Final = 3
"""The least of these counts: the first pays for memory that the process then has."""
RATE_HZ: Final = 24_000
ANSWER_S: Final = 60.0

Json = dict[str, Any]


class Model(BaseHTTPRequestHandler):
    """Answers at once, with as many seconds of speech as its instructions say: ``seconds=…``."""

    protocol_version = "HTTP/1.1"
    words = (
        "once",
        "upon",
        "a",
        "time",
        "there",
        "was",
        "an",
        "island",
        "far",
        "away,",
        "and",
        "a",
        "girl",
        "on",
        "it.",
    )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        at = body.find(b"seconds=")
        seconds = int(body[at + 8 : at + 12]) if at >= 0 else 1
        try:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for delta in speech(seconds):
                self.wfile.write(b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n")
            self.wfile.write(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def speech(seconds: int) -> Iterator[Json]:
    """Loud and quiet in turn, as words are, 2.5 words a second."""
    random = np.random.default_rng(1)
    tenth = RATE_HZ // 10
    loud = [(random.standard_normal(tenth) * 6000).astype("<i2").tobytes() for _ in range(10)]
    quiet = (random.standard_normal(tenth) * 20).astype("<i2").tobytes()
    for number in range(10 * seconds):
        if number % 4 == 0:
            yield {"audio": {"id": "audio_1", "transcript": Model.words[number // 4 % len(Model.words)] + " "}}
        yield {"audio": {"data": base64.b64encode(quiet if number % 20 > 16 else loud[number % 10]).decode()}}


class Caller:
    """One WebSocket. What comes is read all the time."""

    def __init__(self, url: str, *, bargein: bool = False, beta: bool = False) -> None:
        self.socket: ClientConnection = connect(
            f"{url}/v1/realtime" if "/v1" not in url else url,
            subprotocols=[Subprotocol("bargein.v1")] if bargein else None,
            additional_headers={"OpenAI-Beta": "realtime=v1"} if beta else None,
            max_size=None,
            compression=None,
            ping_interval=None,
        )
        self.events: list[Json] = []
        self._changed = threading.Condition()
        self._seen = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, event: Json) -> None:
        self.send_raw(json.dumps(event, separators=(",", ":"), ensure_ascii=False))

    def send_raw(self, message: str | bytes) -> None:
        self.socket.send(message)

    def wait(self, *kinds: str) -> Json:
        """The next event of one of these kinds; an error is one too, unless it is asked for."""
        end = time.monotonic() + ANSWER_S
        with self._changed:
            while True:
                while self._seen < len(self.events):
                    event = self.events[self._seen]
                    self._seen += 1
                    if event["type"] in kinds or event["type"] in {"error", "closed"}:
                        if event["type"] not in kinds:
                            raise RuntimeError(f"{kinds} did not come, but {str(event)[:300]}")
                        return event
                if not self._changed.wait(end - time.monotonic()):
                    raise RuntimeError(f"{kinds} did not come")

    def configure(self, **session: Any) -> None:  # noqa: ANN401 (JSON)
        self.send({"type": "session.update", "session": {"type": "realtime", **session}})
        self.wait("session.updated")

    def add(self, item: Json) -> str:
        self.send({"type": "conversation.item.create", "item": item})
        item_id: str = self.wait("conversation.item.added")["item"]["id"]
        return item_id

    def speak(self, seconds: int, **session: Any) -> None:  # noqa: ANN401 (JSON)
        """Fill the input buffer, without turn detection."""
        self.configure(audio={"input": {"turn_detection": None} | session})
        piece = base64.b64encode(bytes(RATE_HZ * 2 * 10)).decode()
        for _ in range(seconds // 10):
            self.send({"type": "input_audio_buffer.append", "audio": piece})
        self.send({"type": "response.cancel"})
        self.wait("error")

    def reply(self, seconds: int, until: str = "response.done") -> str:
        """Let the model speak; returns the id of its item."""
        self.configure(instructions=f"seconds={seconds:4}")
        self.add(text("go"))
        self.send({"type": "response.create"})
        item_id: str = self.wait("response.output_item.added")["item"]["id"]
        self.wait(until)
        return item_id

    def close(self) -> None:
        self.socket.close()

    def _read(self) -> None:
        try:
            for message in self.socket:
                if isinstance(message, str):
                    event = json.loads(message)
                    if event["type"] == "error" and event["error"]["code"] == "rate_limit_exceeded":
                        event["type"] = "closed"
                    if not event["type"].endswith("audio.delta"):
                        self._note(event)
        except ConnectionClosed:
            pass
        self._note({"type": "closed", "code": self.socket.close_code, "reason": self.socket.close_reason})

    def _note(self, event: Json) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()


def text(words: str, kind: str = "input_text") -> Json:
    return {"type": "message", "role": "user", "content": [{"type": kind, "text": words}]}


def recording(seconds: float) -> str:
    random = np.random.default_rng(1)
    return base64.b64encode((random.standard_normal(int(seconds * RATE_HZ)) * 3000).astype("<i2").tobytes()).decode()


def spoken(seconds: float) -> Json:
    return {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": recording(seconds)}]}


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


def many(caller: Caller, count: int, item: Json) -> None:
    for _ in range(count):
        caller.add(item)


def cases() -> list[Case]:
    """The worst that each kind of message can be, as far as we could think of it."""
    update: Json = {"type": "session.update", "session": {"type": "realtime"}}
    create = "conversation.item.create"
    done = ("conversation.item.done",)
    committed = ("input_audio_buffer.committed",)

    def session(**fields: Any) -> Callable[[Caller], Json]:  # noqa: ANN401 (JSON)
        return lambda _: {"type": "session.update", "session": {"type": "realtime", **fields}}

    def response(**fields: Any) -> Callable[[Caller], Json]:  # noqa: ANN401 (JSON)
        return lambda _: {"type": "response.create", "response": fields}

    def item(item: Json) -> Callable[[Caller], Json]:
        return lambda _: {"type": create, "item": item}

    def retrieve(caller: Caller) -> Json:
        return {"type": "conversation.item.retrieve", "item_id": last_item(caller)}

    def truncate(at_ms: int) -> Callable[[Caller], Json]:
        return lambda caller: {
            "type": "conversation.item.truncate",
            "item_id": last_item(caller),
            "content_index": 0,
            "audio_end_ms": at_ms,
        }

    large = 4_194_000
    sound = recording(62)
    references = [{"type": "item_reference", "id": "x"}] * 1000
    everything = {"instructions": "\n" * 480_000, "tools": TOOLS}
    return [
        Case("session.update", "instructions of newlines", session(instructions="\n" * 499_000), ("session.updated",)),
        Case("session.update", "128 tools", session(tools=TOOLS), ("session.updated",)),
        Case(
            "session.update",
            "empty, after the largest",
            lambda _: update,
            ("session.updated",),
            lambda caller: caller.configure(**everything),
        ),
        Case("session.update", "20,000 unknown fields", session(**{f"x{n}": 1 for n in range(19_000)}), ("error",)),
        Case(
            "session.update",
            "1.4 million arrays",
            lambda _: '{"type":"session.update","session":{"a":[' + "[]," * (large // 3 - 20) + "[]]}}",
            ("error",),
        ),
        Case("session.update", "text full of commas", session(instructions="," * 499_000), ("session.updated",)),
        Case(
            "session.update",
            "4 MB of newlines",
            lambda _: json.dumps({"type": "session.update", "session": {"instructions": "\n" * (large // 2 - 50)}}),
            ("error",),
        ),
        Case(
            "input_audio_buffer.append",
            "62 s",
            lambda _: {"type": "input_audio_buffer.append", "audio": sound},
            ("error",),
            settings={"cancel": "1"},
        ),
        Case(
            "input_audio_buffer.append",
            "62 s, while the agent speaks",
            lambda _: {"type": "input_audio_buffer.append", "audio": sound},
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
            committed,
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
        Case(create, "2.5 million letters", item(text("A" * LONG_TEXT)), done),
        Case(create, "1.2 million newlines", item(text("\n" * (LONG_TEXT // 2))), done),
        Case(create, "text in another script", item(text("é" * (LONG_TEXT // 2))), done),
        Case(
            create,
            "text in another script, beta",
            item(text("é" * (LONG_TEXT // 2))),
            ("conversation.item.created",),
            beta=True,
        ),
        Case(create, "62 s", item(spoken(62)), done),
        Case(
            create,
            "128 parts",
            item({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a" * 19_000}] * 128}),
            done,
        ),
        Case(
            create,
            "6000 parts",
            item({"type": "message", "role": "user", "content": [{"type": "input_text", "text": ""}] * 6000}),
            ("error",),
        ),
        Case(
            create,
            "the 2000th",
            item(text("a")),
            done,
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
        Case(
            "response.create",
            "1000 references to 2.5 million letters",
            response(conversation="none", input=references),
            ("response.done",),
            lambda caller: caller.add(text("A" * LONG_TEXT) | {"id": "x"}),
        ),
        Case(
            "response.create",
            "50,000 references",
            response(conversation="none", input=references * 50),
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
            lambda caller: caller.configure(**everything),
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
        Case(
            "bargein.ping",
            "a long id",
            lambda _: {"type": "bargein.ping", "id": "x" * 512},
            ("bargein.pong",),
            bargein=True,
        ),
        Case("unknown", "a type of 4 MB", lambda _: '{"type":"' + "A" * large + '"}', ("error",)),
        Case("unknown", "4 MB that is no JSON", lambda _: "[" * large, ("error",)),
    ]


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


def measure(case: Case, transport: str, model_url: str) -> float:
    """The longest pass of the loop, in milliseconds."""
    environment = processes.SERVING | {"BARGEIN_MODEL": "m", "BARGEIN_UPSTREAM_URL": model_url}
    environment |= {name: value for name, value in case.settings.items() if name.startswith("BARGEIN_")}
    command = ["-m", "benchmarks.watched_server", "serve", "--port", "0", "--transport", transport]
    longest = []
    with processes.running(command, {SERVER_CPU}, environment, asked=True) as server:
        for _ in range(TRIES):
            caller = Caller(server.url, bargein=case.bargein, beta=case.beta)
            caller.wait("session.created")
            case.before(caller)
            message = case.message(caller)
            raw = (
                message
                if isinstance(message, str | bytes)
                else json.dumps(message, separators=(",", ":"), ensure_ascii=False)
            )
            server.ask("reset", "longest")
            caller.send_raw(raw)
            if "cancel" in case.settings:
                caller.send({"type": "response.cancel", "response_id": "none"})
            caller.wait(*case.until)
            longest.append(float(server.ask("read", "longest")))
            caller.close()
    return min(longest)


@contextmanager
def listening_model() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transport", choices=["websockets", "picows"], default="websockets")
    parser.add_argument("--only", default="", help="kinds of message, or what they are, that contain this")
    options = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CPU})
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    table = Table("message", "what", "longest pass, ms", title=f"The worst legal messages, {options.transport}")
    worst = 0.0
    with listening_model() as model_url:
        for case in cases():
            if options.only in f"{case.kind} {case.what}":
                longest_ms = measure(case, options.transport, model_url)
                worst = max(worst, longest_ms)
                table.add_row(case.kind, case.what, f"{longest_ms:.1f}{' !' if longest_ms > BOUND_MS else ''}")
                print(f"{longest_ms:8.1f} ms  {case.kind}: {case.what}", file=sys.stderr, flush=True)
    console.print(table)
    return 0 if worst <= BOUND_MS else 1


if __name__ == "__main__":
    sys.exit(main())
