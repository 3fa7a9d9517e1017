"""What must hold of the words of replies, in whatever order things happen to a conversation."""

from __future__ import annotations

from bargein.alignment.spoken_words import spoken_words
from bargein.alignment.voiced_clock import STEPS_PER_S
from bargein.alignment.word_places import SLOWEST_PACE
from bargein.core import actions, events
from bargein.core.actions import Action
from bargein.core.audio import PCM16_24K
from bargein.core.completion import Finished, TextPiece, TranscriptPiece
from bargein.core.events import Event
from bargein.core.items import Item, Message, OutputAudio

SLOWEST_LETTER_SAMPLES = SLOWEST_PACE * PCM16_24K.rate_hz / STEPS_PER_S


class TranscriptLaws:
    """Takes what happens and what comes of it, and asserts the laws. All sound must count as voiced.

    :param paced: the words go with the sound, but for those of responses out of band.
    """

    def __init__(self, *, paced: bool, reports: bool) -> None:
        self._paced = paced
        self._reports = reports
        self._written: dict[str, str] = {}
        """What the model has written, by response: when it was asked last."""
        self._written_before: dict[str, str] = {}
        """What it has written when it was asked first, of those that were asked again."""
        self._written_late: dict[str, str] = {}
        """Behind the end of its stream, which may not have been noticed yet."""
        self._response_of: dict[str, str] = {}
        self._ended: set[str] = set()
        self._out_of_band: set[str] = set()
        self._told: dict[str, str] = {}
        """By item."""
        self._sent: dict[str, int] = {}
        self._final: dict[str, str] = {}
        """The transcript with which an item was done."""

    def written(self, item_id: str) -> str:
        """What the model has written of an item, gated or not."""
        return self._written.get(self._response_of.get(item_id, ""), "")

    def check_step(self, event: Event, batch: list[Action]) -> None:
        """Check everything that one event has brought about."""
        self._note_model(event)
        for index, action in enumerate(batch):
            match action:
                case actions.ResponseCreated(response):
                    if response.conversation_id is None:
                        self._out_of_band.add(response.id)
                case actions.StartStream(response_id, _, again=True):
                    self._written_before[response_id] = self._written.pop(response_id, "")
                    self._written[response_id] = self._written_late.pop(response_id, "")
                    self._ended.discard(response_id)
                case actions.OutputItemAdded(response, _, item, _):
                    self._response_of[item.id] = response.id
                case actions.TranscriptSent():
                    self._check_delta(action, batch[index + 1 :])
                case actions.AudioSent(response_id, item_id, _, _, start, count, _):
                    self._sent[item_id] = start + count
                    if self._paced and response_id not in self._out_of_band:
                        self._check_lag(self._told.get(item_id, ""), self._written.get(response_id, ""), start)
                case actions.OutputItemDone(response, _, item, _):
                    self._check_done(response.id, item, batch)
                case actions.ResponseDone(response):
                    for shown in response.output:
                        assert shown.id not in self._final or transcript_of(shown) == self._final[shown.id]
                case actions.Cut():
                    self._check_cut(action)
                case _:
                    pass

    def _note_model(self, event: Event) -> None:
        match event:
            case events.StreamProgressed(response_id, Finished()) | events.StreamFailed(response_id, _):
                self._ended.add(response_id)
            case events.StreamProgressed(response_id, TranscriptPiece(text) | TextPiece(text)):
                written = self._written_late if response_id in self._ended else self._written
                written[response_id] = written.get(response_id, "") + text
            case _:
                pass

    def _check_delta(self, action: actions.TranscriptSent, behind: list[Action]) -> None:
        told = self._told[action.item_id] = self._told.get(action.item_id, "") + action.delta
        assert action.delta
        # Words alone are told when it has been asked twice: the first ones, if there are no others.
        written = self._written.get(action.response_id) or self._written_before[action.response_id]
        assert written.startswith(told), "words that the model has not written"
        if self._paced and action.response_id not in self._out_of_band and not self._sent.get(action.item_id):
            assert any(
                isinstance(later, actions.AudioSent | actions.OutputItemDone) and _item_id(later) == action.item_id
                for later in behind
            ), "words before any sound"

    def _check_lag(self, told: str, written: str, sent_samples: int) -> None:
        """Before a slice everything was told that even the slowest voice has said by then."""
        letters = 0.0
        for word in spoken_words(written):
            letters += word.letters
            if letters * SLOWEST_LETTER_SAMPLES > sent_samples:
                break
            assert len(told) >= word.end, "words that lag behind their sound"

    def _check_done(self, response_id: str, item: Item, batch: list[Action]) -> None:
        transcript = transcript_of(item)
        if transcript is None:
            return
        self._final[item.id] = transcript
        told = self._told.get(item.id, "")
        assert told.startswith(transcript), "done with words that were not told"
        cuts = [action for action in batch if isinstance(action, actions.Cut) and action.item_id == item.id]
        assert not cuts or cuts[0].heard_text == transcript, "done with words that were not heard"
        if item.status == "completed" and transcript == told:
            assert told == self._written.get(response_id, ""), "words are missing"

    def _check_cut(self, action: actions.Cut) -> None:
        whole, told = action.heard_text + action.unheard_text, self._told.get(action.item_id, "")
        assert whole.startswith(told)
        assert self._written.get(action.response_id, "").startswith(whole)
        # A caller who reports may have heard a word more than it had reported when the reply was closed.
        assert self._reports or told.startswith(action.heard_text)


def transcript_of(item: Item) -> str | None:
    """The words of a spoken reply; ``None`` for other items."""
    if isinstance(item, Message):
        for part in item.parts:
            if isinstance(part, OutputAudio):
                return part.transcript
    return None


def _item_id(action: actions.AudioSent | actions.OutputItemDone) -> str:
    return action.item_id if isinstance(action, actions.AudioSent) else action.item.id
