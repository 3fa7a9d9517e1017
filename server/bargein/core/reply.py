"""One response while it lasts: what arrived from the model, what of it was told, what is still open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bargein.core import actions
from bargein.core.actions import Action
from bargein.core.completion import (
    AudioPiece,
    AudioReference,
    CompletionRequest,
    Finished,
    FinishReason,
    StreamPiece,
    TextPiece,
    ToolCallPiece,
    TranscriptPiece,
    Usage,
    is_whole,
)
from bargein.core.history import Heard, History, as_heard
from bargein.core.items import (
    NO_SOUND,
    NOTHING_SAID,
    FunctionCall,
    Item,
    Message,
    OutputAudio,
    OutputText,
    Response,
    ResponseStatus,
    Status,
    StatusReason,
)
from bargein.core.playback import Playback
from bargein.core.snapshots import output_now, response_alone, response_now
from bargein.core.usage import counted, estimate, said_in
from bargein.core.words import Timeline, WordPlaces

NewId = Callable[[str], str]
"""From a prefix such as ``"item"`` to an id that is used nowhere else in the session."""

STATUS_OF_FINISH: dict[FinishReason, tuple[ResponseStatus, StatusReason | None]] = {
    "stop": ("completed", None),
    "tool_calls": ("completed", None),
    "length": ("incomplete", "max_output_tokens"),
    "content_filter": ("incomplete", "content_filter"),
}


class Reply:
    """Turns the pieces of one stream into output items, in the order in which they began.

    :param history: where its items are entered; ``None`` for a response out of band.
    :param number: the reply's number in binary messages.
    :param make_timeline: keeps its transcript: of a rate in Hz.
    :param make_places: keeps the words in step with the sound; without it they are told as they come.
    """

    def __init__(
        self,
        response: Response,
        request: CompletionRequest,
        number: int,
        *,
        new_id: NewId,
        history: History | None,
        make_timeline: Callable[[int], Timeline],
        make_playback: Callable[[OutputAudio], Playback],
        make_places: Callable[[OutputAudio], WordPlaces] | None,
    ) -> None:
        self.response = response
        self.number = number
        self.stream_open = True
        self.finish: FinishReason | None = None
        self.message: Message | None = None
        self.playback: Playback | None = None
        self.paused = False
        """The model's stream is not being read: enough is kept."""
        self.processed = True
        """The model has worked on the request, as far as is known."""
        self.follows: str | None = None
        """The last item of the conversation that it is about; ``None`` where it is about something else."""
        self.began_at: float | None = None
        """When the first of its sound was sent, in seconds."""
        self.takes_up = False
        """It begins with what was left of another: no name of the model's stands for all of its sound."""
        self.silent = False
        """The model was asked to speak, twice, and has not."""
        self.is_paid = False
        """All of it was made for another reply: the model is not asked, and counts nothing."""
        self.request = request
        self._new_id = new_id
        self._history = history
        self._behind_id = None if history is None else history.last_id
        """Its items go behind this one, whatever else enters the conversation before they come."""
        self._make_timeline = make_timeline
        self._make_playback = make_playback
        self._make_places = make_places
        self._places: WordPlaces | None = None
        self._told_characters = 0
        """Of the transcript."""
        self._message_index = 0
        self._calls: dict[int, tuple[int, FunctionCall]] = {}
        self._open_calls: set[int] = set()
        self._previous_ids: dict[str, str | None] = {}
        self._received_characters = 0
        self._other_samples = 0
        """Of sound that was made and is told nobody; less than 0: of what it begins with, and was counted before."""
        self._reference: AudioReference | None = None
        self._words: list[str] = []
        """Of a reply that should be spoken, before its first sound: a reply of words alone is asked for again."""
        self._words_before: list[str] = []
        self._charged: Usage | None = None
        self._spent: Usage | None = None
        """By the first request, where the model was asked again."""

    def __repr__(self) -> str:
        """``<Reply resp_1 speaking, sent 400 of 3000 ms>``."""
        doing: str = self.response.status
        if doing == "in_progress":
            doing = "thinking" if self.playback is None else "speaking"
        sound = "" if self.playback is None else f", {self.playback.progress}"
        return f"<Reply {self.id} {doing}{sound}{'' if self.stream_open else ', stream ended'}>"

    @property
    def id(self) -> str:
        return self.response.id

    @property
    def backlog_samples(self) -> int:
        return 0 if self.playback is None else self.playback.backlog_samples

    @property
    def sent_samples(self) -> int:
        return 0 if self.playback is None else self.playback.sent_samples

    @property
    def audio(self) -> OutputAudio | None:
        return None if self.playback is None else self.playback.audio

    def charge(self, usage: Usage | None) -> None:
        """What was thrown away before it, if anything was, counts as its own."""
        self._charged = usage

    def count_untold(self, piece: StreamPiece) -> None:
        """A piece of its stream is held back: it was made all the same, whether anybody is told of it or not."""
        self._count(piece, 1)
        if isinstance(piece, Usage):
            self.response.usage = piece

    def told_after_all(self, pieces: Sequence[StreamPiece]) -> Sequence[StreamPiece]:
        """The same pieces, to be taken now: they are counted as any other."""
        for piece in pieces:
            self._count(piece, -1)
        return pieces

    def begin_with(self, pieces: Sequence[StreamPiece]) -> None:
        """Before it takes what was left of another reply, for which that was counted."""
        self.takes_up = bool(self.told_after_all(pieces))

    def _count(self, piece: StreamPiece, sign: int) -> None:
        characters, samples = said_in(piece)
        self._received_characters += sign * characters
        self._other_samples += sign * samples

    def speaks_in(self, item_id: str) -> bool:
        """Whether this is the item of its sound, or of its text."""
        return self.message is not None and self.message.id == item_id

    def take(self, piece: StreamPiece, out: list[Action]) -> None:
        """Take one piece of the stream. Sound, and the words that go with it, are kept for :meth:`send`; everything
        else is told at once.
        """
        match piece:
            case AudioPiece(audio, sample_count):
                self._tell_kept_words(out)
                self._speak(out).add(audio, sample_count)
            case TranscriptPiece(text) | TextPiece(text):
                # A model asked to speak sometimes answers in plain text; others write the transcript there.
                if not self.response.settings.audio:
                    self._tell_text(text, out)
                elif self.audio is None:
                    self._words.append(text)
                    self._received_characters += len(text)
                else:
                    self._received_characters += len(text)
                    self._tell_transcript(text, out)
            case ToolCallPiece():
                self._tell_kept_words(out)
                self._tell_call(piece, out)
            case AudioReference():
                self._reference = piece
            case Usage():
                self.response.usage = piece
            case Finished(reason):
                if self._lacks_sound(reason):
                    if self._spent is None:
                        self._ask_again(out)
                        return
                    self.silent = True
                    self._words = self._words or self._words_before
                self._tell_kept_words(out)
                self.stream_open = False
                self.finish = reason
                self._close_calls(out, "completed", cut_off=STATUS_OF_FINISH[reason][0] == "incomplete")
                if self.audio is not None:
                    self.audio.finished = True

    def send(self, now: float, out: list[Action]) -> None:
        """Tell the caller all sound that is due, each word ahead of the slice in which it is spoken."""
        if self.playback is None or self.message is None:
            return
        places = self._places
        if places is not None:
            self._tell_words(places.characters_by(self.playback.sent_samples), out)
        while (due := self.playback.take(now)) is not None:
            start, count, audio = due
            if start == 0:
                self.began_at = now
                out.append(actions.ReplyNumbered(self.id, self.message.id, self.number))
            if places is not None:
                self._tell_words(places.characters_by(start + count), out)
            out.append(
                actions.AudioSent(self.id, self.message.id, self._message_index, self.number, start, count, audio)
            )

    def outcome(self) -> tuple[ResponseStatus, StatusReason | None]:
        """How a reply ends whose stream has."""
        if self.silent:
            written = self.audio is not None and self.audio.transcript
            self.response.failure = NO_SOUND if written else NOTHING_SAID
            return "incomplete", None
        return STATUS_OF_FINISH[self.finish or "stop"]

    @property
    def told(self) -> Heard | None:
        """What was sent of its sound, with the words that were told; ``None`` if it has none."""
        audio = self.audio
        return None if audio is None else Heard(self.sent_samples, audio.transcript[: self._told_characters])

    def close(
        self, status: ResponseStatus, reason: StatusReason | None, out: list[Action], heard: Heard | None = None
    ) -> None:
        """Close what is open, in the protocol's order, and the response with it.

        :param heard: what of its sound was heard, or will be, if that is not all.
        """
        self.stream_open = False
        item_status: Status = "completed" if status == "completed" else "incomplete"
        self._close_calls(out, item_status)
        if self.message is not None:
            self.message.status = item_status
            named = status == "completed" and not self.takes_up
            if self.audio is not None and named and self._reference is not None:
                self.audio.audio_id = self._reference.audio_id
                self.audio.audio_expires_at = self._reference.expires_at
            self._item_done(self._message_index, self._message_as_told(self.message, heard, out), out)
        self.response.status = status
        self.response.reason = reason
        self.response.usage = self._counted_usage()
        if self._spent is not None:
            self.response.usage += self._spent
        if self._charged is not None:
            self.response.usage += self._charged
        out.append(actions.ResponseDone(response_now(self.response)))

    def _message_as_told(self, message: Message, heard: Heard | None, out: list[Action]) -> Message:
        """The message as the caller is told of it at last. The history's stays whole."""
        audio = self.audio
        if audio is None:
            return message
        self._tell_words(audio.timeline.length if heard is None else len(heard.text), out)
        if heard is None:
            if self._places is not None and message.status == "completed":
                self._places.ended()
            return message
        shown = as_heard(message, heard)
        self.response.output[self._message_index] = shown
        return shown

    def _counted_usage(self) -> Usage:
        if self.is_paid:
            return Usage()
        return counted(self.response.usage, self._made_ms, self._estimated_usage)

    @property
    def _made_ms(self) -> int:
        told_samples = 0 if self.audio is None else self.audio.sample_count
        return self.response.settings.output_format.ms_of(told_samples + self._other_samples)

    def _estimated_usage(self) -> Usage:
        made_ms = self._made_ms
        if not self.processed and not made_ms and not self._received_characters:
            return Usage(estimated=True)
        return estimate(self.request, reply_characters=self._received_characters, reply_ms=made_ms)

    def _speak(self, out: list[Action]) -> Playback:
        if self.playback is None:
            fmt = self.response.settings.output_format
            audio = OutputAudio(fmt, self._make_timeline(fmt.rate_hz))
            self.playback = self._make_playback(audio)
            self._places = None if self._make_places is None else self._make_places(audio)
            self._begin_message(audio, out)
        return self.playback

    def _tell_transcript(self, text: str, out: list[Action]) -> None:
        audio = self._speak(out).audio
        if self._places is not None:
            self._places.add(text)
        else:
            audio.timeline.add(text, audio.sample_count)
            self._tell_words(audio.timeline.length, out)

    def _tell_words(self, characters: int, out: list[Action]) -> None:
        """Tell the transcript up to there."""
        if characters > self._told_characters and self.audio is not None and self.message is not None:
            delta = self.audio.transcript[self._told_characters : characters]
            self._told_characters = characters
            out.append(actions.TranscriptSent(self.id, self.message.id, self._message_index, delta))

    def _lacks_sound(self, reason: FinishReason) -> bool:
        """Whether a stream that ends so has answered a question that should be answered aloud without a sound."""
        wanted = self.response.settings.audio and reason == "stop"
        return wanted and not self._calls and (self.audio is None or self.audio.sample_count == 0)

    def _ask_again(self, out: list[Action]) -> None:
        """Ask once more, before anything of the reply was told, and remind the model that it is to speak."""
        self._spent = self._counted_usage()
        self.response.usage = None
        self._reference = None
        self._words_before, self._words = self._words, []
        self._received_characters = 0
        self.request = self.request.asking_for_sound()
        out.append(actions.StartStream(self.id, self.request, again=True))

    def _tell_kept_words(self, out: list[Action]) -> None:
        words, self._words = self._words, []
        for text in words:
            self._tell_transcript(text, out)

    def _tell_text(self, text: str, out: list[Action]) -> None:
        if self.message is None:
            self._begin_message(OutputText(""), out)
        self._received_characters += len(text)
        if self.message is not None:
            for part in self.message.parts:
                if isinstance(part, OutputText):
                    part.text += text
            out.append(actions.TextSent(self.id, self.message.id, self._message_index, text))

    def _begin_message(self, part: OutputAudio | OutputText, out: list[Action]) -> None:
        self.message = Message(self._new_id("item"), "assistant", [part], "in_progress")
        self._message_index = self._begin_item(self.message, out)

    def _tell_call(self, piece: ToolCallPiece, out: list[Action]) -> None:
        if piece.index not in self._calls:
            self._close_calls(out, "completed", only_whole=True)
            call_id = self._unique_call_id(piece.call_id)
            call = FunctionCall(self._new_id("item"), call_id, piece.name or "", "", "in_progress")
            self._calls[piece.index] = (self._begin_item(call, out), call)
            self._open_calls.add(piece.index)
        output_index, call = self._calls[piece.index]
        if piece.arguments and piece.index in self._open_calls:
            self._received_characters += len(piece.arguments)
            self._tell_arguments(call, output_index, piece.arguments, out)

    def _tell_arguments(self, call: FunctionCall, output_index: int, arguments: str, out: list[Action]) -> None:
        call.arguments += arguments
        out.append(actions.ArgumentsSent(self.id, call.id, output_index, call.call_id, arguments))

    def _unique_call_id(self, given: str | None) -> str:
        """Some servers give no id, or number the calls of each reply anew: an output must name one call only."""
        taken = any(call.call_id == given for _, call in self._calls.values())
        if not given or taken or (self._history is not None and self._history.call(given) is not None):
            return self._new_id("call")
        return given

    def _close_calls(
        self, out: list[Action], status: Status, *, cut_off: bool = False, only_whole: bool = False
    ) -> None:
        """:param cut_off: the model may not have written all of them: who makes such a call makes another one.
        :param only_whole: more may follow of the others, for some write several calls side by side.
        """
        for index in sorted(self._open_calls):
            output_index, call = self._calls[index]
            if only_whole and not is_whole(call.arguments):
                continue
            call.status = "incomplete" if cut_off and not is_whole(call.arguments) else status
            if call.status == "completed" and not call.arguments.strip():
                # Callers read them as JSON, which servers leave out where a function takes nothing.
                self._tell_arguments(call, output_index, "{}", out)
            self._item_done(output_index, call, out)
            self._open_calls.remove(index)

    def _begin_item(self, item: Message | FunctionCall, out: list[Action]) -> int:
        output_index = len(self.response.output)
        self.response.output.append(item)
        previous = self._enter(item)
        self._previous_ids[item.id] = previous
        begun = response_alone(self.response)
        out.append(actions.OutputItemAdded(begun, output_index, output_now(item), previous))
        return output_index

    def _item_done(self, output_index: int, item: Message | FunctionCall, out: list[Action]) -> None:
        response, previous = response_alone(self.response), self._previous_ids[item.id]
        out.append(actions.OutputItemDone(response, output_index, output_now(item), previous))

    def _enter(self, item: Item) -> str | None:
        if self._history is None:
            return None
        previous = self._history.enter(item, self._behind_id)
        self._behind_id = item.id
        return previous
