"""Every file of ``examples/``, run as it stands against a real server with the demo model."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.async_api import expect

from bargein.demo.process import DemoModelProcess
from support.browser import MICROPHONE_SCRIPT, chromium
from support.listening import needs_listening
from support.server_process import ServerProcess, serve
from support.speech import speak_to_file
from support.stock_clients import REPOSITORY, environment
from support.twilio_peer import calling

EXAMPLES = REPOSITORY / "examples"
WHO = "demo model"
PATIENCE_S = 120
PATIENT = {"BARGEIN_UPSTREAM_FIRST_BYTE_TIMEOUT_S": "60", "BARGEIN_UPSTREAM_CHUNK_TIMEOUT_S": "60"}
TRIED = {
    "orders.py", "agent_openai.py", "agent_openai_agents.py", "agent.mjs", "push_to_talk.py", "push_to_talk.mjs",
    "serverless.mjs", "embed.html", "twilio_number.py", "translator.py", "README.md",
}  # fmt: skip


def run(folder: Path, server: ServerProcess, *command: Path | str, **variables: str) -> str:
    """What a program printed."""
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd=folder,
        env=environment() | {"BARGEIN_URL": f"{server.http_url}/v1", **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{server.log[-3000:]}"
    return done.stdout


def frames(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, 24000)
        return bytes(file.readframes(10**9))


@pytest.fixture
def with_packages(tmp_path: Path, node: str) -> Path:
    """A folder in which Node.js finds the packages, with all examples in it."""
    (tmp_path / "node_modules").symlink_to((Path(__file__).parent / "node_modules").resolve())
    for path in EXAMPLES.glob("*.mjs"):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.fixture
def player(tmp_path: Path) -> Mapping[str, str]:
    """A program in the place of ``ffplay``, that keeps what it is given to play."""
    program = tmp_path / "bin" / "ffplay"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec cat >'{tmp_path}/played'\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{environment()['PATH']}"}


def test_all_are_tried() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == TRIED
    listed = re.findall(r"^\| \[(\S+)\]", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {*listed, "README.md"} == TRIED


@pytest.mark.parametrize("example", ["agent_openai.py", "agent_openai_agents.py"])
def test_agents_in_python(bargein_server: ServerProcess, stock_python: Path, tmp_path: Path, example: str) -> None:
    said = run(tmp_path, bargein_server, stock_python, EXAMPLES / example, "What time is it?")
    assert "It is now" in said
    assert len(frames(tmp_path / "reply.wav")) > 24_000


def test_agent_in_javascript(bargein_server: ServerProcess, node: str, with_packages: Path) -> None:
    said = run(with_packages, bargein_server, node, "agent.mjs", "What time is it?")
    assert re.search(r"^\[get_time: \d\d:\d\d\]$", said, re.MULTILINE)
    assert "It is now" in said
    assert re.search(r"^[1-9]\d*\.\d s of speech$", said, re.MULTILINE)


def test_push_to_talk_in_python(
    bargein_server: ServerProcess, stock_python: Path, tmp_path: Path, player: Mapping[str, str]
) -> None:
    said = run(tmp_path, bargein_server, stock_python, EXAMPLES / "push_to_talk.py", "Who are you?", **player)
    assert WHO in said
    assert len(frames(tmp_path / "reply.wav")) > 24_000
    assert (tmp_path / "played").read_bytes() == frames(tmp_path / "reply.wav")


def test_push_to_talk_in_javascript(
    bargein_server: ServerProcess, node: str, with_packages: Path, player: Mapping[str, str]
) -> None:
    said = run(with_packages, bargein_server, node, "push_to_talk.mjs", "Who are you?", **player)
    assert WHO in said
    assert len(frames(with_packages / "reply.wav")) > 24_000
    assert (with_packages / "played").read_bytes() == frames(with_packages / "reply.wav")


@needs_listening
def test_push_to_talk_with_a_spoken_question(bargein_server: ServerProcess, stock_python: Path, tmp_path: Path) -> None:
    question = speak_to_file("What time is it?")[0]
    assert "It is now" in run(tmp_path, bargein_server, stock_python, EXAMPLES / "push_to_talk.py", question)


CALLS_THE_HANDLER = """
import { readFileSync } from 'node:fs';
import handler from './serverless.mjs';
const ask = (init) => handler.fetch(new Request('https://edge.example/', init));
const answer = await ask({ method: 'POST', body: readFileSync(process.argv[2]) });
let bytes = 0, pieces = 0;
for await (const piece of answer.body) { bytes += piece.length; pieces += 1; }
const refused = await ask({ method: 'GET' });
const wrong = await ask({ method: 'POST', body: 'no sound' });
console.log(JSON.stringify({ status: answer.status, type: answer.headers.get('content-type'), bytes, pieces,
  refused: refused.status, wrong: wrong.status }));
"""


def test_serverless_handler(bargein_server: ServerProcess, node: str, with_packages: Path) -> None:
    (with_packages / "call.mjs").write_text(CALLS_THE_HANDLER)
    question = speak_to_file("Who are you?")[0]
    found = json.loads(run(with_packages, bargein_server, node, "call.mjs", question, BARGEIN_KEY="none"))
    assert (found["status"], found["refused"], found["wrong"]) == (200, 405, 502)
    assert found["type"] == "audio/L16;rate=24000;channels=1"
    assert found["bytes"] > 24_000
    assert found["pieces"] > 5


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture
def shop() -> Iterator[subprocess.Popen[str]]:
    """``orders.py`` as it stands, on its own port."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 8090)) == 0:
            pytest.skip("port 8090, on which the example listens, is taken")
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "orders.py")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        assert "http://127.0.0.1:8090" in process.stdout.readline()
        yield process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def agents_server(demo_model: DemoModelProcess) -> Iterator[ServerProcess]:
    """The agents that come with the server, the support line first."""
    agents = [word for name in ("support", "translator") for word in ("--agent", name)]
    with serve("--upstream", demo_model.base_url, *agents, settings=PATIENT) as server:
        yield server


ASKS_THE_SUPPORT_LINE = """
import asyncio, sys
from openai import AsyncOpenAI

async def main(url, *questions):
    async with AsyncOpenAI(base_url=url, api_key="none").realtime.connect(model="any") as connection:
        for question in questions:
            content = [{"type": "input_text", "text": question}]
            await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await connection.response.create()
            async for event in connection:
                if event.type == "response.output_audio_transcript.done":
                    print(event.transcript)
                if event.type == "response.done" and event.response.output:
                    break

asyncio.run(main(*sys.argv[1:]))
"""


def test_the_support_line_looks_up_an_order_and_hands_over(
    agents_server: ServerProcess, shop: subprocess.Popen[str], stock_python: Path, tmp_path: Path
) -> None:
    questions = ("Look up order 17.", "Look up order 99.", "Please hand me over.")
    url = f"{agents_server.http_url}/v1"
    said = run(tmp_path, agents_server, stock_python, "-c", ASKS_THE_SUPPORT_LINE, url, *questions).splitlines()
    assert "arrives tomorrow before noon" in said[0]
    assert "there is no order 99" in said[1]
    assert "a colleague takes over" in said[2]
    assert shop.stdout is not None
    assert shop.stdout.readline() == "Somebody wants to talk with a person: please hand me over\n"


def test_sdks_with_tools_of_their_own_talk_with_an_agent_that_keeps_its_own(
    agents_server: ServerProcess, shop: subprocess.Popen[str], stock_python: Path, node: str, with_packages: Path
) -> None:
    """They send instructions and tools when they connect, and take every call that they see for one of theirs."""
    assert shop.poll() is None
    question = "Look up order 17."
    python = run(with_packages, agents_server, stock_python, EXAMPLES / "agent_openai_agents.py", question)
    javascript = run(with_packages, agents_server, node, "agent.mjs", question)
    assert "arrives tomorrow before noon" in python
    assert "arrives tomorrow before noon" in javascript
    assert "get_time" not in python + javascript
    assert "an agent keeps what a caller would change" in agents_server.log


def test_translator(agents_server: ServerProcess, stock_python: Path, tmp_path: Path) -> None:
    sentence = speak_to_file("Good morning.")[0]
    assert run(tmp_path, agents_server, stock_python, EXAMPLES / "translator.py", sentence).strip()
    assert len(frames(tmp_path / "translated.wav")) > 12_000


class TwilioApi(BaseHTTPRequestHandler):
    """The two requests of Twilio's REST API that the example makes."""

    changed: dict[str, Any]

    def do_GET(self) -> None:
        assert self.path.startswith("/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json?PhoneNumber=%2B15550100")
        self.answer({"incoming_phone_numbers": [{"sid": "PN1"}]})

    def do_POST(self) -> None:
        assert self.path == "/2010-04-01/Accounts/AC1/IncomingPhoneNumbers/PN1.json"
        assert self.headers["Authorization"] == "Basic QUMxOnRva2Vu"
        type(self).changed = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer({"sid": "PN1"})

    def answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output to itself."""


async def test_twilio_number(agents_server: ServerProcess, tmp_path: Path) -> None:
    """The number's webhook is what the server answers, and the call that it connects is greeted."""
    with ThreadingHTTPServer(("127.0.0.1", 0), TwilioApi) as api:
        thread = threading.Thread(target=api.serve_forever)
        thread.start()
        account = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "token"}
        command = (sys.executable, EXAMPLES / "twilio_number.py", "+15550100", agents_server.http_url, "support")
        run(tmp_path, agents_server, *command, TWILIO_API=f"http://127.0.0.1:{api.server_port}", **account)
        api.shutdown()
        thread.join()
    (webhook,) = TwilioApi.changed["VoiceUrl"]
    assert TwilioApi.changed["VoiceMethod"] == ["POST"]
    async with httpx.AsyncClient() as http:
        twiml = (await http.post(webhook, data={"CallSid": "CA1"})).text
    assert '<Parameter name="agent" value="support"/>' in twiml
    found = re.search(r'<Stream url="([^"]+)"', twiml)
    assert found is not None
    async with calling(f"ws://{agents_server.address}{urlsplit(found[1]).path}") as peer, peer.microphone():
        peer.start({"agent": "support"})
        async with asyncio.timeout(PATIENCE_S):
            await peer.until(lambda: len(peer.played) > 8000)


async def test_embedded_page(demo_model: DemoModelProcess, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "client_web", tmp_path / "voice")
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: Quiet(*given, directory=str(tmp_path))) as pages:
        thread = threading.Thread(target=pages.serve_forever)
        thread.start()
        origin = f"http://127.0.0.1:{pages.server_port}"
        settings = {"BARGEIN_ALLOWED_ORIGINS": origin, **PATIENT}
        with serve("--upstream", demo_model.base_url, "--agent", "support", settings=settings) as server:
            page_text = (EXAMPLES / "embed.html").read_text(encoding="utf-8")
            (tmp_path / "index.html").write_text(page_text.replace("127.0.0.1:8765", server.address))
            async with chromium() as browser:
                page = await browser.new_page()
                await page.add_init_script(MICROPHONE_SCRIPT)
                await page.goto(f"{origin}/index.html")
                # The support line greets whoever comes.
                async with page.expect_console_message(lambda message: message.text.startswith("assistant")):
                    await page.get_by_role("button", name="Start").click()
                await expect(page.get_by_role("button", name="Mute")).to_be_visible()
            assert "session opened" in server.log
        pages.shutdown()
        thread.join()
