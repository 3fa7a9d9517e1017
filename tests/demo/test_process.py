"""The demo model as a process: how it starts, ends, and says what is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys

import httpx
import numpy as np
import pytest

from bargein.demo.__main__ import parse
from bargein.demo.process import DemoModelFailedError, DemoModelProcess
from bargein.demo.settings import HELP, DemoSettings
from bargein.sound.wav import wrap
from support.http import http_client

PARENT = """
import asyncio, sys
from bargein.demo.process import DemoModelProcess
async def main():
    async with DemoModelProcess("--no-listen") as demo:
        print(demo.pid, flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


async def test_it_says_where_it_is_and_what_it_can(demo: DemoModelProcess) -> None:
    assert demo.base_url.startswith("http://127.0.0.1:")
    async with http_client() as client:
        health = (await client.get(f"{demo.url}/healthz")).json()
        models = (await client.get(f"{demo.base_url}/models")).json()
        lost = await client.get(f"{demo.base_url}/nothing")
    assert health["status"] == "ok"
    assert health["speaker"] in {"espeak-ng", "bank"}
    assert {"demo", "demo-scripted"} <= {model["id"] for model in models["data"]}
    assert (lost.status_code, lost.json()["error"]["code"]) == (404, "unknown_url")


async def test_it_stops_and_can_be_stopped_twice() -> None:
    async with DemoModelProcess("--no-listen") as demo:
        url = demo.url
    await demo.stop()
    async with http_client() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/healthz")


async def test_it_stops_with_a_request_under_way() -> None:
    async with DemoModelProcess("--no-listen") as demo, http_client(timeout=30) as client:
        body = {"model": "demo", "messages": [{"role": "user", "content": "[[fault: hang]]"}]}
        task = asyncio.create_task(client.post(f"{demo.base_url}/chat/completions", json=body))
        await demo.wait_for("arrived")
        await demo.stop()
        answers = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(answers[0], httpx.HTTPError) or answers[0].is_error


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux can wait for a process that is not its child")
async def test_it_dies_with_its_parent() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = os.pidfd_open(int(await parent.stdout.readline()))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(child, ended.set)
    try:
        os.kill(parent.pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(child)
        os.close(child)
        await parent.wait()


async def test_an_address_that_is_taken_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bargein.demo", "--port", port, stderr=asyncio.subprocess.PIPE
        )
        _, words = await process.communicate()
    assert process.returncode == 2
    assert words.decode().strip() == f"bargein: cannot listen on 127.0.0.1:{port}: Address already in use"


async def test_a_host_that_is_none_of_this_machine_is_one_line() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bargein.demo", "--host", "192.0.2.1", "--port", "0", stderr=asyncio.subprocess.PIPE
    )
    _, words = await process.communicate()
    assert process.returncode == 2
    assert words.decode().strip() == "bargein: cannot listen on '192.0.2.1': it is no address of this machine"


async def test_a_start_that_fails_is_an_error() -> None:
    with pytest.raises(DemoModelFailedError, match="ended with code 2"):
        async with DemoModelProcess("--log", "/nowhere/at/all.jsonl"):
            pass


async def test_ctrl_c_ends_it_without_a_word() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bargein.demo", "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    base_url = json.loads(await process.stdout.readline())["base_url"]
    async with http_client(timeout=30) as client:
        wav = wrap(np.random.default_rng(0).normal(0, 6000, 24_000).astype("<i2").tobytes(), 24_000)
        files = {"file": ("noise.wav", wav)}
        # Now the listening process is up as well.
        await client.post(f"{base_url}/audio/transcriptions", files=files, data={"model": "m"})
    os.killpg(process.pid, signal.SIGINT)
    _, words = await process.communicate()
    assert (process.returncode, words) == (0, b"")


async def test_another_key_is_refused_when_one_is_set() -> None:
    async with DemoModelProcess("--no-listen", "--api-key", "sk-right") as demo, http_client() as client:
        body = {"model": "demo", "messages": [{"role": "user", "content": "hello"}]}
        url = f"{demo.base_url}/chat/completions"
        answers = [
            await client.post(url, json=body, headers={"authorization": f"Bearer {key}"})
            for key in ("sk-wrong", "sk-right")
        ]
        rows = await demo.rows()
    assert [answer.status_code for answer in answers] == [401, 200]
    assert "sk-" not in str(rows), "keys are not logged"
    assert rows[0]["key_given"]


def test_every_setting_is_an_option_with_help() -> None:
    assert parse([]) == DemoSettings()
    assert set(HELP) == set(DemoSettings.__dataclass_fields__)
    settings = parse(["--pace", "2", "--no-espeak", "--log", "x.jsonl", "--exit-with-stdin"])
    assert (settings.pace, settings.espeak, str(settings.log), settings.exit_with_stdin) == (
        2.0,
        False,
        "x.jsonl",
        True,
    )


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--pace", "nan", "a number from 0 to 1000000"),
        ("--first-byte-ms", "-1", "a number from 0 to 3600000"),
        ("--audio-ttl-s", "inf", "a number from 0 to 31536000"),
        ("--log-rows", "0", "a whole number from 1 to 1000000"),
        ("--port", "65536", "a whole number from 0 to 65535"),
    ],
)
def test_a_number_that_is_none_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], option: str, value: str, allowed: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse([option, value])
    assert f"argument {option}: '{value}' is not allowed: give {allowed}" in capsys.readouterr().err
