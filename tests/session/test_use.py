"""What a session has used is counted as it happened, whatever ends it."""

from __future__ import annotations

import re

import pytest

from support.model import Model, refuses
from support.realtime_client import RealtimeClient, connect
from support.server import RunningServer, running_server

ASKED = 'bargein_tokens_total{direction="input",kind="text"}'
SPOKEN = 'bargein_tokens_total{direction="output",kind="audio"}'
CANCELLED = 'bargein_responses_total{status="cancelled"}'


async def begin_a_long_reply(caller: RealtimeClient, model: Model, **response: object) -> None:
    model.will(model.hang_after("a story that goes on and on"))
    await caller.say_text("tell me a story", **response)
    await caller.wait_for("response.output_audio.delta")


def used(capfd: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The line that the session leaves in the log."""
    printed = capfd.readouterr()
    line = next(line for line in (printed.out + printed.err).splitlines() if "session used" in line)
    return dict(re.findall(r"(\w+)=([^\s]+)", re.sub(r"\x1b\[[0-9;]*m", "", line)))


@pytest.mark.parametrize("beside", [False, True], ids=["conversation", "out of band"])
@pytest.mark.parametrize("ends", ["hangs up", "vanishes", "is told to leave"])
async def test_a_reply_in_progress_when_the_session_ends(
    server: RunningServer, model: Model, ends: str, beside: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    async with connect(server.realtime_url) as caller:
        await begin_a_long_reply(caller, model, **({"conversation": "none"} if beside else {}))
        (session,) = server.gateway.sessions
        if ends == "vanishes":
            caller.vanish()
        elif ends == "hangs up":
            await caller.close()
        else:
            session.close(1008, "enough")
        await model.left.wait()
        await session.closed.wait()
    assert server.metric(CANCELLED) == 1
    assert server.metric(SPOKEN) > 0
    assert server.metric(ASKED) > 0
    line = used(capfd)
    assert line["responses"] == "1"
    assert float(line["output_audio_tokens"]) == server.metric(SPOKEN)
    assert float(line["audio_out_s"]) > 0


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_a_request_that_was_refused_has_used_nothing(server: RunningServer, model: Model, status: int) -> None:
    model.will(refuses(status, "no"))
    async with connect(server.realtime_url) as caller:
        await caller.say_text("hello, is anybody there?")
        done = await caller.wait_for("response.done")
    assert done["response"]["status"] == "failed"
    assert done["response"]["usage"]["total_tokens"] == 0
    assert server.metric(ASKED) == 0


async def test_a_request_that_reached_nobody_has_used_nothing() -> None:
    async with running_server("http://127.0.0.1:9/v1") as server, connect(server.realtime_url) as caller:
        await caller.say_text("hello, is anybody there?")
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "failed"
        assert server.metric(ASKED) == 0


async def test_a_model_that_did_not_begin_in_time_was_asked(model: Model) -> None:
    """It may be at it still, and its server counts what it was asked."""
    model.will(model.hang_after())
    options = {"upstream_first_byte_timeout_s": 0.2, "upstream_chunk_timeout_s": 0.2}
    async with running_server(model.url, **options) as server, connect(server.realtime_url) as caller:
        await caller.say_text("hello, is anybody there?")
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "failed"
        assert server.metric(ASKED) > 0
