"""Two workers, one cap: real processes, real sockets, a model that charges at the end of its answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from support.http import http_client
from support.model import event, speech
from support.scripted_upstream import Exchange, scripted
from support.server_process import serve

PRICES = "[models.scripted]\ntext_in = 1\naudio_in = 10\ntext_out = 10\naudio_out = 100\n"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 1000, "completion_tokens_details": {"audio_tokens": 1000}}
A_TURN_COSTS = 0.101
TURNS_PAID = 5
CALLERS = 16


async def charge(exchange: Exchange) -> None:
    await exchange.begin()
    for chunk in (*speech("fine"), event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})):
        await exchange.chunk(chunk)
    await exchange.chunk(event({"choices": [], "usage": USAGE}))
    await exchange.chunk(b"data: [DONE]\n\n")
    await exchange.end()


async def status_of_a_turn(url: str) -> str:
    async with connect(url) as socket:
        content = [{"type": "input_text", "text": "hello"}]
        item = {"type": "message", "role": "user", "content": content}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await socket.send(json.dumps({"type": "response.create"}))
        async for message in socket:
            told = json.loads(message)
            if told["type"] == "response.done":
                return str(told["response"]["status"])
    raise AssertionError("the connection ended")


async def test_workers_keep_a_cap_of_the_day_together(tmp_path: Path) -> None:
    prices, kept = tmp_path / "prices.toml", tmp_path / "usage.sqlite"
    prices.write_text(PRICES)
    cap = (TURNS_PAID - 0.5) * A_TURN_COSTS
    settings = {
        "BARGEIN_PRICES": str(prices),
        "BARGEIN_CAP_DAY_USD": str(cap),
        "BARGEIN_USAGE_FILE": str(kept),
        "BARGEIN_MAX_COMPLETION_TOKENS": "500",
    }
    async with scripted(charge) as model:
        arguments = ("--upstream", model.url, "--model", "scripted", "--workers", "2")
        with serve(*arguments, settings=settings) as server:
            statuses = [await status_of_a_turn(server.realtime_url) for _ in range(CALLERS)]
            async with http_client(timeout=30) as client:
                used = (await client.get(f"{server.http_url}/v1/usage")).json()
                metrics = (await client.get(f"{server.http_url}/metrics")).text
        assert statuses == ["completed"] * TURNS_PAID + ["failed"] * (CALLERS - TURNS_PAID)
        assert used["data"][0]["dollars"] == pytest.approx(TURNS_PAID * A_TURN_COSTS)
        assert used["caps"][0]["warning"] is True
        assert 'bargein_budget_refusals_total{cap="day",worker="' in metrics
        asked = len(model.exchanges)
        with serve(*arguments, settings=settings) as server:  # A restart buys nothing.
            assert await status_of_a_turn(server.realtime_url) == "failed"
        assert len(model.exchanges) == asked == TURNS_PAID


async def test_turns_at_the_same_time_in_two_workers_exceed_it_by_one_at_most(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    settings = {
        "BARGEIN_PRICES": str(prices),
        "BARGEIN_CAP_DAY_USD": str(2.5 * A_TURN_COSTS),
        "BARGEIN_MAX_COMPLETION_TOKENS": "1000",
    }
    async with scripted(charge) as model:
        arguments = ("--upstream", model.url, "--model", "scripted", "--workers", "2")
        with serve(*arguments, settings=settings) as server:
            await asyncio.gather(*(status_of_a_turn(server.realtime_url) for _ in range(CALLERS)))
    assert 1 <= len(model.exchanges) <= 3
