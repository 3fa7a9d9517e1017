"""What callers do with items, and recognisers with what was said: additions, cuts, deletions, transcripts."""

from __future__ import annotations

from typing import assert_never

from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.agent import Agent
from bargein.core.caller import Caller
from bargein.core.config import CorePolicy
from bargein.core.cutting import Cutter
from bargein.core.history import History, id_taken
from bargein.core.idling import IdleTimeout
from bargein.core.items import FunctionCall, FunctionCallOutput, InputAudio, InputImage, Item, Message
from bargein.core.reply import NewId
from bargein.core.snapshots import item_now
from bargein.errors import CallerError

ItemEvent = (
    events.ItemCreateRequested
    | events.ItemRetrieveRequested
    | events.ItemTruncateRequested
    | events.ItemDeleteRequested
    | events.TranscriptionProgressed
    | events.TranscriptionCompleted
    | events.TranscriptionFailed
)


class ItemEvents:
    """Deals with the events that are about one item of the conversation."""

    def __init__(
        self,
        history: History,
        policy: CorePolicy,
        caller: Caller,
        agent: Agent,
        cutter: Cutter,
        idle: IdleTimeout,
        new_id: NewId,
    ) -> None:
        self._history = history
        self._caller = caller
        self._policy = policy
        self._agent = agent
        self._cutter = cutter
        self._idle = idle
        self._new_id = new_id

    def handle(
        self,
        event: ItemEvent,
        now: float,
        out: list[Action],
    ) -> None:
        """Take one event: see :meth:`bargein.core.conversation.Conversation.handle`.

        :raises CallerError: the caller asked for something impossible; nothing has changed.
        """
        match event:
            case events.ItemCreateRequested(given, previous_item_id, makes_room):
                # conversation.item.create.
                self._create(item_now(given), previous_item_id, now, out, makes_room=makes_room)
            case events.ItemRetrieveRequested(item_id):
                # conversation.item.retrieve.
                out.append(
                    actions.ItemRetrieved(item_now(self._agent.playout.as_told(self._history.retrieve(item_id))))
                )
            case events.ItemTruncateRequested(item_id, content_index, audio_end_ms):
                # conversation.item.truncate; for the reason, guides/realtime-conversations.
                self._truncate(item_id, content_index, audio_end_ms, now)
                out.append(actions.ItemTruncated(item_id, content_index, audio_end_ms))
            case events.ItemDeleteRequested(item_id):
                # conversation.item.delete.
                was_call = isinstance(self._history.get(item_id), FunctionCall)
                self._history.delete(item_id)
                self._agent.withdraw(item_id)
                if was_call:
                    self._idle.tool_ended(now)
                out.append(actions.ItemDeleted(item_id))
            case events.TranscriptionProgressed(item_id, delta):
                # conversation.item.input_audio_transcription.delta.
                if self._is_there(item_id):
                    out.append(actions.TranscriptionDelta(item_id, delta))
            case events.TranscriptionCompleted(item_id, transcript, seconds, logprobs, told):
                # conversation.item.input_audio_transcription.completed.
                self._write_down(item_id, transcript, told=told)
                if told and self._is_there(item_id):
                    out.append(actions.TranscriptionDone(item_id, transcript, seconds, logprobs))
            case events.TranscriptionFailed(item_id, failure, told):
                # conversation.item.input_audio_transcription.failed.
                if told and self._is_there(item_id):
                    out.append(actions.TranscriptionFailure(item_id, failure))
            case _:
                assert_never(event)

    def _create(
        self, item: Item, previous_item_id: str | None, now: float, out: list[Action], *, makes_room: bool
    ) -> None:
        """Take an item of the caller's; it lives on in the history, and changes there."""
        if isinstance(item, FunctionCallOutput) and self._history.call(item.call_id) is None:
            raise CallerError(
                f"Tool call ID '{item.call_id}' not found in conversation.",
                code="invalid_tool_call_id",
                param="item.call_id",
            )
        if not item.id:
            item.id = self._new_id("item")
        elif item.id == self._caller.announced_id:
            raise id_taken(item.id)
        limit_characters = self._policy.max_request_bytes
        previous = self._history.insert(
            item, previous_item_id, limit_characters=limit_characters, makes_room=makes_room
        )
        if isinstance(item, Message) and any(isinstance(part, InputAudio | InputImage) for part in item.parts):
            self._history.forget_sound(self._policy.history_audio_limit_bytes)
        if isinstance(item, Message) and item.role != "assistant":
            self._idle.caller_sent(now)
        elif isinstance(item, FunctionCallOutput):
            self._idle.tool_ended(now)
        out.append(actions.ItemCreated(item_now(item), previous))

    def _truncate(self, item_id: str, content_index: int, audio_end_ms: int, now: float) -> None:
        """The caller says how much it played. The smaller of its number and ours counts; the reply goes on."""
        message, audio = self._history.spoken(item_id, content_index)
        ours = self._agent.playout.heard_now(item_id, now)
        if ours is None:
            ours = audio.sample_count
        # Callers' numbers have no bound: compared as they are, before any arithmetic.
        samples = ours if audio_end_ms > audio.format.ms_of(ours) else audio.format.samples_in_ms(audio_end_ms)
        if samples < audio.sample_count or message.status != "completed":
            self._cutter.cut_at(item_id, audio, samples)

    def _is_there(self, item_id: str) -> bool:
        """A caller who has deleted a turn is told nothing more of it: the Agents SDKs ask for the item of every
        transcription, and take it for an error that there is none.
        """
        return self._history.get(item_id) is not None

    def _write_down(self, item_id: str, transcript: str, *, told: bool) -> None:
        item = self._history.get(item_id)
        if isinstance(item, Message):
            for part in item.parts:
                if isinstance(part, InputAudio):
                    part.transcript, part.told = transcript, told
