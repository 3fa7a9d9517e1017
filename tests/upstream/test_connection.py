"""What lies under the requests: TLS and proxies."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from bargein.core.completion import CompletionRequest, Finished, TranscriptPiece, UserMessage, UserText
from bargein.errors import SettingsError, UpstreamUnavailable
from bargein.upstream import ChatCompletions, UpstreamConfig
from support.scripted_upstream import DONE, Exchange, delta, scripted

REQUEST = CompletionRequest((UserMessage((UserText("Hi"),)),), audio=True, voice="alloy")
HELLO = delta(audio={"transcript": "Hello"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("install the openssl program to try TLS")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    command = ["openssl", "req", "-x509", *made, *subject, "-out", str(cert), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def serving(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


async def test_tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    gone = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        if len(server.exchanges) == 1:
            await exchange.stream([HELLO, DONE])
        else:
            await exchange.begin()
            await exchange.chunk(HELLO)
            await exchange.gone()
            gone.set()

    async with scripted(script, tls=serving(certificate)) as server, ChatCompletions(config(server.url)) as upstream:
        async with upstream.stream(REQUEST) as pieces:
            assert [piece async for piece in pieces] == [TranscriptPiece("Hello"), Finished("stop")]
        async with upstream.stream(REQUEST) as pieces:
            await anext(pieces)
        await gone.wait()


class DeafServer:
    """Speaks over TLS and never listens: not to a farewell either."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.was_dropped = False

    def serve(self) -> None:
        """One stream, until the connection is gone, or for far longer than that should take."""
        with self._listener, self._context.wrap_socket(self._listener.accept()[0], server_side=True) as connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            try:
                for _ in range(500):
                    connection.sendall(HELLO)
                    time.sleep(0.01)
            except OSError:
                self.was_dropped = True


async def test_no_farewell_is_waited_for(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    server = DeafServer(serving(certificate))
    serving_it = asyncio.create_task(asyncio.to_thread(server.serve))
    async with ChatCompletions(config(server.url)) as upstream:
        async with upstream.stream(REQUEST) as pieces:
            await anext(pieces)
        await serving_it
    assert server.was_dropped


async def test_a_certificate_that_nobody_vouches_for(certificate: tuple[Path, Path]) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream([HELLO, DONE])

    async with scripted(script, tls=serving(certificate)) as server, ChatCompletions(config(server.url)) as upstream:
        with pytest.raises(UpstreamUnavailable) as raised:
            await upstream.stream(REQUEST).__aenter__()
        assert raised.value.code == "tls_failed"


@pytest.mark.parametrize(("file", "said"), [("/no/such/file", "No such file"), (__file__, "it holds no certificate")])
def test_a_file_of_certificates_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, file: str, said: str) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", file)
    with pytest.raises(SettingsError, match=f"^SSL_CERT_FILE: {file!r} cannot be used: {said}"):
        ChatCompletions(config("https://model.invalid"))


async def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(exchange: Exchange) -> None:
        assert exchange.path == "http://model.invalid/v1/chat/completions"
        await exchange.stream([HELLO, DONE])

    async with scripted(script) as server:
        monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
        async with ChatCompletions(config("http://model.invalid")) as upstream, upstream.stream(REQUEST) as pieces:
            assert await anext(pieces) == TranscriptPiece("Hello")


async def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    async def script(exchange: Exchange) -> None:
        await exchange.stream([HELLO, DONE])

    async with (
        scripted(script) as server,
        ChatCompletions(config(server.url)) as upstream,
        upstream.stream(REQUEST) as pieces,
    ):
        assert await anext(pieces) == TranscriptPiece("Hello")


def config(url: str) -> UpstreamConfig:
    return UpstreamConfig(base_url=url, model="gpt-audio")
