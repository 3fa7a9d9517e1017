"""A caller's own request, passed on: the bytes as they are, the key behind, the errors the model's own."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import orjson
import pytest

from bargein.errors import UpstreamError, UpstreamRefused, UpstreamTimedOut, UpstreamUnavailable
from bargein.upstream import ChatCompletions, ProxiedAnswer, UpstreamConfig, to_answer
from support.scripted_upstream import DONE, Exchange, delta, scripted

KEY = "sk-a-key-that-nobody-may-see"
STREAMED = b'{"model":"any","stream":true,"messages":[]}'
WHOLE = b'{"model":"any","messages":[]}'
HELLO = delta(audio={"transcript": "Hello"})


def config(url: str) -> UpstreamConfig:
    return UpstreamConfig(base_url=url, model="gpt-audio", api_key=KEY)


async def body(answer: ProxiedAnswer) -> bytes:
    return b"".join([chunk async for chunk in answer.body])


async def test_a_whole_answer() -> None:
    said = b'{"choices":[{"message":{"audio":{"data":"AAAA"}}}]}'

    async def script(exchange: Exchange) -> None:
        assert exchange.body == WHOLE
        assert exchange.headers["authorization"] == f"Bearer {KEY}"
        await exchange.answer(200, said, x_request_id="req_1", set_cookie="a=b", openai_organization="org", server="x")

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        for _ in range(2):
            answer = await upstream.proxy(WHOLE)
            assert (answer.status, await body(answer)) == (200, said)
            assert answer.headers == {
                "content-type": "application/json",
                "content-length": str(len(said)),
                "x-request-id": "req_1",
            }
            await answer.aclose()
        assert [exchange.connection for exchange in server.exchanges] == [0, 0]


async def test_a_stream_comes_as_it_is_sent() -> None:
    heard = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(HELLO)
        await heard.wait()
        await exchange.chunk(DONE)
        await exchange.end()

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        answer = await upstream.proxy(STREAMED)
        assert answer.headers == {"content-type": "text/event-stream"}
        assert await anext(answer.body) == HELLO
        heard.set()
        assert await body(answer) == DONE


@pytest.mark.parametrize("started", [False, True])
async def test_closing_closes_the_connection(started: bool) -> None:
    gone = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(HELLO)
        await exchange.gone()
        gone.set()

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        answer = await upstream.proxy(STREAMED)
        if started:
            await anext(answer.body)
        await answer.aclose()
        await gone.wait()
        await answer.aclose()


async def test_cancelled_before_the_answer() -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        reached.set()
        await exchange.gone()
        gone.set()

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        task = asyncio.create_task(upstream.proxy(STREAMED))
        await reached.wait()
        task.cancel()
        await gone.wait()


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_the_model_s_own_errors(status: int) -> None:
    error = {"error": {"message": f"No, not with {KEY}.", "type": "t", "param": "p", "code": "c"}, "more": 1}

    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, orjson.dumps(error), retry_after="7")

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        answer = await upstream.proxy(WHOLE)
        said = await body(answer)
        assert answer.status == status
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["content-length"] == str(len(said))
        error["error"]["message"] = "No, not with ***."  # type: ignore[index]
        assert orjson.loads(said) == error


@pytest.mark.parametrize("status", [401, 403])
async def test_our_key_is_not_the_caller_s_business(status: int) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, b'{"error":{"message":"Incorrect API key provided: sk-a-****see."}}')

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        with pytest.raises(UpstreamRefused) as raised:
            await upstream.proxy(WHOLE)
        answered, _, said = to_answer(raised.value)
        assert answered == 502
        assert b"sk-a" not in said


@pytest.mark.parametrize(("asked", "code"), [(STREAMED, "first_byte_timeout"), (WHOLE, "whole_answer_timeout")])
async def test_no_answer_in_time(asked: bytes, code: str) -> None:
    async with scripted(Exchange.gone) as server:
        impatient = replace(config(server.url), first_byte_timeout_s=0.05, whole_answer_timeout_s=0.05)
        async with ChatCompletions(impatient) as upstream:
            with pytest.raises(UpstreamTimedOut) as raised:
                await upstream.proxy(asked)
    assert raised.value.code == code


async def test_a_whole_answer_may_take_longer() -> None:
    async def script(exchange: Exchange) -> None:
        await asyncio.sleep(0.2)
        await exchange.answer(200, b"{}")

    async with scripted(script) as server:
        impatient = replace(config(server.url), first_byte_timeout_s=0.05)
        async with ChatCompletions(impatient) as upstream:
            assert await body(await upstream.proxy(WHOLE)) == b"{}"


async def test_cut_and_stalled() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.chunk(HELLO)
        if len(server.exchanges) == 1:
            exchange.cut()
        else:
            await exchange.gone()

    async with scripted(script) as server:
        impatient = replace(config(server.url), chunk_timeout_s=0.05)
        async with ChatCompletions(impatient) as upstream:
            wanted: tuple[type[UpstreamError], ...] = (UpstreamUnavailable, UpstreamTimedOut)
            for error in wanted:
                answer = await upstream.proxy(STREAMED)
                async with aclosing(answer):
                    with pytest.raises(error):
                        await body(answer)


async def test_a_body_that_is_not_json_is_the_model_s_to_refuse() -> None:
    async def script(exchange: Exchange) -> None:
        assert exchange.body == b"{"
        await exchange.answer(400, b'{"error":{"message":"We could not parse the JSON body."}}')

    async with scripted(script) as server, ChatCompletions(config(server.url)) as upstream:
        assert (await upstream.proxy(b"{")).status == 400
