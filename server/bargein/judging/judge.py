"""Who can be asked why somebody spoke over a reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from bargein.core.config import Transcription
from bargein.core.decisions import UtteranceVerdict
from bargein.core.items import InputAudio
from bargein.errors import UpstreamError
from bargein.judging.words import Vocabulary
from bargein.upstream import Transcriber, Transcript

JudgeName = Literal["words", "local"]
"""``words``: the recogniser that writes down turns as well; ``local``: one on this machine."""

FAILURES_IN_A_ROW: Final = 3
"""So many, and the recogniser is left alone for a while: nothing is gained by it, and it costs."""
REST_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """A short utterance over a reply."""

    speech: InputAudio
    said: str
    """What the caller has heard of the reply."""
    unsaid: str
    """What would follow."""
    language: str | None = None
    transcription: Transcription | None = None
    """The recogniser that the caller has named for its turns."""
    over: bool = True
    """It has ended; else this is what was heard of it so far, and only what is certain is answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a judge says."""

    verdict: UtteranceVerdict
    words: str | None = None
    turn: tuple[Transcription, Transcript] | None = None
    """What was asked of a recogniser, and what it wrote, where that can serve the turn as well, should there be one."""


class Judge(Protocol):
    """Says why somebody spoke."""

    name: JudgeName

    def asking(self, whom: Callable[[Transcriber], Transcriber]) -> Judge:
        """The same, for one session: who fails in one rests in all.

        :param whom: through which a recogniser is asked there.
        """
        ...

    def can_judge(self, utterance: Utterance) -> bool:
        """Whether it is worth asking."""
        ...

    async def judge(self, utterance: Utterance) -> Answer | None:
        """``None``: it cannot tell. Cancelling ends its work at once.

        :raises UpstreamError: it has failed.
        """
        ...

    def note_late(self) -> None:
        """Its answer did not come in time."""
        ...


class Rest:
    """Of a recogniser that fails, or is late, again and again.

    :param now: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures = 0
        self._until = 0.0

    @property
    def is_over(self) -> bool:
        return self._now() >= self._until

    def note_failure(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            self._failures = 0
            self._until = self._now() + REST_S

    def note_success(self) -> None:
        self._failures = 0


class WordJudge:
    """Has the utterance written down, and reads that.

    :param model: the recogniser to name where the caller names none; ``None``: there is no other then.
    :param serves_turns: what it writes is what the caller's own recogniser would have written.
    :param hears_on: it can be asked about an utterance that goes on, and be free again when that ends.
    """

    def __init__(
        self,
        name: JudgeName,
        transcriber: Transcriber,
        vocabulary: Vocabulary,
        rest: Rest,
        *,
        model: str | None,
        serves_turns: bool,
        hears_on: bool = True,
    ) -> None:
        self.name = name
        self._transcriber = transcriber
        self._vocabulary = vocabulary
        self._rest = rest
        self._model = model
        self._serves_turns = serves_turns
        self._hears_on = hears_on

    def asking(self, whom: Callable[[Transcriber], Transcriber]) -> WordJudge:
        """See :meth:`Judge.asking`."""
        return WordJudge(
            self.name,
            whom(self._transcriber),
            self._vocabulary,
            self._rest,
            model=self._model,
            serves_turns=self._serves_turns,
            hears_on=self._hears_on,
        )

    def can_judge(self, utterance: Utterance) -> bool:
        """See :meth:`Judge.can_judge`."""
        named = self._model is not None or utterance.transcription is not None
        return named and (utterance.over or self._hears_on) and self._rest.is_over

    async def judge(self, utterance: Utterance) -> Answer | None:
        """See :meth:`Judge.judge`."""
        transcription = self._transcription(utterance)
        if transcription is None:
            return None
        try:
            transcript = await self._transcriber.transcribe(utterance.speech, transcription)
        except UpstreamError:
            self.note_late()
            raise
        self._rest.note_success()
        language = utterance.language or transcription.language
        if not utterance.over:
            so_far = self._vocabulary.read_so_far(transcript.text, language=language, said=utterance.said)
            return None if so_far is None else Answer(so_far, transcript.text)
        verdict = self._vocabulary.read(
            transcript.text, language=language, said=utterance.said, unsaid=utterance.unsaid
        )
        if verdict is None:
            return None
        return Answer(verdict, transcript.text, (transcription, transcript) if self._serves_turns else None)

    def note_late(self) -> None:
        """See :meth:`Judge.note_late`."""
        self._rest.note_failure()

    def _transcription(self, utterance: Utterance) -> Transcription | None:
        """As the caller has asked for its turns, so that one transcript can serve both."""
        if utterance.transcription is not None:
            return replace(utterance.transcription)
        return None if self._model is None else Transcription(self._model, language=utterance.language)
