"""Who is asked why somebody spoke over a reply, by the operator's settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bargein.core.config import Transcription
from bargein.judging.judge import Judge, Rest, WordJudge
from bargein.judging.phrases import PhraseHearer
from bargein.judging.words import Vocabulary
from bargein.settings import Settings
from bargein.upstream import Flavour, Transcriber

OPENAI_RECOGNISER: Final = "gpt-transcribe"
ANY_RECOGNISER: Final = "whisper-1"
"""A name that servers take which have one recogniser."""


def make_judges(
    settings: Settings,
    server: Flavour,
    transcriber: Transcriber | None,
    local: Transcriber | None,
    now: Callable[[], float],
) -> tuple[Judge, ...]:
    """In the order in which they are asked.

    :param server: which server the model's is.
    :param transcriber: writes down callers' turns.
    :param local: the recogniser of :attr:`~bargein.settings.Settings.judge_model`.
    :param now: a clock in seconds.
    """
    if settings.judge_words is False:
        return ()
    vocabulary = Vocabulary(settings.backchannels, settings.interruptions)
    judges: list[Judge] = []
    if local is not None:
        # It hears one utterance after the other, those of all callers: what goes on would hold up what has ended.
        judges.append(
            WordJudge("local", local, vocabulary, Rest(now), model=ANY_RECOGNISER, serves_turns=False, hears_on=False)
        )
    if transcriber is not None:
        model = recogniser_for_judging(settings, server)
        judges.append(WordJudge("words", transcriber, vocabulary, Rest(now), model=model, serves_turns=True))
    return tuple(judges)


def make_phrase_hearer(settings: Settings, server: Flavour, transcriber: Transcriber | None) -> PhraseHearer | None:
    """Who hears the words before pauses: a recogniser of the operator's own, unless told otherwise. Others are paid for
    by the minute, and the demo model's knows its own phrases alone.
    """
    own = settings.transcription_url is not None
    wanted = own if settings.turn_end_words is None else settings.turn_end_words
    if not wanted or transcriber is None:
        return None
    model = recogniser_for_judging(settings, server)
    return PhraseHearer(transcriber, None if model is None else Transcription(model))


def history_writer(
    settings: Settings, server: Flavour, transcriber: Transcriber | None, local: Transcriber | None
) -> tuple[Transcriber | None, Transcription | None]:
    """Who writes down turns that are to be told by their words, where their callers ask for no transcripts, and what is
    asked of it: the recogniser of this machine, which costs nothing, else the one that judges. Both or none. The demo
    model's is spared, for nobody pays for what it hears.
    """
    if local is not None:
        return local, Transcription(ANY_RECOGNISER)
    demo = settings.effective_upstream_url is None
    model = settings.transcription_model if demo else recogniser_for_judging(settings, server)
    if transcriber is None or model is None:
        return None, None
    return transcriber, Transcription(model)


def recogniser_for_judging(settings: Settings, server: Flavour) -> str | None:
    """The recogniser to name for callers who name none; ``None``: nobody knows of one."""
    if settings.transcription_model is not None:
        return settings.transcription_model
    if settings.transcription_url is not None or settings.effective_upstream_url is None or settings.judge_words:
        return ANY_RECOGNISER
    return OPENAI_RECOGNISER if server == "openai" else None
