"""``/readyz``: whether somebody who comes now can be given a turn, why not, since when, and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bargein.gateway import readiness
from bargein.gateway.readiness import Readiness
from bargein.upstream import ChatCompletions, Transcriptions, UpstreamConfig
from support.gateway import Running, Serve
from support.scripted_upstream import DONE, Exchange, ScriptedUpstream, delta, scripted

ASK = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(autouse=True)
def nothing_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "QUESTION_S", 0.0)


class Model:
    """Answers light questions and turns as it is told."""

    def __init__(self) -> None:
        self.list_status = 200
        self.turn_status = 200
        self.held: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def lists(self, exchange: Exchange) -> None:
        self.asked.set()
        if self.held is not None:
            await self.held.wait()
        await exchange.answer(self.list_status, b'{"data":[{"id":"m"}]}')

    async def turn(self, exchange: Exchange) -> None:
        if self.turn_status == 200:
            await exchange.stream([delta(content="Fine."), DONE])
        else:
            await exchange.answer(self.turn_status, b'{"error":{"message":"No."}}')


@asynccontextmanager
async def ready(
    serve: Serve, model: Model, **settings: object
) -> AsyncIterator[tuple[Running, httpx.AsyncClient, ScriptedUpstream]]:
    async with scripted(model.turn, lists=model.lists) as server:
        config = UpstreamConfig(base_url=server.url, model="m")
        async with (
            serve(upstream=config, **({"model": "m"} | settings)) as running,
            running.client(timeout=30) as client,
        ):
            yield running, client, server


async def test_ready(serve: Serve) -> None:
    async with ready(serve, Model()) as (running, client, server):
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "status": "ready",
                "open_sessions": 0,
                "checks": {"sessions": {"status": "ok", "open": 0, "limit": 600}, "model": {"status": "ok"}},
            },
        )
        assert running.metric("bargein_model_ready") == 1
        assert not server.exchanges, "nothing that costs is asked"


async def not_ready(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    body: dict[str, Any] = answer.json()
    assert body["status"] == "not_ready"
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return body


async def test_a_dead_model_is_known_at_once_and_so_is_one_that_is_there_again(serve: Serve) -> None:
    model = Model()
    async with ready(serve, model) as (running, client, server):
        assert (await client.get("/readyz")).status_code == 200
        port = int(server.url.split(":")[2].split("/")[0])
    async with (
        serve(upstream=UpstreamConfig(base_url=server.url, model="m"), model="m") as running,
        running.client() as client,
    ):
        with capture_logs() as logs:
            body = await not_ready(client)
            check = body["checks"]["model"]
            assert (check["status"], check["code"], body["error"]["code"]) == (
                "failing",
                "unreachable",
                "model_unreachable",
            )
            assert check["reason"] == "The model's server could not be reached."
            assert "BARGEIN_UPSTREAM_URL" in check["advice"]
            since = datetime.fromisoformat(check["since"])
            assert abs((datetime.now(UTC) - since).total_seconds()) < 60
            assert running.metric("bargein_model_ready") == 0
            assert (await not_ready(client))["checks"]["model"]["since"] == check["since"]
            async with scripted(model.turn, lists=model.lists, port=port):
                assert (await client.get("/readyz")).status_code == 200
                assert running.metric("bargein_model_ready") == 1
        assert [entry["event"] for entry in logs] == ["the model cannot be asked", "the model can be asked again"]
        assert logs[0]["advice"] == check["advice"]


@pytest.mark.parametrize(("status", "code"), [(401, "key_refused"), (403, "forbidden"), (503, "failing")])
async def test_a_model_that_refuses_light_questions(serve: Serve, status: int, code: str) -> None:
    model = Model()
    model.list_status = status
    async with ready(serve, model) as (_, client, _):
        assert (await not_ready(client))["checks"]["model"]["code"] == code
        model.list_status = 200
        assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    ("status", "turns", "code"), [(401, 1, "key_refused"), (404, 1, "not_found"), (500, 3, "failing")]
)
async def test_a_model_that_refuses_turns_although_it_answers_light_questions(
    serve: Serve, status: int, turns: int, code: str
) -> None:
    model = Model()
    model.turn_status = status
    async with ready(serve, model) as (_, client, _):
        for _ in range(turns):
            assert (await client.get("/readyz")).status_code == 200
            await client.post("/v1/chat/completions", json=ASK)
        assert (await not_ready(client))["checks"]["model"]["code"] == code
        model.turn_status = 200
        assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 200, "it is asked all the same"
        assert (await client.get("/readyz")).status_code == 200


async def test_one_callers_wrong_requests_do_not_make_it_unready(serve: Serve) -> None:
    model = Model()
    model.turn_status = 400
    async with ready(serve, model) as (_, client, _):
        for _ in range(5):
            assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 400
        assert (await client.get("/readyz")).status_code == 200


async def test_it_is_asked_once_at_a_time_and_not_where_turns_tell(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model()
    model.held = asyncio.Event()
    async with ready(serve, model) as (_, client, server):
        asked = [asyncio.create_task(client.get("/readyz")) for _ in range(5)]
        async with asyncio.timeout(30):
            await model.asked.wait()
        model.held.set()
        assert [(await one).status_code for one in asked] == [200] * 5
        assert len(server.questions) == 1
        await client.post("/v1/chat/completions", json=ASK)
        assert (await client.get("/readyz")).status_code == 200
        assert len(server.questions) == 1
        monkeypatch.setattr(readiness, "TURN_S", 0.0)
        monkeypatch.setattr(readiness, "QUESTION_S", 3600.0)
        for _ in range(3):
            await client.get("/readyz")
        assert len(server.questions) == 1, "fresh enough"


async def test_a_question_that_hangs_does_not_hold_up_the_answer(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "WAIT_S", 0.05)
    model = Model()
    model.held = asyncio.Event()
    async with ready(serve, model) as (_, client, _):
        assert (await client.get("/readyz")).json()["checks"]["model"] == {"status": "unknown"}
        model.held.set()


async def test_a_full_server_says_so(serve: Serve) -> None:
    model = Model()
    async with ready(serve, model, max_sessions=1) as (running, client, _):
        running.gateway.begin_turn("127.0.0.1")
        body = await not_ready(client)
        assert body["error"]["code"] == "server_full"
        assert body["checks"]["sessions"]["status"] == "failing"
        assert body["checks"]["model"]["status"] == "ok"
        running.gateway.end_turn("127.0.0.1")


# One line at the start.


async def told(serve: Serve, lists: Any, *, recogniser: bool = False, **config: Any) -> list[Any]:  # noqa: ANN401
    async with scripted(Model().turn, lists=lists) as server:
        upstream = UpstreamConfig(**({"base_url": server.url, "model": "m"} | config))
        async with (
            serve(upstream=upstream, model="m") as running,
            ChatCompletions(upstream) as completions,
            Transcriptions(upstream) as transcriptions,
        ):
            with capture_logs() as logs:
                readiness = Readiness(running.gateway, completions)
                await readiness.tell_at_start(transcriptions if recogniser else None)
    return logs


async def test_the_start_tells_that_the_model_is_there(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-model")
    (line,) = await told(serve, Model().lists, api_key="sk-model")
    assert (line["event"], line["log_level"], line["key"]) == ("the model's server can be reached", "info", "taken")
    (line,) = await told(serve, None, api_key="sk-model")
    assert (line["event"], line["key"]) == ("the model's server can be reached", "not checked")
    monkeypatch.delenv("OPENAI_API_KEY")
    (line,) = await told(serve, Model().lists)
    assert line["key"] == "none"


async def test_the_start_tells_that_the_model_is_not_listed(serve: Serve) -> None:
    async def others(exchange: Exchange) -> None:
        await exchange.answer(200, b'{"data":[{"id":"one"},{"id":"two"}]}')

    (line,) = await told(serve, others)
    assert (line["event"], line["log_level"]) == ("the model's server does not list this model", "warning")
    assert (line["model"], line["lists"]) == ("m", "one, two")
    assert "BARGEIN_MODEL" in line["advice"]


async def test_the_start_tells_that_the_key_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model()
    model.list_status = 401
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (line,) = await told(serve, model.lists)
    assert (line["event"], line["log_level"], line["fault"]) == ("the model cannot be asked", "warning", "key_refused")
    assert "put it into OPENAI_API_KEY" in line["advice"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    (line,) = await told(serve, model.lists, api_key="sk-wrong")
    assert "Check the key in OPENAI_API_KEY" in line["advice"]


async def test_the_start_tells_that_nobody_is_there(serve: Serve) -> None:
    (line,) = await told(serve, None, base_url="http://127.0.0.1:9/v1")
    assert (line["event"], line["fault"]) == ("the model cannot be asked", "unreachable")


async def test_the_start_tells_that_a_separate_recogniser_is_there(serve: Serve) -> None:
    hears = Model()
    async with scripted(hears.turn, lists=hears.lists) as recogniser:
        address = {"transcription_base_url": recogniser.url, "transcription_api_key": "sk-hears"}
        line, _ = await told(serve, Model().lists, recogniser=True, api_key="sk-model", **address)
        (question,) = recogniser.questions
    assert (line["event"], line["log_level"]) == ("the recogniser's server can be reached", "info")
    assert question.path == "/v1/models"
    assert question.headers["authorization"] == "Bearer sk-hears"


@pytest.mark.parametrize(
    ("list_status", "reason"), [(401, "does not accept this server's key"), (503, "503"), (None, "")]
)
async def test_the_start_tells_that_a_separate_recogniser_cannot_be_asked(
    serve: Serve, list_status: int | None, reason: str
) -> None:
    hears = Model()
    hears.list_status = list_status or 200
    async with scripted(hears.turn, lists=hears.lists) as recogniser:
        address = recogniser.url if list_status else "http://127.0.0.1:9/v1"
        keys = {"transcription_base_url": address, "transcription_api_key": "sk-hears"}
        line, model = await told(serve, Model().lists, recogniser=True, **keys)
    assert (line["event"], line["log_level"]) == ("the recogniser cannot be asked", "warning")
    assert reason in line["reason"]
    assert "sk-hears" not in str(line)
    assert "BARGEIN_TRANSCRIPTION_URL" in line["advice"]
    assert "BARGEIN_TRANSCRIPTION_API_KEY_ENV" in line["advice"]
    assert model["event"] == "the model's server can be reached", "one says nothing of the other"
