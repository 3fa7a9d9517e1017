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
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import processes
from benchmarks.processes import LOAD_CPU, SERVER_CPU
from benchmarks.worst_caller import RATE_HZ, Caller, Json
from benchmarks.worst_cases import Case, cases

BOUND_MS: Final = 20.0
TRIES: Final = 3
"""The least of these counts: the first pays for memory that the process then has."""


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
