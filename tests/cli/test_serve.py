"""``bargein serve`` as a process: its banner, its signals, its workers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

NOBODY = ["--upstream", "http://127.0.0.1:9/v1"]


class Served:
    """A running server process."""

    def __init__(self, process: asyncio.subprocess.Process, banner: str) -> None:
        self.process = process
        self.banner = banner
        found = re.search(r"socket\s+(ws://\S+)", banner)
        assert found is not None, banner
        self.ws = found[1]
        self.http = self.ws.replace("ws://", "http://").removesuffix("/v1/realtime")

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 60)


def spawned_by(pid: int) -> list[int]:
    """Its workers' process ids."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@asynccontextmanager
async def served(cwd: Path, *arguments: str, **environment: str) -> AsyncIterator[Served]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BARGEIN_", "OPENAI_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bargein", "serve", "--port", "0", *arguments,
        cwd=cwd, env=clean | environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            banner = (await process.stdout.readuntil(b"  doors ")).decode()
        yield Served(process, banner)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_the_banner_says_where_and_who_and_sigterm_ends_it(tmp_path: Path) -> None:
    async with served(tmp_path, *NOBODY, "--model", "some-model") as server:
        assert f"page    {server.http}/" in server.banner
        assert "some-model at http://127.0.0.1:9/v1" in server.banner
        async with connect(server.ws) as caller:
            assert json.loads(await caller.recv())["type"] == "session.created"
            server.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(caller.wait_closed(), 30)
            assert caller.close_code == 1012
        assert await server.exit_code() == 0


async def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    async with served(tmp_path, *NOBODY) as server:
        server.process.send_signal(signal.SIGINT)
        assert await server.exit_code() == 0


async def test_the_models_key_from_the_file_appears_nowhere(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-the-models-own-key\n")
    log = tmp_path / "log"
    async with served(tmp_path, *NOBODY, BARGEIN_LOG_LEVEL="debug", BARGEIN_LOG_FORMAT="json") as server:
        async with connect(server.ws, additional_headers={"Authorization": "Bearer sk-the-callers-key"}) as caller:
            said = [await caller.recv()]
            await caller.send(json.dumps({"type": "response.create"}))
            while json.loads(said[-1])["type"] != "response.done":
                said.append(await caller.recv())
        async with httpx.AsyncClient() as client:
            said.append((await client.get(f"{server.http}/metrics")).text)
            said.append((await client.post(f"{server.http}/v1/chat/completions", json={})).text)
        assert "sk-the" not in server.banner + "".join(map(str, said))
    assert not log.exists()


async def test_workers_share_the_port_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    async with served(tmp_path, *NOBODY, "--workers", "2") as server, httpx.AsyncClient(timeout=30) as client:

        async def workers() -> dict[str, float]:
            """When each of them started; nothing while the one that was asked dies."""
            try:
                text = (await client.get(f"{server.http}/metrics", headers={"Connection": "close"})).text
            except httpx.TransportError:
                return {}
            found = re.findall(r'process_start_time_seconds\{worker="(\d)"\} (\S+)', text)
            return {number: float(value) for number, value in found}

        before = await workers()
        assert set(before) == {"0", "1"}
        token = (await client.post(f"{server.http}/v1/realtime/client_secrets")).json()["value"]
        for _ in range(8):  # whichever worker they reach, it knows the token
            async with connect(server.ws, additional_headers={"Authorization": f"Bearer {token}"}) as caller:
                await caller.recv()
        os.kill(spawned_by(server.process.pid)[0], signal.SIGKILL)
        async with asyncio.timeout(60):
            while True:
                after = await workers()
                if len(after) == 2 and after != before:
                    break
                await asyncio.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        assert await server.exit_code() == 0
