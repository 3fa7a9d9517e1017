"""Standard error that nobody reads: lines are dropped and counted, and nobody waits."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client import generate_latest
from websockets.sync.client import connect

from bargein import standard_error
from bargein.demo.listen import Recogniser
from bargein.metrics import Metrics
from bargein.sound.wav import wrap
from bargein.standard_error import LineWriter, QueuedHandler, QueuedStream
from support.sounds import RATE_HZ, pcm16, speech

WITHIN_S = 60.0


@dataclass
class Pipe:
    """A pipe whose reader does not read until it is told to."""

    reader: int
    writer: int

    def fill(self) -> int:
        """Until not a single byte more fits; returns how many do."""
        os.set_blocking(self.writer, False)
        filled = 0
        try:
            while True:
                filled += os.write(self.writer, b"\n" * 4096)
        except BlockingIOError:
            pass
        try:
            while True:
                filled += os.write(self.writer, b"\n")
        except BlockingIOError:
            os.set_blocking(self.writer, True)
        return filled

    def drain(self, byte_count: int) -> None:
        while byte_count:
            byte_count -= len(os.read(self.reader, byte_count))

    def lines(self, count: int) -> list[str]:
        """The next lines."""
        text = b""
        while text.count(b"\n") < count:
            text += os.read(self.reader, 65_536)
        return text.decode().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, getattr(fcntl, "F_SETPIPE_SZ", 1031), 4096)
    yield Pipe(reader, writer)
    os.close(reader)
    os.close(writer)


def test_lines_come_in_their_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writer)
    for number in range(100):
        writer.put(f"line {number} ü \ud800")
    assert pipe.lines(100) == [f"line {number} ü \\ud800" for number in range(100)]
    assert writer.flush()
    assert writer.dropped_lines == 0


def test_what_does_not_fit_is_dropped_counted_and_told_when_it_flows_again(pipe: Pipe) -> None:
    filled = pipe.fill()
    writer = LineWriter(pipe.writer, max_bytes=1000)
    for number in range(100):
        writer.put(f"{number:09d}")
    # Nobody waited: 1000 bytes are kept, ten a line.
    assert writer.dropped_lines == 0
    for number in range(100, 150):
        writer.put(f"{number:09d}")
    assert writer.dropped_lines == 50
    assert not writer.flush(0)
    pipe.drain(filled)
    told = pipe.lines(101)
    assert told == [f"{number:09d}" for number in range(100)] + [
        "50 lines were dropped here, because nobody read standard error"
    ]
    assert writer.flush()
    writer.put("after")
    assert pipe.lines(1) == ["after"]


def test_a_flood_that_goes_on_is_told_of_before_it_ends(pipe: Pipe) -> None:
    filled = pipe.fill()
    writer = LineWriter(pipe.writer, max_bytes=10_000)
    for _ in range(2000):
        writer.put("x" * 9)
    assert writer.dropped_lines == 1000
    pipe.drain(filled)
    seen = ""
    # How many more are dropped until then depends on how soon the thread gets to write.
    while "lines were dropped" not in seen:
        writer.put("more")
        seen += "".join(pipe.lines(1))


def test_a_closed_end_is_nobodys_trouble() -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    writer = LineWriter(descriptor)
    writer.put("one")
    assert writer.flush()
    assert writer.dropped_lines == 1
    os.close(descriptor)


def test_an_end_that_does_not_block_is_waited_for_all_the_same(pipe: Pipe) -> None:
    filled = pipe.fill()
    os.set_blocking(pipe.writer, False)
    writer = LineWriter(pipe.writer)
    writer.put("one")
    pipe.drain(filled)
    assert pipe.lines(1) == ["one"]
    assert writer.flush()
    assert writer.dropped_lines == 0


def test_logs_and_prints_go_the_same_way(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writer)
    handler = QueuedHandler(writer)
    handler.handle(logging.makeLogRecord({"msg": "logged %s", "args": ("once",)}))
    stream = QueuedStream(writer)
    print("printed", "in", "parts", file=stream)
    print("and the rest", end="", file=stream, flush=True)
    assert pipe.lines(3) == ["logged once", "printed in parts", "and the rest"]


def test_the_metric(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LineWriter(pipe.writer, max_bytes=1)
    writer.put("one")
    monkeypatch.setattr(standard_error, "_writer", writer)
    assert "bargein_log_lines_dropped_total 1.0" in generate_latest(Metrics().registry).decode()


@contextmanager
def unread(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of ours whose standard error takes not a byte."""
    reader, writer = os.pipe()
    Pipe(reader, writer).fill()
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("BARGEIN_", "OPENAI_"))}
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=directory,
            env=ours | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=writer,
            text=True,
            start_new_session=True,
        )
        os.close(writer)
        # Processes that wait for ever must not do so to the tests.
        watchdog = threading.Timer(WITHIN_S, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        try:
            with process:
                yield process
        finally:
            watchdog.cancel()
            os.close(reader)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_whose_log_nobody_reads_serves_and_ends(workers: str) -> None:
    with unread(
        "bargein", "serve", "--port", "0", "--upstream", "http://127.0.0.1:9/v1", "--workers", workers
    ) as server:
        assert server.stdout is not None
        address = next(line for line in server.stdout if "ws://" in line).split()[1]
        for _ in range(20):
            with connect(address) as caller:
                assert orjson.loads(caller.recv())["type"] == "session.created"
        server.terminate()
        assert server.wait() == 0


@pytest.mark.skipif(not Recogniser().able, reason="the listening process is what has something to say")
def test_a_demo_model_whose_log_nobody_reads_answers_and_ends() -> None:
    with unread("bargein.demo", "--port", "0", "--exit-with-stdin") as demo:
        assert demo.stdout is not None
        assert demo.stdin is not None
        url = orjson.loads(demo.stdout.readline())["base_url"]
        sound = pcm16(speech("tell me a story"))

        def transcribed() -> str:
            files = {"file": ("speech.wav", wrap(sound, RATE_HZ), "audio/wav")}
            answer = httpx.post(
                f"{url}/audio/transcriptions", data={"model": "demo-transcribe"}, files=files, timeout=30
            )
            answer.raise_for_status()
            return str(answer.json()["text"])

        words = transcribed()
        (worker,) = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
        os.kill(int(worker), 9)
        sound += bytes(2)  # Another: what was understood once is not listened to again.
        assert transcribed() == words  # That the worker died was said.
        demo.stdin.close()
        assert demo.wait() == 0
