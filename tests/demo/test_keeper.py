"""The demo model kept running, and ended with whoever started it, whenever and however that ends."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest
from websockets.asyncio.client import connect

from bargein.demo import keeper
from bargein.demo.keeper import KeptDemoModel
from bargein.demo.process import DemoModelFailedError
from support.listening import needs_listening
from support.processes import ENDS_WITHIN_S, ignore_nothing, wait_for_end
from support.server_process import serve, without_settings

HELLO = {"model": "demo", "messages": [{"role": "user", "content": "hello"}]}
QUIET = ("--no-listen", "--no-espeak")


class LineWaiter(logging.Handler):
    """Tells when the keeper has logged something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._said = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._text in record.getMessage():
            self._said.set()

    def __enter__(self) -> Self:
        logging.getLogger(keeper.__name__).addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger(keeper.__name__).removeHandler(self)

    def wait(self) -> None:
        assert self._said.wait(ENDS_WITHIN_S), f"never said {self._text!r}"


def model_pid(base_url: str) -> int:
    """Of the one that answers now. Who comes while there is none waits for the next one; who comes to one that has just
    been killed is cut off, and comes again.
    """
    while True:
        try:
            return int(httpx.get(f"{base_url.removesuffix('/v1')}/healthz", timeout=60).json()["pid"])
        except httpx.ReadError:
            continue


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_killed_model_is_there_again_at_the_same_address() -> None:
    with KeptDemoModel(*QUIET) as kept:
        pids = [model_pid(kept.base_url)]
        for _ in range(2):
            os.kill(pids[-1], signal.SIGKILL)
            wait_for_end(pids[-1])
            assert httpx.post(f"{kept.base_url}/chat/completions", json=HELLO, timeout=60).status_code == 200
            pids.append(model_pid(kept.base_url))
        assert len(set(pids)) == 3
    assert not any(map(is_there, pids))
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{kept.base_url}/models")


def test_one_that_cannot_start_is_an_error_at_once() -> None:
    arguments = ("--log", "/nowhere/at/all.jsonl")
    with pytest.raises(DemoModelFailedError, match="ended with code 2"), KeptDemoModel(*arguments):
        pass


def test_starts_that_fail_are_tried_again_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeper, "FIRST_DELAY_S", 0.01)
    place = tmp_path / "there"
    place.mkdir()
    with KeptDemoModel(*QUIET, "--log", str(place / "log.jsonl")) as kept:
        pid = model_pid(kept.base_url)
        (place / "log.jsonl").unlink()
        place.rmdir()
        with LineWaiter("in 0.04 s") as third_start:
            os.kill(pid, signal.SIGKILL)
            third_start.wait()
        assert "ended with code 2" in caplog.text
        place.mkdir()
        assert model_pid(kept.base_url) != pid


def test_it_can_be_ended_while_it_is_being_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "FIRST_DELAY_S", 3600.0)
    with KeptDemoModel(*QUIET) as kept:
        os.kill(model_pid(kept.base_url), signal.SIGKILL)


@pytest.mark.parametrize("address_is_read", [True, False])
def test_a_model_whose_parent_has_gone_before_it_began_ends(address_is_read: bool) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "bargein.demo", "--port", "0", "--exit-with-stdin"],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    if not address_is_read:
        os.close(reading)
    _, words = process.communicate()
    assert (process.returncode, words) == (0, b"")


# ``bargein serve`` with the demo model.


async def test_a_call_goes_on_after_its_model_was_killed() -> None:
    tag = f"{os.getpid()}-call"
    with serve(settings={"BARGEIN_TEST_RUN": tag}) as server:
        async with connect(server.realtime_url, max_size=None) as caller:

            async def turn() -> str:
                content = [{"type": "input_text", "text": "thanks"}]
                item = {"type": "message", "role": "user", "content": content}
                await caller.send(json.dumps({"type": "conversation.item.create", "item": item}))
                await caller.send(json.dumps({"type": "response.create"}))
                while True:
                    event = json.loads(await caller.recv())
                    if event["type"] == "response.done":
                        return str(event["response"]["status"])

            assert await turn() == "completed"
            (pid,) = (pid for pid, line in of_run(tag).items() if "-m bargein.demo " in line)
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(60):
                while await turn() != "completed":
                    pass
        assert server.end() == 0
    assert "the demo model is started again" in server.log


# Nobody is left.


def of_run(tag: str) -> dict[int, str]:
    """The processes of one run: their ids and command lines."""
    found = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                if tag.encode() in (directory / "environ").read_bytes():
                    found[int(directory.name)] = command_of(int(directory.name))
            except OSError:
                continue
    return found


def descendants(pid: int) -> Iterator[int]:
    """A process, its children, and theirs."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in map(int, found):
            yield from descendants(child)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def wait_for_process(parent: int, command: str) -> None:
    """Return when one of its descendants, or itself, is there whose command line holds ``command``.

    Nobody is told of processes that begin.
    """
    deadline_s = time.monotonic() + ENDS_WITHIN_S
    while not any(command in command_of(pid) for pid in descendants(parent)):
        assert time.monotonic() < deadline_s, f"{command} never began"
        time.sleep(0.01)


@contextmanager
def serving(tag: str, tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bargein", "serve", "--port", "0", *arguments],
        cwd=tmp_path,
        env=without_settings() | {"BARGEIN_TEST_RUN": tag},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=ignore_nothing,  # noqa: PLW1509 (nothing else runs in it)
    )
    try:
        yield process
    finally:
        for pid in of_run(tag):
            os.kill(pid, signal.SIGKILL)
        process.wait()


MOMENTS = [
    "bargein serve",
    "-m bargein.demo ",
    pytest.param("-m bargein.demo.listen_worker", marks=needs_listening),
    "spawn_main",
]
"""A process of the run whose command line holds this is there: the server itself, its children, theirs."""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells of other processes")
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
def test_whatever_ends_the_server_whenever_leaves_nobody(number: signal.Signals, moment: str, tmp_path: Path) -> None:
    tag = f"{os.getpid()}-{number.name}-{moment.rpartition('.')[-1].strip()}"
    workers = ["--workers", "2"] if moment == "spawn_main" else []
    with serving(tag, tmp_path, *workers) as process:
        wait_for_process(process.pid, moment)
        process.send_signal(number)
        process.wait()
        while left := of_run(tag):
            for pid in left:
                wait_for_end(pid)
