"""The light question: where it is asked, and what is made of the answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bargein.errors import UpstreamError
from bargein.upstream import ChatCompletions, Probe, Transcriptions, UpstreamConfig
from bargein.upstream.endpoint import models_endpoint
from support.scripted_upstream import Exchange, scripted

KEY = "sk-a-key-that-nobody-may-see"


async def never(_: Exchange) -> None:
    raise AssertionError("a light question is not a request that costs something")


@pytest.mark.parametrize(
    ("base_url", "options", "url"),
    [
        ("https://api.openai.com/v1", {}, "https://api.openai.com/v1/models"),
        ("http://127.0.0.1:8000", {}, "http://127.0.0.1:8000/v1/models"),
        ("http://host/api/v1/chat/completions", {}, "http://host/api/v1/models"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1/", {}, "https://dashscope.aliyuncs.com/compatible-mode/v1/models"),
        ("https://n.openai.azure.com", {}, "https://n.openai.azure.com/openai/models?api-version=2025-01-01-preview"),
        (
            "https://n.openai.azure.com/openai/deployments/d",
            {"azure_api_version": "v"},
            "https://n.openai.azure.com/openai/models?api-version=v",
        ),
        ("https://n.openai.azure.com/openai/v1", {}, "https://n.openai.azure.com/openai/v1/models"),
    ],
)  # fmt: skip
def test_where_it_is_asked(base_url: str, options: dict[str, Any], url: str) -> None:
    assert models_endpoint(UpstreamConfig(base_url=base_url, model="m", **options)).url == url


LIST = b'{"object":"list","data":[{"id":"m"},{"id":"n","object":"model"}]}'


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, LIST, Probe(key_taken=True, models=("m", "n"))),
        (200, b"<html></html>", Probe(key_taken=False, models=None)),
        (200, b'{"data":{}}', Probe(key_taken=False, models=None)),
        (404, b"Not Found", Probe(key_taken=False, models=None)),
        (405, b"", Probe(key_taken=False, models=None)),
        (429, b'{"error":{"message":"slower"}}', Probe(key_taken=False, models=None)),
        (500, b"no such route", Probe(key_taken=False, models=None)),
        (403, b'{"error":{"message":"Missing scopes: api.model.read"}}', Probe(key_taken=False, models=None)),
        (401, b'{"error":{"message":"No.","code":"missing_scope"}}', Probe(key_taken=False, models=None)),
    ],
)
async def test_a_server_that_answers_is_there(status: int, body: bytes, found: Probe) -> None:
    async def lists(exchange: Exchange) -> None:
        assert exchange.headers["authorization"] == f"Bearer {KEY}"
        assert "content-length" not in exchange.headers
        await exchange.answer(status, body)

    async with scripted(never, lists=lists) as server:
        config = UpstreamConfig(base_url=server.url, model="m", api_key=KEY)
        async with ChatCompletions(config) as upstream, Transcriptions(config) as recogniser:
            assert await upstream.probe() == found
            assert upstream.health.trouble is None
            assert await recogniser.probe() == found


async def test_without_a_key_nothing_is_known_of_one() -> None:
    async def lists(exchange: Exchange) -> None:
        assert "authorization" not in exchange.headers
        await exchange.answer(200, LIST)

    async with (
        scripted(never, lists=lists) as server,
        ChatCompletions(UpstreamConfig(base_url=server.url, model="m")) as upstream,
    ):
        assert await upstream.probe() == Probe(key_taken=False, models=("m", "n"))


@pytest.mark.parametrize(
    ("status", "fault"),
    [(401, "key_refused"), (403, "forbidden"), (502, "failing"), (503, "failing"), (301, "failing")],
)
async def test_a_server_that_says_no_is_trouble(status: int, fault: str) -> None:
    async def lists(exchange: Exchange) -> None:
        await exchange.answer(status, f'{{"error":{{"message":"No, not {KEY}."}}}}'.encode())

    async with (
        scripted(never, lists=lists) as server,
        ChatCompletions(UpstreamConfig(base_url=server.url, model="m", api_key=KEY)) as upstream,
    ):
        with pytest.raises(UpstreamError):
            await upstream.probe()
        assert upstream.health.trouble is not None
        assert upstream.health.trouble.fault == fault
        assert KEY not in upstream.health.trouble.message


async def test_one_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = asyncio.Event()

    async def lists(exchange: Exchange) -> None:
        await exchange.gone()
        gone.set()

    monkeypatch.setattr("bargein.upstream.config._LOCAL_PROBE_S", 0.05)
    async with (
        scripted(never, lists=lists) as server,
        ChatCompletions(UpstreamConfig(base_url=server.url, model="m")) as upstream,
    ):
        with pytest.raises(UpstreamError) as raised:
            await upstream.probe()
        assert raised.value.code == "first_byte_timeout"
        assert upstream.health.trouble is not None
        await gone.wait()


def fault(upstream: ChatCompletions) -> str | None:
    return upstream.health.trouble.fault if upstream.health.trouble is not None else None


async def test_turns_tell_too() -> None:
    """What they find is known without a question."""
    from bargein.core.completion import CompletionRequest, UserMessage, UserText  # noqa: PLC0415
    from support.scripted_upstream import DONE, delta  # noqa: PLC0415

    async def script(exchange: Exchange) -> None:
        match len(server.exchanges):
            case 1:
                await exchange.stream([delta(content="Hello."), DONE])
            case 2:
                await exchange.answer(401, b"{}")
            case _:
                await exchange.stream([delta(content="Hello.")])
                exchange.cut()

    request = CompletionRequest((UserMessage((UserText("hello"),)),), audio=False, voice="alloy")
    async with (
        scripted(script) as server,
        ChatCompletions(UpstreamConfig(base_url=server.url, model="m")) as upstream,
    ):

        async def turn() -> None:
            async with upstream.stream(request) as pieces:
                async for _ in pieces:
                    pass

        await turn()
        assert upstream.health.turn_at_s is not None
        with pytest.raises(UpstreamError):
            await turn()
        assert fault(upstream) == "key_refused"
        for _ in range(3):
            with pytest.raises(UpstreamError):
                await turn()
        assert fault(upstream) == "failing"
        assert not server.questions
