"""``bargein call`` against a server that follows a script."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pytest_asyncio
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from bargein.load.call import CallResult, call
from bargein.load.conversation import conversation
from bargein.load.errors import ConnectError
from bargein.load.marks import Mark
from bargein.load.recording import RATE_HZ, Recording, write_heard

if TYPE_CHECKING:
    from load.conftest import Script, ServerFactory


def spoken(*stretches: tuple[float, float], length_s: float) -> Recording:
    """A tone where somebody speaks: the scripted server listens to levels only."""
    samples = np.zeros(int(length_s * RATE_HZ), np.int16)
    for onset_s, end_s in stretches:
        time_s = np.arange(int(onset_s * RATE_HZ), int(end_s * RATE_HZ)) / RATE_HZ
        samples[int(onset_s * RATE_HZ) : int(end_s * RATE_HZ)] = 8000 * np.sin(2 * np.pi * 300 * time_s)
    return Recording(samples.tobytes(), tuple(Mark(*stretch) for stretch in stretches))


QUESTION = spoken((0.2, 0.9), length_s=1.0)
INTERRUPTION = spoken((0.2, 0.9), (2.2, 2.9), length_s=3.0)
COUGH = spoken((0.2, 0.9), (2.0, 2.12), length_s=2.5)
INTERRUPTED = {"first_reply_s": 6.0, "reply_s": 0.5}


@dataclass(frozen=True)
class Case:
    script: Mapping[str, Any]
    recording: Recording = QUESTION
    stock: bool = False


CASES = {
    "answered": Case({"reply_s": 1.0}),
    "interrupted": Case(INTERRUPTED, INTERRUPTION),
    "interrupted, stock": Case(INTERRUPTED, INTERRUPTION, stock=True),
    "cough": Case({"reply_s": 2.0}, COUGH),
    "leaking": Case(INTERRUPTED | {"leak_s": 0.3}, INTERRUPTION),
    "leaking, stock": Case(INTERRUPTED | {"leak_s": 0.3}, INTERRUPTION, stock=True),
    "dropped": Case({"drop_reply": 1}),
    "failing": Case({"fail": True}),
    "long": Case({"reply_s": 7.0}),
    "mute": Case({"reply_s": 0.5, "transcript": None}),
    "stock only": Case({"bargein": False, "reply_s": 0.5}),
}


@dataclass(frozen=True)
class Done:
    """A call that is over, and what the server received."""

    result: CallResult
    received: list[dict[str, Any]]

    def sent(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.received if event["type"] == name]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(serving: ServerFactory, script: type[Script]) -> dict[str, Done]:
    """All calls, at the same time: each takes the seconds that it takes to speak."""

    async def made(case: Case) -> Done:
        async with serving(script(**case.script)) as server:
            result = await call(case.recording, server.url, stock=case.stock, patience_s=3.0)
            return Done(result, server.received)

    return dict(zip(CASES, await asyncio.gather(*map(made, CASES.values())), strict=True))


def test_a_question_is_answered_and_heard_to_its_end(calls: dict[str, Done]) -> None:
    result = calls["answered"].result
    assert result.unanswered is None
    (turn,) = result.turns
    assert turn.agent == "silent"
    assert turn.reply is not None
    assert turn.reply.status == "completed"
    assert turn.heard_s == pytest.approx(1.0)
    assert turn.first_heard_s is not None
    assert turn.first_heard_s > turn.mark.end_s


@pytest.mark.parametrize("stock", [False, True])
def test_an_interruption_silences_the_agent(calls: dict[str, Done], stock: bool) -> None:
    done = calls["interrupted, stock" if stock else "interrupted"]
    first, second = done.result.turns
    assert done.result.unanswered is None
    assert first.reply is not None
    assert first.reply.status == "cancelled"
    assert first.heard_s < 2.0
    assert second.agent == "speaking"
    assert second.confirmed_s is not None
    assert second.silent_s is not None
    assert (second.held_s is None) == stock
    assert second.silent_s <= (second.confirmed_s if stock else second.held_s or 0) + 0.001
    assert done.result.dialogue.stale_heard_samples() == 0
    assert bool(done.sent("conversation.item.truncate")) == stock
    assert bool(done.sent("bargein.flushed")) == (not stock)


def test_the_flushed_report_gives_what_was_heard(calls: dict[str, Done]) -> None:
    done = calls["interrupted"]
    (flushed,) = done.sent("bargein.flushed")
    assert flushed["samples"] == done.result.dialogue.listener.heard_samples(flushed["item_id"])
    assert len(done.sent("bargein.played")) > 10


def test_a_cough_pauses_the_reply_and_loses_nothing(calls: dict[str, Done]) -> None:
    result = calls["cough"].result
    first, second = result.turns
    assert second.held_s is not None
    assert second.resumed_s is not None
    assert second.confirmed_s is None
    assert first.heard_s == pytest.approx(2.0)
    assert result.unanswered is None


def test_stale_sound_is_heard_by_a_stock_client_and_counted(calls: dict[str, Done]) -> None:
    assert calls["leaking, stock"].result.dialogue.stale_heard_samples() == int(0.3 * RATE_HZ)


def test_a_bargein_client_drops_stale_sound_but_counts_it(calls: dict[str, Done]) -> None:
    dialogue = calls["leaking"].result.dialogue
    assert dialogue.stale_heard_samples() == 0
    assert sum(reply.stale_samples for reply in dialogue.replies.values()) == int(0.3 * RATE_HZ)


@pytest.mark.parametrize(
    ("name", "reason"), [("dropped", "no response was created"), ("failing", "ended failed: As scripted.")]
)
def test_no_answer_is_told(calls: dict[str, Done], name: str, reason: str) -> None:
    unanswered = calls[name].result.unanswered
    assert unanswered is not None
    assert reason in unanswered


def test_a_server_without_bargein_is_spoken_to_in_the_stock_protocol(calls: dict[str, Done]) -> None:
    assert not calls["stock only"].result.dialogue.bargein
    assert calls["stock only"].result.unanswered is None


def test_a_long_reply_is_heard_to_its_end(calls: dict[str, Done]) -> None:
    """Twice as long as the caller's patience, which only counts while nothing comes and nothing is heard."""
    result = calls["long"].result
    assert result.unanswered is None
    assert result.turns[0].heard_s == pytest.approx(7.0)


def test_both_sides_words_are_told(calls: dict[str, Done]) -> None:
    lines = conversation(calls["answered"].result)
    assert [(line.who, line.text, line.unheard) for line in lines] == [
        ("caller", "scripted words", ""),
        ("agent", "one two", ""),
    ]
    assert lines[0].at_s == pytest.approx(0.2)
    assert lines[1].remark == "completed, 1.0 s heard"


def test_the_place_of_the_cut_is_told(calls: dict[str, Done]) -> None:
    lines = conversation(calls["interrupted"].result)
    assert [line.who for line in lines] == ["caller", "agent", "caller", "agent"]
    assert (lines[1].text, lines[1].unheard) == ("one", "two")
    assert lines[1].remark.startswith("interrupted, ")


def test_a_cough_is_told_for_what_it_was_taken_for(calls: dict[str, Done]) -> None:
    lines = conversation(calls["cough"].result)
    assert [(line.who, line.text) for line in lines] == [
        ("caller", "scripted words"),
        ("agent", "one two"),
        ("caller", ""),
    ]
    assert lines[2].remark == "taken for no interruption: the reply went on"


async def test_what_was_said_so_far_is_shown_while_the_call_lasts(serving: ServerFactory, script: type[Script]) -> None:
    seen: list[list[tuple[str, str, str]]] = []

    def show(result: CallResult) -> None:
        seen.append([(line.who, line.text, line.remark.partition(",")[0]) for line in conversation(result)])

    async with serving(script(first_reply_s=6.0, reply_s=0.5)) as server:
        await call(INTERRUPTION, server.url, show=show)
    assert seen[0] == []  # nobody has spoken yet
    assert [("caller", "", "…")] in seen
    assert [("caller", "scripted words", ""), ("agent", "one two", "not over yet")] in seen
    assert seen[-1][:2] == [("caller", "scripted words", ""), ("agent", "one", "interrupted")]


def test_what_could_not_be_transcribed_says_why(calls: dict[str, Done]) -> None:
    lines = conversation(calls["mute"].result)
    assert (lines[0].text, lines[0].remark) == ("", "not transcribed: As scripted")


def test_the_heard_file_is_silent_where_the_agent_was(calls: dict[str, Done], tmp_path: Path) -> None:
    result = calls["interrupted"].result
    path = tmp_path / "heard.wav"
    write_heard(path, result.caller_audio, result.dialogue.listener.spans, result.agent_audio, result.began_s)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE_HZ)
        sound = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    silent_s = result.turns[1].silent_s
    answered_s = result.turns[1].first_heard_s
    assert silent_s is not None
    assert answered_s is not None
    agent = sound[:, 1]
    assert not agent[int(silent_s * RATE_HZ) + 1 : int(answered_s * RATE_HZ) - 1].any()
    assert agent[int((silent_s - 0.1) * RATE_HZ) : int(silent_s * RATE_HZ) - 1].all()
    assert np.array_equal(sound[: 3 * RATE_HZ, 0], np.frombuffer(INTERRUPTION.audio, np.int16))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "ws://[", "ws://127.0.0.1:port/", "127.0.0.1:8765", "ws://127.0.0.1:1/x#part"]
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConnectError, match="is not a WebSocket address"):
        await call(QUESTION, url)


async def test_nobody_listens() -> None:
    with pytest.raises(ConnectError, match="cannot connect"):
        await call(QUESTION, "ws://127.0.0.1:1/v1/realtime")


def test_longer_pauses_are_drawn_from_the_seed() -> None:
    longer = INTERRUPTION.with_longer_pauses(7)
    assert longer == INTERRUPTION.with_longer_pauses(7)
    assert longer != INTERRUPTION.with_longer_pauses(8)
    assert longer.marks[0] == INTERRUPTION.marks[0]
    samples = np.frombuffer(longer.audio, np.int16)
    onset = int(longer.marks[1].onset_s * RATE_HZ)
    assert not samples[onset - 2000 : onset - 2].any()
    assert samples[onset + 10 : onset + 30].any()


@asynccontextmanager
async def saying(*messages: str | bytes) -> AsyncIterator[str]:
    """A WebSocket server that says this to whoever comes."""

    async def handle(socket: ServerConnection) -> None:
        for message in messages:
            await socket.send(message)
        await socket.wait_closed()

    async with serve(handle, "127.0.0.1", 0, subprotocols=[Subprotocol("bargein.v1")]) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        "[]",
        "7",
        "{}",
        '{"type": "response.output_audio.delta"}',
        '{"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": 7}',
        '{"type": "response.done", "response": null}',
        '{"type": "error", "error": "no"}',
        b"x",
    ],
)
async def test_what_does_not_speak_the_protocol_is_said_in_one_line(message: str | bytes) -> None:
    async with saying(message) as url:
        with pytest.raises(ConnectError, match=f"{url}: .*: 1002 what it sent is no event that can be read") as refused:
            await call(QUESTION, url)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("answer", [b"", b"\xff\x00 garbage\r\n\r\n"])
async def test_who_hangs_up_instead_of_a_handshake_is_told_at_once(answer: bytes) -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectError, match=r"is it a Realtime server|no WebSocket handshake"):
            await call(QUESTION, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime")


@pytest.mark.parametrize("location", ["https://voice.example/v1/realtime", "ws://127.0.0.1:1/", ""])
async def test_nobody_is_sent_elsewhere_with_the_key(location: str) -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to = f"Location: {location}\r\n" if location else ""
        writer.write(f"HTTP/1.1 302 Found\r\n{to}Content-Length: 0\r\n\r\n".encode())
        writer.close()

    said = f"it redirects to '{location}', which is not followed" if location else "refused with HTTP 302: Found"
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectError, match=said):
            await call(QUESTION, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime", key="secret")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"error": {"message": "There is no agent \'a\'.\\nThere are: b."}}',
            r"There is no agent 'a'\. There are: b\.",
        ),
        (b'{"error": "no such model"}', "no such model"),
        (b'{"detail": "x"}', "Bad Request"),
        (b"[[[", "Bad Request"),
        (b"\xff", "Bad Request"),
        (b'{"error": {"message": 7}}', "Bad Request"),
        (b'{"error": {"message": "' + b"x" * 5000 + b'"}}', "x{200}…$"),
        (b"", "Bad Request"),
    ],
)
async def test_a_refusal_is_told_in_the_servers_own_words(body: bytes, said: str) -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectError, match=f"refused with HTTP 400: {said}") as refused:
            await call(QUESTION, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime?agent=a")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("url", ["ws://a..b/v1/realtime", "ws://%zz/", f"ws://{'a' * 64}.example/", "ws://*/"])
async def test_what_can_be_no_host_is_refused(url: str) -> None:
    with pytest.raises(ConnectError, match="is not a WebSocket address"):
        await call(QUESTION, url)


async def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(ConnectError, match="the key holds") as refused:
        await call(QUESTION, "ws://127.0.0.1:1/", key="hunter2\nX-A: b")
    assert "hunter2" not in str(refused.value)


async def test_a_call_is_stopped_before_it_has_come_about() -> None:
    stop = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stop.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectError, match="stopped before a call came about"):
            await call(QUESTION, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime", stop=stop)
