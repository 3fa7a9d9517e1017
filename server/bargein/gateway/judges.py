"""Who is asked why somebody spoke over a reply, by the operator's settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bargein.judging.judge import Judge, WordJudge
from bargein.judging.words import Vocabulary
from bargein.settings import Settings
from bargein.upstream import Flavour, Transcriber

OPENAI_RECOGNISER: Final = "gpt-4o-mini-transcribe"
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
        judges.append(WordJudge("local", local, vocabulary, now, model=ANY_RECOGNISER, serves_turns=False))
    if transcriber is not None:
        model = recogniser_for_judging(settings, server)
        judges.append(WordJudge("words", transcriber, vocabulary, now, model=model, serves_turns=True))
    return tuple(judges)


def recogniser_for_judging(settings: Settings, server: Flavour) -> str | None:
    """The recogniser to name for callers who name none; ``None``: nobody knows of one."""
    if settings.transcription_model is not None:
        return settings.transcription_model
    if settings.transcription_url is not None or settings.effective_upstream_url is None or settings.judge_words:
        return ANY_RECOGNISER
    return OPENAI_RECOGNISER if server == "openai" else None
