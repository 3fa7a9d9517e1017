"""One turn over HTTP: the request is read, the model is asked, and its reply is the answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, Protocol

import orjson
import structlog
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from bargein.core.audio import PCM16_24K
from bargein.core.completion import FinishReason, StreamPiece, Usage
from bargein.core.usage import counted
from bargein.errors import CallerError, UpstreamError, UpstreamMalformed
from bargein.gateway.gateway import Gateway
from bargein.gateway.handshake import joined_headers, presented_key
from bargein.gateway.http.answers import Refused
from bargein.gateway.http.bodies import Bodies
from bargein.gateway.push_to_talk.policy import Asked, ChatPolicy, admit
from bargein.gateway.refusal import Refusal
from bargein.loop.clock import steady_s, unix_s
from bargein.metrics import Metrics
from bargein.metrics.metrics import ResponseStatus as Outcome
from bargein.money import Entry
from bargein.money.books import Held, Worst
from bargein.session.streams import may_have_worked
from bargein.session.work_observer import kind_of, tell_cap_comes_near
from bargein.upstream import Drop, EncodedAudio, PlainRequest, to_answer
from bargein.wire.chat import ChatRequest, ChunkWriter, WholeAnswer, error_event, parse_chat, parse_json, take_out
from bargein.wire.errors import BUDGET_EXCEEDED

MAX_TEXT_BYTES: Final = 1_048_576
"""Of a body without its sound: what is larger is not read as JSON."""
INLINE_BYTES: Final = 65_536
"""A larger body is read in a thread, so that the callers who are spoken to do not wait for it."""
INLINE_SAMPLES: Final = 20 * PCM16_24K.rate_hz
"""Longer sound is put together in a thread, for the same reason."""
MAX_WHOLE_S: Final = 600
"""Of sound in one answer: a model that goes on for longer will not end."""
_STATUS: Final = {"request_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
SSE_HEADERS: Final = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}

_Piece = StreamPiece | EncodedAudio

_log: Final = structlog.get_logger(__name__)


class Completions(Protocol):
    """What asks the model: :class:`bargein.upstream.ChatCompletions`."""

    def stream_plain(
        self, request: PlainRequest, *, on_begun: Callable[[Drop], None] | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamPiece | EncodedAudio]]: ...


@dataclass(frozen=True, slots=True)
class PushToTalk:
    """What all turns over HTTP share."""

    gateway: Gateway
    completions: Completions
    bodies: Bodies
    policy: ChatPolicy
    max_bytes: int
    address_of: Callable[[Request], str]


@dataclass(slots=True)
class _Turn:
    """What is known of one turn for the log and the metrics."""

    address: str
    payer: str
    """On whose account it is."""
    held: Held
    chat: ChatRequest
    asked: Asked
    began_s: float = field(default_factory=steady_s)
    request_id: str = field(default_factory=lambda: f"req_{secrets.token_hex(12)}")
    reply: WholeAnswer | ChunkWriter | None = None
    drop: Drop | None = None
    left: bool = False
    """Its caller has."""


class Exchange:
    """An ASGI application that answers one request, and drops the model's connection when its caller hangs up."""

    def __init__(self, shared: PushToTalk) -> None:
        self._shared = shared
        self._metrics: Metrics = shared.gateway.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer.

        :raises Refused: the request is not honoured; nothing has been sent.
        """
        request = Request(scope, receive)
        shared = self._shared
        address = shared.address_of(request)
        if (refusal := shared.gateway.check_turn(address)) is not None:
            raise Refused(refusal)
        async with AsyncExitStack() as held:
            body = await held.enter_async_context(shared.bodies.read(request, shared.max_bytes))
            # Not before: a body that does not end would keep others out.
            if (refusal := shared.gateway.begin_turn(address)) is not None:
                raise Refused(refusal)
            try:
                named = request.path_params.get("deployment")
                chat, asked = await self._read(body, named)
                del body
                payer = shared.gateway.keyring.payer(presented_key(joined_headers(request.headers.raw)))
                held_dollars = self._hold(payer, asked)
                turn = _Turn(address, payer, held_dollars, chat, _bounded(asked, held_dollars))
                await self._watched(turn, receive, send, held)
            finally:
                shared.gateway.end_turn(address)

    async def _read(self, body: bytes, named: str | None) -> tuple[ChatRequest, Asked]:
        try:
            if len(body) <= INLINE_BYTES:
                return _read(body, named, self._shared.policy)
            return await asyncio.to_thread(_read, body, named, self._shared.policy)
        except CallerError as error:
            status = _STATUS.get(error.code or "", HTTPStatus.BAD_REQUEST)
            raise Refused(Refusal(status, error.message, error.code, error.param)) from None

    def _hold(self, payer: str, asked: Asked) -> Held:
        """:raises Refused: a cap is full."""
        request = asked.request
        usage = asked.usage(characters=0, samples=0, rate_hz=PCM16_24K.rate_hz)
        worst = Worst(request.model, usage, request.audio, request.options["max_completion_tokens"])
        held = self._shared.gateway.books.hold(payer, worst)
        if isinstance(held, Held):
            return held
        self._metrics.budget_refusals[held.scope].inc()
        raise Refused(_over_budget(held.message, held.retry_after_s))

    async def _watched(self, turn: _Turn, receive: Receive, send: Send, held: AsyncExitStack) -> None:
        """Answer for as long as the caller is there."""
        answering = asyncio.create_task(self._answer(turn, send, held))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                turn.left = True
                if turn.drop is not None:
                    turn.drop()
        finally:
            leaving.cancel()
            answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering

    async def _answer(self, turn: _Turn, send: Send, held: AsyncExitStack) -> None:
        outcome: Outcome = "cancelled"
        failure: UpstreamError | None = None
        self._metrics.upstream_streams.inc()
        self._metrics.upstream_streams_open.inc()
        out = _Out(send, turn.request_id)

        def begun(drop: Drop) -> None:
            turn.drop = drop

        try:
            async with self._shared.completions.stream_plain(turn.asked.request, on_begun=begun) as pieces:
                first = await anext(pieces)
                self._metrics.upstream_first_piece_s.observe(steady_s() - turn.began_s)
                # The request has been sent: its room is somebody else's.
                await held.aclose()
                answer = _stream if turn.chat.stream else _whole
                outcome = await answer(turn, first, pieces, out)
        except UpstreamError as error:
            if not turn.left:
                outcome, failure = "failed", error
                self._metrics.upstream_errors[kind_of(error)].inc()
                await out.fail(error)
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._metrics.upstream_streams_open.dec()
            self._note(turn, outcome, failure)
            failure = None  # It knows this frame by its traceback: a circle.

    def _note(self, turn: _Turn, outcome: Outcome, failure: UpstreamError | None) -> None:
        """Count what was used and log one line, however it ended."""
        metrics, asked = self._metrics, turn.asked
        usage = _used(turn, failure)
        metrics.completions[outcome].inc()
        metrics.count_tokens(usage or Usage())
        cost = self._pay(turn, usage)
        log = _log.warning if failure is not None else _log.info
        why = {} if failure is None else {"kind": kind_of(failure), "code": failure.code, "error": failure.message}
        log(
            "completion failed" if failure is not None else "completion done",
            request_id=turn.request_id,
            address=turn.address,
            outcome=outcome,
            model=asked.request.model,
            audio=asked.request.audio,
            stream=turn.chat.stream,
            duration_s=round(steady_s() - turn.began_s, 3),
            **{f"{kind}_tokens": count for kind, count in (usage or Usage()).by_kind().items()},
            estimated=usage is not None and usage.estimated,
            **({} if cost is None else {"cost_dollars": round(cost, 6)}),
            **_spoken(turn),
            **why,
        )

    def _pay(self, turn: _Turn, usage: Usage | None) -> float | None:
        """Write down what a turn has used. Returns what it has cost, in dollars, where that is known."""
        books, model = self._shared.gateway.books, turn.asked.request.model
        if usage is None:
            books.let_go(turn.held)
            return None
        price = books.prices.of_model(model)
        dollars = None if price is None else price.of(usage)
        if dollars is None:
            self._metrics.unpriced.labels(books.label(model)).inc()
        else:
            self._metrics.cost_dollars.labels(books.label(model)).inc(dollars)
        books.add(turn.payer, Entry(model, dollars, usage), turn.held)
        for standing in books.standings(turn.payer):
            if books.first_warning(turn.payer, standing):
                tell_cap_comes_near(self._metrics, _log, standing, turn.payer)
        return dollars


class _Out:
    """What the answer is written to."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._headers = {"x-request-id": request_id}
        self._begun = False

    async def begin(self, status: int, headers: dict[str, str]) -> None:
        self._begun = True
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in (self._headers | headers).items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(self, status: int, headers: dict[str, str], data: bytes) -> None:
        await self.begin(status, headers | {"content-length": str(len(data))})
        await self.finish(data)

    async def fail(self, error: UpstreamError) -> None:
        """Tell of a failure: by the status, or by the stream's last event where that is out already."""
        if self._begun:
            await self.finish(error_event(error.message, error.type, error.code, error.param))
        else:
            status, headers, content = to_answer(error)
            await self.whole(status, headers, content)


def _bounded(asked: Asked, held: Held) -> Asked:
    """The request with an answer that is no longer than may be paid for."""
    if held.max_tokens is None:
        return asked
    request = asked.request
    return replace(
        asked, request=replace(request, options={**request.options, "max_completion_tokens": held.max_tokens})
    )


def _over_budget(message: str, retry_after_s: int | None) -> Refusal:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        message,
        BUDGET_EXCEEDED,
        type="insufficient_quota",
        reason="rate",
        headers=headers,
    )


def _read(body: bytes, named: str | None, policy: ChatPolicy) -> tuple[ChatRequest, Asked]:
    sounds = take_out(body)
    if len(sounds.body) > MAX_TEXT_BYTES:
        raise CallerError(
            f"The request may have {MAX_TEXT_BYTES} bytes beside its sound.", code="request_too_large", param=None
        )
    chat = parse_chat(parse_json(sounds.body))
    return chat, admit(chat, sounds, policy, named)


async def _stream(turn: _Turn, first: _Piece, rest: AsyncIterator[_Piece], out: _Out) -> Outcome:
    chat = turn.chat
    writer = turn.reply = ChunkWriter(turn.asked.request.model, int(unix_s()), include_usage=chat.include_usage)
    await out.begin(HTTPStatus.OK, SSE_HEADERS)
    await out.write(writer.begin())
    piece: _Piece | None = first
    while piece is not None:
        # Encoded sound comes in answers of one piece only.
        if not isinstance(piece, EncodedAudio) and (events := writer.write(piece)):
            await out.write(events)
        piece = await anext(rest, None)
    await out.finish(writer.end(_usage(turn, writer), int(unix_s())))
    return _outcome(writer.reply.reason)


async def _whole(turn: _Turn, first: _Piece, rest: AsyncIterator[_Piece], out: _Out) -> Outcome:
    answer = turn.reply = WholeAnswer(turn.asked.request.model, int(unix_s()), turn.chat.audio_format)
    piece: _Piece | None = first
    while piece is not None:
        if isinstance(piece, EncodedAudio):
            answer.add_encoded(piece.data)
        else:
            answer.add(piece)
        if answer.reply.samples > MAX_WHOLE_S * PCM16_24K.rate_hz:
            raise UpstreamMalformed("The model did not come to an end.", code="answer_too_long")
        piece = await anext(rest, None)
    usage, now_unix_s = _usage(turn, answer), int(unix_s())
    if answer.reply.samples > INLINE_SAMPLES:
        content = await asyncio.to_thread(lambda: orjson.dumps(answer.as_json(usage, now_unix_s)))
    else:
        content = orjson.dumps(answer.as_json(usage, now_unix_s))
    await out.whole(HTTPStatus.OK, {"content-type": "application/json"}, content)
    return _outcome(answer.reply.reason)


def _spoken(turn: _Turn) -> dict[str, object]:
    """How much sound there was, where some was wanted; without any, a call of a tool may be why."""
    if turn.reply is None or not turn.asked.request.audio:
        return {}
    return {"audio_s": round(turn.reply.reply.samples / PCM16_24K.rate_hz, 3)}


def _used(turn: _Turn, failure: UpstreamError | None) -> Usage | None:
    """What a turn has used, however it ended; ``None``: the model has refused its question, or was never sent it."""
    if turn.reply is not None:
        return _usage(turn, turn.reply)
    if turn.drop is None or not (failure is None or may_have_worked(failure)):
        return None
    # Its caller has left, or no answer began in time: the question is billed all the same.
    return turn.asked.usage(characters=0, samples=0, rate_hz=PCM16_24K.rate_hz)


def _usage(turn: _Turn, answer: WholeAnswer | ChunkWriter) -> Usage:
    """The model's own count, else an estimate of what there is by now."""
    reply = answer.reply
    guess = turn.asked.usage(characters=reply.characters, samples=reply.samples, rate_hz=PCM16_24K.rate_hz)
    return counted(reply.usage, guess.output_audio_ms, lambda: guess)


def _outcome(reason: FinishReason | None) -> Outcome:
    return "incomplete" if reason in {"length", "content_filter"} else "completed"


async def _gone(receive: Receive) -> None:
    """Return when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
