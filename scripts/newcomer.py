"""Play somebody who has never seen this: clone it, type what README.md and docs/ say, word by word, and time it.

    python3 scripts/newcomer.py                 # this repository, as it is committed
    python3 scripts/newcomer.py URL             # another one

Needs make, a Python that can run Bargein and, as a newcomer does, git; it takes nothing from this checkout. Blocks that
are marked ``<!-- tried: NAME -->`` and have a step here are run as they stand; only the port is another where 8765 is
taken (``BARGEIN_PORT``). The other blocks are run by ``tests/project``. Exits with 1 at the first step that fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LONGEST_S: Final = 900.0
"""No step may take longer."""
ASK_BY_TEXT: Final = """
import asyncio, json, sys, websockets

async def main(url, text):
    async with websockets.connect(url) as socket:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await socket.send(json.dumps({"type": "response.create"}))
        async for message in socket:
            event = json.loads(message)
            if event["type"] == "error":
                sys.exit(message)
            if event["type"] == "response.output_audio_transcript.done":
                print(event["transcript"], flush=True)
                if sys.argv[3] in event["transcript"]:
                    return

asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2]), 120))
"""


class StepFailed(Exception):
    """A step did not do what the page says."""


def blocks(page: Path) -> dict[str, str]:
    """The code of each block of ``page`` that is marked as tried, by its name."""
    found = re.findall(r"<!-- tried: ([\w-]+) -->\n```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return dict(found)


def free_port() -> int:
    """8765, as the pages have it, or any other where that is taken."""
    for port in (8765, 0):
        with socket.socket() as found, contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(("127.0.0.1", port))
            return int(found.getsockname()[1])
    raise StepFailed("there is no free port")


class Newcomer:
    """Somebody in a folder of their own, with nothing in the environment that is about Bargein."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.clone = folder / "bargein"
        self.times: list[tuple[str, float]] = []
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("BARGEIN_", "OPENAI_", "AZURE_"))
        }
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"):
            own.pop(name, None)
        self.environment = own | {"BARGEIN_PORT": str(self.port)}

    def step(self, what: str, do: Callable[[], None]) -> None:
        """Do one step, and say how long it took."""
        began = time.monotonic()
        do()
        took_s = time.monotonic() - began
        self.times.append((what, took_s))
        print(f"{took_s:7.1f} s  {what}", flush=True)

    def type(self, command: str) -> str:
        """Run a command in a shell, in the clone, and return what it printed."""
        done = subprocess.run(
            ["sh", "-ec", command.replace("127.0.0.1:8765", f"127.0.0.1:{self.port}")],
            cwd=self.clone, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=LONGEST_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise StepFailed(f"{command}\nexit code {done.returncode}\n{done.stdout}")
        return done.stdout

    @contextlib.contextmanager
    def started(self, command: str) -> Iterator[Path]:
        """Leave a command running until the block ends, like a terminal of its own; gives the file of its output."""
        log = self.clone / "newcomer.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                ["sh", "-ec", command], cwd=self.clone, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        try:
            yield log
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()

    def wait_ready(self, log: Path) -> None:
        """Return when the server says that callers may come."""
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            with contextlib.suppress(OSError, urllib.error.HTTPError):
                answer = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz")
                if json.load(answer)["status"] == "ready":
                    return
            time.sleep(0.2)
        raise StepFailed(f"nothing answers on port {self.port}:\n{log.read_text()}")

    def ask(self, text: str, expected: str) -> None:
        """Say something by text; an answer that holds ``expected`` must come."""
        program = [".venv/bin/python", "-c", ASK_BY_TEXT, f"ws://127.0.0.1:{self.port}/v1/realtime", text, expected]
        done = subprocess.run(
            program,
            cwd=self.clone,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        if done.returncode:
            raise StepFailed(f"{text!r} was not answered with {expected!r}:\n{done.stdout}{done.stderr}")


def play(newcomer: Newcomer, url: str) -> None:
    """All steps, in the order of the pages."""
    newcomer.step("git clone", lambda: get(url, newcomer.clone))
    readme, start = blocks(newcomer.clone / "README.md"), blocks(newcomer.clone / "docs/start.md")
    agent = blocks(newcomer.clone / "docs/your-own-agent.md")
    same = all(agent[name] == readme[name] for name in ("agent", "agent-commands"))
    if not same:
        raise StepFailed("README.md and docs/your-own-agent.md have different agents")
    with newcomer.started(readme["newcomer"]) as log:
        newcomer.step("make run, until it is ready", lambda: newcomer.wait_ready(log))
        newcomer.step("the page", lambda: void(urllib.request.urlopen(f"http://127.0.0.1:{newcomer.port}/")))
        newcomer.step("a recording instead of a microphone", lambda: hear(newcomer, start["call"]))
        newcomer.step("OpenAI's SDK: pip install", lambda: sdk(newcomer))
        newcomer.step("OpenAI's SDK: the program", lambda: program(newcomer, start["openai-python"]))
    newcomer.step("a file .env", lambda: void(newcomer.type(start["env"])))
    with newcomer.started(start["newcomer"]) as log:
        newcomer.step("make run, the second time", lambda: newcomer.wait_ready(log))
    (newcomer.clone / "shop.toml").write_text(readme["agent"], encoding="utf-8")
    with newcomer.started(readme["agent-commands"]) as log:
        newcomer.step("one's own agent, until it is ready", lambda: newcomer.wait_ready(log))
        newcomer.step("look up order 17", lambda: newcomer.ask("look up order 17", ""))
        newcomer.step("the tool was called", lambda: logged(log, "tool called"))


def get(url: str, clone: Path) -> None:
    """Clone a repository. Where git cannot clone this checkout (there is no git, it was unpacked from an archive, or is
    somebody else's), what is in it is copied.
    """
    try:
        done = subprocess.run(
            ["git", "clone", "--quiet", url, str(clone)], stderr=subprocess.PIPE, text=True, check=False
        )
        reason = done.stderr.strip() if done.returncode else None
    except FileNotFoundError:
        reason = "there is no git"
    if reason is None:
        return
    if url != str(ROOT):
        raise StepFailed(reason)
    print(f"copied: {reason}", flush=True)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(".git", *(name.rstrip("/") for name in ignored)))


def void(_: object) -> None:
    """Nobody needs what it returned."""


def hear(newcomer: Newcomer, command: str) -> None:
    """The command of the page, at the port used here."""
    said = newcomer.type(f"{command.strip()} --url ws://127.0.0.1:8765/v1/realtime")
    if "interrupted, " not in said or not (newcomer.clone / "heard.wav").stat().st_size:
        raise StepFailed(f"the reply was not interrupted:\n{said}")


def sdk(newcomer: Newcomer) -> None:
    """As the page says: pip install "openai[realtime]", into an environment of its own."""
    newcomer.type('.venv/bin/python -m venv sdk && sdk/bin/pip install --quiet "openai[realtime]"')


def program(newcomer: Newcomer, code: str) -> None:
    """Save the program, and run it."""
    (newcomer.clone / "program.py").write_text(code.replace("8765", str(newcomer.port)), encoding="utf-8")
    said = newcomer.type("sdk/bin/python program.py")
    if "demo model" not in said or (newcomer.clone / "reply.wav").stat().st_size < 48_000:
        raise StepFailed(f"it did not say who it is:\n{said}")


def logged(log: Path, event: str) -> None:
    """The log gets a line of this kind. (What was said before it may have been the agent's greeting.)"""
    until = time.monotonic() + LONGEST_S / 10
    while event not in log.read_text() and time.monotonic() < until:
        time.sleep(0.2)
    if event not in log.read_text():
        raise StepFailed(f"no {event!r} in the log:\n{log.read_text()}")


def main() -> int:
    """Play it, in a folder that is removed afterwards."""
    url = sys.argv[1] if len(sys.argv) > 1 else str(ROOT)
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        newcomer = Newcomer(Path(folder))
        try:
            play(newcomer, url)
        except (StepFailed, subprocess.SubprocessError, OSError) as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
    print(f"{sum(took_s for _, took_s in newcomer.times):7.1f} s  in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
