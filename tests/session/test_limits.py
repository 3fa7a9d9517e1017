"""What one caller may take: time, memory, mistakes."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import socket
from contextlib import suppress

import pytest
import websockets
from websockets.asyncio.client import connect as open_websocket

from support.model import Model, spoken
from support.realtime_client import connect
from support.server import RunningServer, running_server


async def test_a_session_ends_at_its_greatest_age_and_says_so_first(model: Model) -> None:
    async with running_server(model.url, session_limit_s=0.3) as server, connect(server.realtime_url) as caller:
        error = await caller.wait_for("error")
        assert error["error"]["code"] == "session_expired"
        code, reason = await caller.wait_closed()
    assert code == 1001
    assert "maximum duration" in reason


async def test_an_idle_caller_is_let_go_and_one_who_listens_is_not(model: Model) -> None:
    model.will(spoken("one two three four five", 300))
    async with running_server(model.url, idle_limit_s=0.5) as server, connect(server.realtime_url) as caller:
        await caller.say_text("count")
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        code, reason = await caller.wait_closed()
    assert code == 4408
    assert "idle" in reason


@pytest.mark.real_sockets
@pytest.mark.parametrize("words", [40, 400], ids=["reads nothing", "lets too much wait"])
async def test_a_caller_who_does_not_read_is_closed_and_the_others_notice_nothing(model: Model, words: int) -> None:
    model.will(spoken(" ".join(["word"] * words)))
    unpaced = {"lead_ms": 0, "slow_caller_s": 0.5}
    async with running_server(model.url, **unpaced) as server, connect(server.realtime_url) as other:
        others = set(server.gateway.sessions)
        sock = socket.create_connection(("127.0.0.1", server.server.address[1]))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow = await open_websocket(server.realtime_url, sock=sock, compression=None, max_queue=1)
        slow.transport.pause_reading()
        (stuck,) = set(server.gateway.sessions) - others
        ask = [
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]},
            },
            {"type": "response.create"},
        ]
        for event in ask:
            await slow.send(json.dumps(event))
        await model.asked.wait()
        await other.say_text("hello")
        done = await other.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        await stuck.closed.wait()
        assert server.metric("bargein_slow_callers_closed_total") == 1
        slow.transport.abort()


async def test_twenty_kinds_of_mistakes_in_a_row_end_the_session(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller:
        for number in range(21):
            await caller.send({"type": "session.update", "session": {"type": "realtime", f"field_{number}": 1}})
        code, reason = await caller.wait_closed()
    assert code == 1008
    assert [error["error"]["param"] for error in caller.errors[:21]] == [f"session.field_{n}" for n in range(21)]
    assert caller.errors[21]["error"]["message"].endswith("Unknown parameter: 'session.field_20'.")
    assert "Unknown parameter" in reason


@pytest.mark.parametrize(
    ("message", "answered"),
    [
        ("{", 5),
        ("{}", 5),
        (json.dumps({"type": "input_audio_buffer.append", "audio": "####"}), 5),
        (b"\0\0", 5),
        (json.dumps({"type": "session.update", "session": {"type": "realtime", "nonsense": 1}}), 20),
        (json.dumps({"type": "input_audio_buffer.append", "audio": "####", "event_id": "mine"}), 20),
    ],
)
async def test_the_same_mistake_again_and_again_is_told_so_that_one_can_read_it(
    server: RunningServer, message: str | bytes, answered: int
) -> None:
    """As of a client that is wrong with every frame: it is not thrown out before anybody could read why."""
    async with connect(server.realtime_url) as caller:
        for _ in range(90):
            await caller.send_raw(message)
        await caller.say_text("hello")
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        assert answered <= len(caller.errors) <= answered + 2
        assert len({error["error"]["message"] for error in caller.errors}) == 1
        code = caller.errors[0]["error"]["code"]
    assert server.metric(f'bargein_caller_errors_total{{code="{code}"}}') == 90


async def test_nothing_but_the_same_mistake_ends_the_session_in_the_end_and_says_why(server: RunningServer) -> None:
    wrong = json.dumps({"type": "input_audio_buffer.append", "audio": "####"})
    async with connect(server.realtime_url) as caller:
        for _ in range(3_200):
            await caller.socket.send(wrong)
        code, reason = await caller.wait_closed()
    assert code == 1008
    assert reason.startswith("the same messages in error for too long. The last: Invalid 'audio'")
    assert 5 <= len(caller.errors) <= 8


async def test_a_flood_of_control_messages_ends_the_session(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller:
        with suppress(websockets.ConnectionClosed):
            for _ in range(5000):
                await caller.send({"type": "input_audio_buffer.clear"})
                await asyncio.sleep(0)
        code, _ = await caller.wait_closed()
    assert code == 4429


@pytest.mark.parametrize(
    "message",
    [
        "",
        "nonsense",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"type": 7}',
        '{"type": "no.such.event"}',
        '{"type": "bargein.played"}',
        '{"type": "session.update"}',
        '{"type": "session.update", "session": []}',
        '{"type": "session.update", "session": {"type": "transcription"}}',
        '{"type": "response.create", "response": {"output_modalities": ["audio", "text"]}}',
        '{"type": "conversation.item.create", "item": {"type": "mcp_call"}}',
        '{"type": "input_audio_buffer.append", "audio": "not base64!"}',
        '{"type": "input_audio_buffer.append", "audio": "A"}',
        '{"type": "input_audio_buffer.append", "audio": 1e999}',
        "[" * 5000,
    ],
)
async def test_nonsense_is_answered_and_the_session_goes_on(server: RunningServer, message: str) -> None:
    async with connect(server.realtime_url) as caller:
        await caller.send_raw(message)
        error = await caller.wait_for("error")
        assert error["error"]["type"] == "invalid_request_error"
        assert error["error"]["message"]
        await caller.say_text("hello")
        assert (await caller.wait_for("response.done"))["response"]["status"] == "completed"


async def test_an_error_names_the_message_that_it_is_about_and_no_other(server: RunningServer) -> None:
    wrong = {"type": "input_audio_buffer.append", "audio": "A"}
    async with connect(server.realtime_url) as caller:
        for event_id in ("first", None, "second"):
            await caller.send(wrong | ({} if event_id is None else {"event_id": event_id}))
            assert (await caller.wait_for("error"))["error"]["event_id"] == event_id
        await caller.send({"type": "response.cancel", "event_id": "third"})
        assert (await caller.wait_for("error"))["error"]["event_id"] == "third"
        await caller.send(wrong)
        assert (await caller.wait_for("error"))["error"]["event_id"] is None


async def test_binary_messages_need_our_subprotocol(server: RunningServer) -> None:
    async with connect(server.realtime_url) as caller:
        await caller.send_raw(b"\x00\x00")
        error = await caller.wait_for("error")
    assert "bargein.v1" in error["error"]["message"]


async def test_a_recording_may_be_sent_at_once_but_not_for_ever(server: RunningServer) -> None:
    minute = base64.b64encode(bytes(48_000 * 45)).decode()
    async with connect(server.realtime_url) as caller:
        await caller.update_session(audio={"input": {"turn_detection": None}})
        for _ in range(6):
            await caller.send({"type": "input_audio_buffer.append", "audio": minute})
        await caller.send({"type": "input_audio_buffer.commit"})
        await caller.wait_for("input_audio_buffer.committed")
        await caller.send({"type": "input_audio_buffer.append", "audio": minute})
        code, _ = await caller.wait_closed()
    assert code == 4429


async def test_a_drain_lets_the_turn_end_and_then_says_restart(model: Model) -> None:
    model.will(spoken("one two three four five six"))
    async with running_server(model.url) as server, connect(server.realtime_url) as caller:
        await caller.say_text("count")
        await caller.wait_for("response.output_audio.delta")
        draining = asyncio.create_task(server.gateway.drain())
        done = await caller.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        code, _ = await caller.wait_closed()
        await draining
    assert code == 1012


async def test_a_drain_that_is_cut_short_leaves_nothing_behind(model: Model) -> None:
    """The second SIGTERM comes while turns are in progress."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    model.will(model.hang_after("one two three"))
    async with running_server(model.url) as server, connect(server.realtime_url) as caller:
        await caller.say_text("count")
        await caller.wait_for("response.output_audio.delta")
        draining = asyncio.create_task(server.gateway.drain())
        await asyncio.sleep(0)
        server.gateway.stop()
        await draining
        code, _ = await caller.wait_closed()
        await model.left.wait()
    del draining
    gc.collect()
    assert code == 1012
    assert not complaints


async def test_a_recording_is_heard_piece_by_piece_and_what_follows_waits(server: RunningServer) -> None:
    recording = base64.b64encode(bytes(48_000 * 45 + 960)).decode()
    async with connect(server.realtime_url) as caller:
        await caller.update_session(audio={"input": {"turn_detection": None}})
        (session,) = server.gateway.sessions
        message = json.dumps({"type": "input_audio_buffer.append", "audio": recording}).encode()
        assert session.receive_text(message)
        pieces = 1
        while session.work():
            pieces += 1
        # It is looked at, parsed, and dealt with; then heard. The last finds that nothing is left.
        assert pieces == 3 + 47
        await caller.send({"type": "input_audio_buffer.append", "audio": recording})
        await caller.send({"type": "input_audio_buffer.commit"})
        committed = await caller.wait_for("input_audio_buffer.committed")
        await caller.send({"type": "conversation.item.retrieve", "item_id": committed["item_id"]})
        item = (await caller.wait_for("conversation.item.retrieved"))["item"]
    assert len(base64.b64decode(item["content"][0]["audio"])) == 2 * (48_000 * 45 + 960)
