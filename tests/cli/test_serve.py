"""``bargein serve`` as a process: its banner, its signals, its workers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from bargein.cli.serve import demo_limits
from bargein.demo import engines
from support.http import http_client
from support.processes import wait_for_end
from support.server_process import ServerProcess, serve

NOBODY = ("--upstream", "http://127.0.0.1:9/v1")


async def exit_code(server: ServerProcess) -> int:
    return await asyncio.to_thread(server.process.wait, 60)


async def test_the_banner_says_where_and_who_and_sigterm_ends_it() -> None:
    with serve(*NOBODY, "--model", "some-model") as server:
        assert f"page    {server.http_url}/" in server.log
        async with connect(server.realtime_url) as caller:
            assert json.loads(await caller.recv())["type"] == "session.created"
            server.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(caller.wait_closed(), 30)
            assert caller.close_code == 1012
        assert await exit_code(server) == 0
    assert "some-model at http://127.0.0.1:9/v1" in server.log
    assert "no keys are asked for" in server.log


async def test_a_model_that_ends_is_warned_of_at_start() -> None:
    with serve(*NOBODY, "--model", "gpt-audio", settings={"BARGEIN_WORKERS": "2"}) as server:
        assert server.end() == 0
    (warning,) = [line for line in server.log.splitlines() if "a model ends" in line]
    assert "20 January 2027" in warning
    assert "instead=gpt-audio-1.5" in warning
    assert "setting=BARGEIN_MODEL" in warning


@pytest.mark.parametrize("own_server", [True, False])
def test_a_recogniser_with_a_server_of_its_own_is_asked_at_start(own_server: bool) -> None:
    settings = {"BARGEIN_TRANSCRIPTION_URL": "http://127.0.0.1:9/v1"} if own_server else {}
    with serve(*NOBODY, settings=settings) as server:
        server.wait_for_line("the model cannot be asked")
        assert ("the recogniser cannot be asked" in server.log) is own_server


def test_it_says_at_start_that_the_demo_cannot_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (demo_limits() == "") == engines.installed()
    monkeypatch.setattr(engines, "PACKAGES", ("no_such_decoder",))
    assert "It understands text only here: none of no_such_decoder is installed" in demo_limits()


async def test_ctrl_c_ends_it_cleanly() -> None:
    with serve(*NOBODY) as server:
        server.process.send_signal(signal.SIGINT)
        assert await exit_code(server) == 0
    assert "Traceback" not in server.log


async def test_the_fast_transport_serves_the_same() -> None:
    with serve(*NOBODY, "--transport", "picows") as server:
        async with connect(server.realtime_url) as caller, http_client() as client:
            assert json.loads(await caller.recv())["type"] == "session.created"
            assert (await client.get(f"{server.http_url}/readyz")).json()["open_sessions"] == 1
        assert server.end() == 0


async def test_no_key_reaches_a_caller_a_log_or_a_metric() -> None:
    keys = {"OPENAI_API_KEY": "sk-the-models-key", "BARGEIN_API_KEYS": "the-callers-key-1,the-callers-key-2"}
    debugging = {"BARGEIN_LOG_LEVEL": "debug", "BARGEIN_LOG_FORMAT": "json"}
    bearer = {"Authorization": "Bearer the-callers-key-1"}
    with serve(*NOBODY, settings=keys | debugging) as server:
        async with connect(server.realtime_url, additional_headers=bearer) as caller:
            said = [str(await caller.recv())]
            await caller.send(json.dumps({"type": "response.create"}))
            while json.loads(said[-1])["type"] != "response.done":
                said.append(str(await caller.recv()))
        async with http_client(base_url=server.http_url, headers=bearer) as client:
            said.append((await client.get("/metrics")).text)
            said.append((await client.post("/v1/chat/completions", json={})).text)
            token = (await client.post("/v1/realtime/client_secrets")).json()["value"]
            said.append((await client.get("/v1/models", headers={"Authorization": f"Bearer {token}"})).text)
        server.end()
    told = server.log + "".join(said)
    assert "session opened" in server.log
    for secret in ("sk-the-models-key", "the-callers-key", token):
        assert secret not in told


def spawned_by(pid: int) -> list[int]:
    """The process ids of its workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


async def test_workers_share_the_port_and_a_dead_one_is_replaced() -> None:
    with serve(*NOBODY, "--workers", "2") as server:
        async with http_client(timeout=30) as client:

            async def workers() -> dict[str, str]:
                """When each of them started."""
                text = (await client.get(f"{server.http_url}/metrics", headers={"Connection": "close"})).text
                return dict(re.findall(r'process_start_time_seconds\{worker="(\d)"\} (\S+)', text))

            before = await workers()
            assert set(before) == {"0", "1"}
            token = (await client.post(f"{server.http_url}/v1/realtime/client_secrets")).json()["value"]
            for _ in range(8):  # whichever worker they reach, it knows the token
                async with connect(server.realtime_url, additional_headers={"api-key": token}) as caller:
                    await caller.recv()
            os.kill(spawned_by(server.process.pid)[0], signal.SIGKILL)
            await asyncio.to_thread(server.wait_for_line, "worker is there again")
            after = await workers()
            assert set(after) == {"0", "1"}
            assert len(before.items() - after.items()) == 1
        assert server.end() == 0
    assert "worker died: restarting it" in server.log


async def test_workers_do_not_outlive_their_supervisor() -> None:
    with serve(*NOBODY, "--workers", "2") as server:
        workers = spawned_by(server.process.pid)
        assert len(workers) == 2
        server.process.kill()
        await exit_code(server)
        for pid in workers:
            await asyncio.to_thread(wait_for_end, pid)
