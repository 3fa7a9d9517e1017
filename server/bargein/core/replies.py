"""Making replies: from what was asked for to a response and the request for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.completion import (
    AudioPiece,
    CompletionRequest,
    Finished,
    StreamPiece,
    TranscriptPiece,
    Usage,
)
from bargein.core.config import CorePolicy, ResponseSettings
from bargein.core.context import ContextOverflowError
from bargein.core.events import ResponseRequested
from bargein.core.history import GoesOn, Heard, History
from bargein.core.in_words import step_on
from bargein.core.items import Failure, Item, Message, OutputAudio, Response, StatusReason
from bargein.core.line import Line
from bargein.core.playback import AssumedPosition, Playback, Position, ReportedPosition
from bargein.core.reply import NewId, Reply
from bargein.core.requests import build_request, context_items
from bargein.core.snapshots import response_now
from bargein.core.whole_turns import whole_turns
from bargein.core.words import WordAligner
from bargein.errors import CallerError


class ReplyMaker:
    """Makes the replies of one conversation.

    :param reports: the caller reports play-out (``bargein.v1``).
    :param line: the caller's.
    :param unix_offset_s: what to add to ``now`` for Unix time.
    """

    def __init__(
        self,
        history: History,
        policy: CorePolicy,
        aligner: WordAligner,
        new_id: NewId,
        *,
        conversation_id: str,
        reports: bool,
        unix_offset_s: float,
        line: Line,
    ) -> None:
        self._line = line
        self._history = history
        self._policy = policy
        self._aligner = aligner
        self._new_id = new_id
        self._conversation_id = conversation_id
        self._reports = reports
        self._unix_offset_s = unix_offset_s
        self._count = 0

    def resolve(self, wanted: ResponseRequested) -> ResponseRequested:
        """The same with the items that its ``input`` refers to: they may be deleted before its turn comes.

        :raises CallerError: one does not exist.
        """
        return wanted if wanted.input is None else replace(wanted, input=tuple(context_items(wanted, self._history)))

    def begin(
        self, wanted: ResponseRequested, now: float, out: list[Action], so_far: Mapping[str, Heard]
    ) -> Reply | None:
        """Create the response and ask the model. ``None``: the conversation does not fit, the response has failed.

        :param so_far: what was heard of the reply in progress, for a response beside it.
        """
        items = context_items(wanted, self._history)
        if wanted.input is None:
            items = self._turns(items, self._history.goes_on)
        response = self._response(wanted)
        out.append(actions.ResponseCreated(response_now(response)))
        try:
            request = build_request(
                wanted.settings,
                items,
                self._history,
                self._policy,
                unix_s=now + self._unix_offset_s,
                out_of_band=wanted.out_of_band,
                so_far=so_far,
            )
        except ContextOverflowError:
            response.status, response.usage = "failed", Usage()
            response.failure = Failure(
                "invalid_request_error",
                "context_length_exceeded",
                "The conversation no longer fits the model's context, and truncation is disabled.",
            )
            out.append(actions.ResponseDone(response_now(response)))
            return None
        out.append(actions.StartStream(response.id, request))
        return self._reply_to(wanted, response, request)

    def go_on(
        self, cut: Reply, kept: list[str | bytes] | None, now: float, out: list[Action]
    ) -> tuple[Reply, list[StreamPiece]]:
        """A reply that was cut goes on as another response, with what was not heard of it; where the model was not done
        with it, it is asked to go on behind that.

        :param kept: all of its sound, from its beginning; ``None``: the model is asked for the rest.
        :returns: the reply, and what it says of itself.
        """
        response = Response(self._new_id("resp"), cut.response.settings, self._conversation_id, cut.response.metadata)
        out.append(actions.ResponseCreated(response_now(response)))
        said, whole = ([], False) if kept is None else self._rest_of(cut, kept)
        try:
            request = self._request_to_go_on(cut.response.settings, said, now)
        except ContextOverflowError:
            request, whole = cut.request, True
        reply = self._reply(response, request, out_of_band=False)
        reply.begin_with(said)
        if whole:
            reply.is_paid = True
            said.append(Finished(cut.finish or "stop"))
        else:
            out.append(actions.StartStream(response.id, request))
        return reply, said

    def _rest_of(self, cut: Reply, kept: list[str | bytes]) -> tuple[list[StreamPiece], bool]:
        """What was not heard of a reply, as pieces, and whether that is all that it was to say."""
        audio, whole = cut.audio, cut.finish is not None
        heard = None if cut.message is None else self._history.heard.get(cut.message.id)
        if audio is None or heard is None:
            return [], False
        # Words run ahead of the sound: those whose sound never came are not said.
        end = len(audio.transcript) if whole else self._aligner.heard_characters(audio, audio.sample_count)
        words = audio.transcript[len(heard.text) : end].lstrip()
        sound = replace(audio, pieces=kept).stretch(heard.samples, audio.sample_count)
        said: list[StreamPiece] = [TranscriptPiece(words)] if words and sound else []
        said.extend(AudioPiece(piece, audio.samples_of(piece)) for piece in sound)
        return said, whole and bool(sound)

    def _request_to_go_on(self, settings: ResponseSettings, said: list[StreamPiece], now: float) -> CompletionRequest:
        items = self._turns(context_items(ResponseRequested(settings), self._history), self._history.goes_on)
        request = build_request(settings, items, self._history, self._policy, unix_s=now + self._unix_offset_s)
        return request.going_on_after("".join(piece.text for piece in said if isinstance(piece, TranscriptPiece)))

    def ask_ahead(
        self, wanted: ResponseRequested, item: Message, goes_on: GoesOn | None, now: float
    ) -> tuple[str, CompletionRequest] | None:
        """What the model would be asked if ``item`` was the conversation's last, and the id of that response. ``None``:
        the conversation does not fit.
        """
        links = self._history.goes_on if goes_on is None else {**self._history.goes_on, item.id: goes_on}
        items = self._turns([*context_items(wanted, self._history), item], links)
        unix_s = now + self._unix_offset_s
        try:
            request = build_request(wanted.settings, items, self._history, self._policy, unix_s=unix_s)
        except ContextOverflowError:
            return None
        return self._new_id("resp"), request

    def _turns(self, items: Iterable[Item], goes_on: Mapping[str, GoesOn]) -> Sequence[Item]:
        """The conversation as the model is told it: whole turns, of which the old ones may be told by their words."""
        turns = whole_turns(items, goes_on, self._policy.input_limit_ms)
        if self._policy.history_sound_turns:
            step_on(turns, self._history.in_words, self._policy.history_sound_turns)
        return turns

    def take_up(
        self, wanted: ResponseRequested, response_id: str, request: CompletionRequest, out: list[Action]
    ) -> Reply:
        """Create the response that the model was asked for ahead."""
        response = self._response(wanted, response_id)
        out.append(actions.ResponseCreated(response_now(response)))
        return self._reply_to(wanted, response, request)

    def _reply_to(self, wanted: ResponseRequested, response: Response, request: CompletionRequest) -> Reply:
        reply = self._reply(response, request, out_of_band=wanted.out_of_band)
        if not wanted.out_of_band and wanted.input is None:
            reply.follows = self._history.last_id
        return reply

    def _reply(self, response: Response, request: CompletionRequest, *, out_of_band: bool) -> Reply:
        self._count += 1
        return Reply(
            response,
            request,
            self._count,
            new_id=self._new_id,
            history=None if out_of_band else self._history,
            make_timeline=self._aligner.timeline,
            make_playback=self._unpaced if out_of_band else self._paced,
            make_places=None if out_of_band or not self._policy.paces_transcripts else self._aligner.follow,
        )

    def refuse(self, wanted: ResponseRequested, reason: StatusReason, out: list[Action]) -> None:
        """A response that was asked for never begins: its caller must not wait for it."""
        response = self._response(wanted)
        out.append(actions.ResponseCreated(response_now(response)))
        response.status, response.reason, response.usage = "cancelled", reason, Usage(estimated=True)
        out.append(actions.ResponseDone(response_now(response)))

    def _response(self, wanted: ResponseRequested, response_id: str | None = None) -> Response:
        conversation_id = None if wanted.out_of_band else self._conversation_id
        return Response(response_id or self._new_id("resp"), wanted.settings, conversation_id, wanted.metadata)

    def _paced(self, audio: OutputAudio) -> Playback:
        fmt = audio.format
        policy, line = self._policy, self._line
        position: Position = AssumedPosition(fmt.rate_hz)
        if self._reports:
            position = ReportedPosition(fmt.rate_hz, policy.report_interval_ms / 1000, lambda: line.came_at)
        lead_ms = policy.lead_ms

        def lead_now() -> int:
            return fmt.samples_in_ms(policy.lead_on(line.jitter_s) or 0)

        follows = lead_ms is not None and policy.least_lead_ms is not None and not self._reports
        return Playback(
            audio,
            position,
            lead_samples=None if lead_ms is None else fmt.samples_in_ms(lead_ms),
            slice_samples=fmt.samples_in_ms(policy.slice_ms),
            lead_of=lead_now if follows else None,
        )

    def _unpaced(self, audio: OutputAudio) -> Playback:
        slice_samples = audio.format.samples_in_ms(self._policy.slice_ms)
        position = AssumedPosition(audio.format.rate_hz)
        return Playback(audio, position, lead_samples=None, slice_samples=slice_samples, keeps_sent=False)


class OutOfBand:
    """Responses beside the conversation: unpaced, without a floor, never interrupted."""

    def __init__(self) -> None:
        self._replies: dict[str, Reply] = {}

    def __contains__(self, response_id: object) -> bool:
        return response_id in self._replies

    def check(self, limit: int) -> None:
        """:raises CallerError: ``limit`` are in progress."""
        if len(self._replies) >= limit:
            raise CallerError(
                f"There are {limit} responses out of band in progress already. Wait until one of them is done.",
                code="rate_limit_exceeded",
            )

    def add(self, reply: Reply) -> None:
        self._replies[reply.id] = reply

    def progress(self, response_id: str, piece: StreamPiece, now: float, out: list[Action]) -> None:
        reply = self._replies[response_id]
        reply.take(piece, out)
        reply.send(now, out)
        if not reply.stream_open:
            del self._replies[response_id]
            reply.close(*reply.outcome(), out)

    def fail(self, response_id: str, failure: Failure, out: list[Action], *, processed: bool) -> None:
        reply = self._replies.pop(response_id)
        reply.response.failure = failure
        reply.processed = processed
        reply.close("failed", None, out)

    def cancel(self, response_id: str, out: list[Action]) -> None:
        reply = self._replies.pop(response_id)
        out.append(actions.CancelStream(reply.id))
        reply.close("cancelled", "client_cancelled", out)

    def cancel_all(self, out: list[Action]) -> None:
        for response_id in list(self._replies):
            self.cancel(response_id, out)
