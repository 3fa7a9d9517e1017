"""``bargein serve`` as a process: its banner, its signals, its workers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from bargein.cli.serve import demo_limits
from bargein.demo import engines
from support.http import http_client
from support.processes import wait_for_end
from support.scripted_upstream import scripted
from support.server_process import ServerProcess, serve, without_settings

TERMINAL = 80
"""Letters in a line of a usual one."""
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


async def test_the_banner_says_what_to_do_next_and_that_can_be_typed() -> None:
    with serve("--upstream", "demo") as server:
        server.wait_for_line("end it  Ctrl-C")
        assert 'open the page, press Start, say "tell me a story"' in server.log
        typed = re.search(r"in another terminal:\n    bargein (call .*)", server.log)
        assert typed is not None
        assert server.realtime_url in typed[1]
        call = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bargein", *shlex.split(typed[1]), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await call.communicate()
    assert call.returncode == 0, said.decode()
    assert server.log.startswith("Starting the demo model")
    banner = [line for line in server.log.splitlines() if line.startswith(("Bargein ", "  "))]
    assert len(banner) > 7
    assert [line for line in banner if len(line) > TERMINAL and typed[1] not in line] == []


@pytest.mark.parametrize("model", [None, "http://127.0.0.1:9/v1"])
def test_a_detector_that_is_not_there_is_told_before_a_demo_model_is_started(model: str | None, tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "bargein", "serve", "--port", "0", *(("--upstream", model) if model else ())],
        cwd=tmp_path, env=without_settings() | {"BARGEIN_VAD": "flute"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert "BARGEIN_VAD: there is no 'flute'" in shown.stderr


async def refused(port: int, folder: Path) -> tuple[int | None, str]:
    """What a server ends with, and says, that wants a port which somebody has."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bargein", "serve", *NOBODY, "--port", str(port),
        cwd=folder, env=without_settings(), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    return process.returncode, said.decode()


def port_of(server: ServerProcess) -> int:
    return int(server.address.rpartition(":")[2])


async def test_a_port_in_use_is_told_with_who_has_it_and_a_free_one(tmp_path: Path) -> None:
    with serve(*NOBODY) as server:
        port = port_of(server)
        code, said = await refused(port, tmp_path)
    assert code == 2
    assert len(said.strip().splitlines()) == 1
    assert f"127.0.0.1 port {port} is in use by a Bargein: open http://127.0.0.1:{port}/." in said
    free = re.search(r"Port (\d+) is free: bargein serve --port \1, or make run ARGS=\"--port \1\"", said)
    assert free is not None
    with socket.create_server(("127.0.0.1", int(free[1]))):
        pass


async def test_who_is_no_bargein_is_not_taken_for_one(tmp_path: Path) -> None:
    async with scripted(lambda exchange: exchange.answer(404, b"{}")) as other:
        port = int(other.url.removesuffix("/v1").rpartition(":")[2])
        code, said = await refused(port, tmp_path)
    assert code == 2
    assert f"127.0.0.1 port {port} is in use. Port " in said


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


async def test_all_workers_have_the_agents_as_they_were_at_the_start(tmp_path: Path) -> None:
    """Also one that is started again after a file was changed, by somebody who is not done with it."""
    path = tmp_path / "clerk.toml"
    path.write_text('title = "The clerk"\ninstructions = "You are a clerk."\n', encoding="utf-8")
    with serve(*NOBODY, "--workers", "2", "--agent", str(path)) as server:
        path.write_text("title = ", encoding="utf-8")
        os.kill(spawned_by(server.process.pid)[0], signal.SIGKILL)
        await asyncio.to_thread(server.wait_for_line, "worker is there again")
        async with http_client(timeout=30) as client:
            for _ in range(8):  # whichever worker it reaches
                listed = await client.get(f"{server.http_url}/v1/agents", headers={"Connection": "close"})
                assert [agent["title"] for agent in listed.json()["data"]] == ["The clerk"]
        assert server.end() == 0
