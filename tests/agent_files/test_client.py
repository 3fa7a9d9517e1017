"""Tools are asked once, within bounds, and whatever comes of it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bargein.agents import Tool, ToolClient, ToolOutcome
from bargein.agents.client import MAX_ANSWER_BYTES
from bargein.errors import SettingsError
from support.scripted_upstream import Exchange, Script, ScriptedUpstream, scripted

ORDER = Tool(
    name="look_up_order",
    description="Where an order is.",
    parameters={
        "type": "object",
        "properties": {"order": {"type": "string"}, "full": {}, "tags": {}},
        "required": ["order"],
    },
    method="GET",
    url="/orders/{order}?as=json",
    headers={"Authorization": "Bearer secret", "user-agent": "shop"},
)


@asynccontextmanager
async def asked(
    script: Script,
    arguments: str | dict[str, Any] = '{"order": "17"}',
    **changes: Any,  # noqa: ANN401
) -> AsyncIterator[tuple[ToolOutcome, ScriptedUpstream]]:
    async with scripted(script, lists=script) as server, ToolClient() as client:
        tool = replace(ORDER, **changes)
        tool = replace(tool, url=server.url + tool.url)
        given = arguments if isinstance(arguments, str) else json.dumps(arguments)
        yield await client.call(tool, given, "call_1"), server


async def sent(exchange: Exchange) -> None:
    await exchange.answer(200, b'{"state": "sent"}')


async def test_what_is_not_in_the_address_stands_in_the_query() -> None:
    arguments = {"order": "a/../b c?#", "full": True, "tags": ["x", 2]}
    async with asked(sent, arguments) as (outcome, server):
        assert outcome == ToolOutcome("ok", '{"state": "sent"}', 200)
        (exchange,) = server.questions
        assert exchange.path == "/v1/orders/a%2F..%2Fb%20c%3F%23?as=json&full=true&tags=x&tags=2"
        assert exchange.headers["authorization"] == "Bearer secret"
        assert exchange.headers["user-agent"] == "shop"
        assert exchange.headers["idempotency-key"] == "call_1"


async def test_null_is_left_out_of_a_query() -> None:
    async with asked(sent, {"order": "17", "full": None, "tags": ["x", None]}) as (outcome, server):
        assert outcome.result == "ok"
        (exchange,) = server.questions
        assert exchange.path == "/v1/orders/17?as=json&tags=x"


async def test_a_number_of_any_length_arrives_as_the_model_wrote_it() -> None:
    number = 9400111899223197428490
    async with asked(sent, f'{{"order": {number}, "full": {number}}}') as (outcome, server):
        assert outcome.result == "ok"
        assert server.questions[0].path == f"/v1/orders/{number}?as=json&full={number}"
    async with asked(sent, f'{{"order": "1", "full": [{number}]}}', method="POST") as (outcome, server):
        assert outcome.result == "ok"
        assert server.exchanges[0].body == f'{{"full":[{number}]}}'.encode()


async def test_what_is_not_in_the_address_stands_in_the_body() -> None:
    async with asked(sent, {"order": "17", "full": {"a": 1}}, method="PATCH") as (outcome, server):
        assert outcome.result == "ok"
        (exchange,) = server.exchanges
        assert (exchange.method, exchange.path, exchange.json) == ("PATCH", "/v1/orders/17?as=json", {"full": {"a": 1}})
        assert exchange.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ("{}", "arguments are missing: order"),
        ('{"order": ".."}', "'order' cannot be '..'"),
        ('{"order": ""}', "'order' cannot be ''"),
        ('{"order": null}', "'order' cannot be null"),
        ('{"order": "1", "as": "html"}', "'as' is no argument of it"),
        ('{"order": NaN}', "must be a JSON object"),
        ('{"order": 1e999}', "must be a JSON object"),
        (f'{{"order": {"1" * 5000}}}', "must be a JSON object"),
        (f'{{"order": {"[" * 1000}{"]" * 1000}}}', "nested too deeply"),
        (f'{{"order": {"[" * 64}1{"]" * 64}}}', "nested too deeply"),
        (json.dumps({"order": "x" * 70_000}), "may have 65536 characters"),
        ('{"order": "' + "ü" * 12_000 + '"}', "too long for an address"),
        ('{"order": "1", "full": "' + "ü" * 12_000 + '"}', "too long for an address"),
    ],
)
async def test_arguments_that_do_not_fit_are_not_sent(arguments: str, said: str) -> None:
    async with asked(sent, arguments) as (outcome, server):
        assert outcome.result == "not_asked"
        assert said in outcome.output
        assert not server.questions


async def test_an_error_is_told_with_what_the_server_says() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(404, b'{"error": "no such order"}')

    async with asked(script) as (outcome, _):
        assert outcome == ToolOutcome(
            "refused", 'The tool answered with the error 404. It said: {"error": "no such order"}', 404
        )


async def test_a_redirect_is_not_followed() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(302, b"", location="/v1/orders/18")

    async with asked(script) as (outcome, server):
        assert (outcome.result, outcome.http_status) == ("refused", 302)
        assert "not followed" in outcome.output
        assert len(server.questions) == 1


async def test_a_long_answer_is_cut_and_no_more_of_it_is_read() -> None:
    left = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin("text/plain")
        await exchange.chunk(b"x" * (MAX_ANSWER_BYTES + 1))
        await exchange.gone()
        left.set()

    async with asked(script) as (outcome, _):
        assert outcome.result == "ok"
        assert outcome.output.startswith("x" * MAX_ANSWER_BYTES + "\n(The answer was longer")
        async with asyncio.timeout(30):
            await left.wait()


@pytest.mark.parametrize("headers", [{"content_type": "image/png"}, {"content_encoding": "gzip"}])
async def test_what_is_no_text_is_not_told(headers: dict[str, str]) -> None:
    async def script(exchange: Exchange) -> None:
        assert exchange.headers["accept-encoding"] == "identity"
        await exchange.answer(200, b"\x89PNG", **headers)

    async with asked(script) as (outcome, _):
        assert (outcome.result, outcome.output) == ("failed", "The tool answered with something that is no text.")


async def test_bytes_that_nobody_calls_anything_are_no_text() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 256\r\n\r\n" + bytes(range(256)))

    async with asked(script) as (outcome, _):
        assert (outcome.result, outcome.output) == ("failed", "The tool answered with something that is no text.")


async def test_an_error_that_says_nothing_in_text_is_told_as_an_error() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(500, b"\x89PNG", content_type="image/png")

    async with asked(script) as (outcome, _):
        assert outcome == ToolOutcome("refused", "The tool answered with the error 500.", 500)


@pytest.mark.parametrize(
    ("charset", "raw", "said"),
    [
        ("latin-1", b"caf\xe9", "café"),
        ("no-such", b"caf\xe9", "caf\ufffd"),
        ("idna", b"caf\xe9", "caf\ufffd"),
        ("punycode", b"caf\xe9-" * 1000, "caf\ufffd-" * 1000),
        ("undefined", b"caf", "caf"),
        ("unicode_escape", b"\\ud800", "\\ud800"),
        ("utf-16", b"\x00\xd8a\x00", "\ufffda"),
        ("hex", b"636166", "636166"),
    ],
)
async def test_an_answer_is_text_that_can_be_sent_on_whatever_its_encoding_is_called(
    charset: str, raw: bytes, said: str
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, raw, content_type=f"text/plain; charset={charset}")

    async with asked(script) as (outcome, _):
        assert (outcome.result, outcome.output) == ("ok", said)
        assert outcome.output.encode()


async def test_an_empty_answer_is_told_as_done() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(204, b"")

    async with asked(script, method="DELETE") as (outcome, _):
        assert outcome == ToolOutcome("ok", "Done.", 204)


async def test_a_connection_that_breaks_is_not_tried_again() -> None:
    async def script(exchange: Exchange) -> None:
        exchange.cut()

    for method in ("GET", "POST"):
        async with asked(script, method=method) as (outcome, server):
            assert outcome.result == "failed"
            assert "It is not known whether" in outcome.output
            assert len(server.questions) + len(server.exchanges) == 1


async def test_a_server_that_is_not_there_has_done_nothing() -> None:
    async with ToolClient() as client:
        outcome = await client.call(replace(ORDER, url="http://127.0.0.1:9/{order}"), '{"order": "1"}', "call_1")
        https = await client.call(replace(ORDER, url="https://127.0.0.1:9/{order}"), '{"order": "1"}', "call_1")
    assert outcome == https == ToolOutcome("failed", "The tool cannot be reached: nothing was done.")


async def test_slow_tools_leave_room_for_others() -> None:
    """Sessions bound how many calls there are: of one slow tool as many as all of them make."""
    waiting, all_wait = 112, asyncio.Event()

    async def script(exchange: Exchange) -> None:
        if len(slow.exchanges) == waiting:
            all_wait.set()
        await exchange.gone()

    async with scripted(script) as slow, scripted(sent, lists=sent) as quick, ToolClient() as client:
        slow_tool = replace(ORDER, method="POST", url=slow.url + "/{order}", timeout_s=60)
        calls = [asyncio.create_task(client.call(slow_tool, '{"order": "1"}', f"call_{n}")) for n in range(waiting)]
        async with asyncio.timeout(30):
            await all_wait.wait()
        outcome = await client.call(replace(ORDER, url=quick.url + ORDER.url, timeout_s=5), '{"order": "1"}', "call")
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    assert outcome.result == "ok"


async def test_what_was_not_sent_in_time_was_not_done() -> None:
    """A server that takes connections, and says nothing in them: TLS is not agreed on."""
    async with scripted(sent) as silent, ToolClient() as client:
        url = silent.url.replace("http:", "https:") + "/{order}"
        outcome = await client.call(replace(ORDER, url=url, timeout_s=0.3), '{"order": "1"}', "call_1")
    assert outcome == ToolOutcome("timed_out", "The tool cannot be reached within 0.3 s: nothing was done.")


async def test_what_takes_too_long_is_given_up() -> None:
    left = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.begin("text/plain")
        await exchange.chunk(b"so far")
        await exchange.gone()
        left.set()

    async with asked(script, timeout_s=0.3) as (outcome, _):
        assert outcome.result == "timed_out"
        assert outcome.output.startswith("The tool has not answered within 0.3 s.")
        async with asyncio.timeout(30):
            await left.wait()


async def test_a_tool_is_asked_through_the_environments_proxy_and_this_machine_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scripted(sent, lists=sent) as server:
        proxy = server.url.removesuffix("/v1")
        monkeypatch.setenv("http_proxy", proxy)
        # Some set it for all of their programs. It is none that is spoken here, and none that is needed.
        monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
        away = replace(ORDER, url="http://shop.invalid/orders/{order}")
        async with ToolClient([away.url]) as client:
            assert (await client.call(away, '{"order": "17"}', "call_1")).result == "ok"
            assert server.questions[-1].path == "http://shop.invalid/orders/17"
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        here = replace(ORDER, url=server.url + "/orders/{order}")
        async with ToolClient([here.url]) as client:
            assert (await client.call(here, '{"order": "17"}', "call_2")).result == "ok"
            assert server.questions[-1].path == "/v1/orders/17"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"http_proxy": "foo:bar"}, "HTTP_PROXY does not name a proxy"),
        ({"SSL_CERT_FILE": "/no/such/file"}, "SSL_CERT_FILE: '/no/such/file' cannot be used: No such file"),
        ({"SSL_CERT_FILE": __file__}, "it holds no certificate"),
    ],
)
async def test_an_environment_with_which_no_tool_can_be_asked_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said):
        async with ToolClient(["http://shop.invalid/orders"]):
            pass
