"""Decisions of the core as records that a person can read: a line of the log, and ``bargein.decision``."""

from __future__ import annotations

from typing import assert_never

from bargein.core.decisions import (
    BargeInRefused,
    Decision,
    Figures,
    HoldEnded,
    Interrupted,
    Judged,
    ReplyTakenUp,
    RuleAsked,
    SpeculationEnded,
    TurnEnded,
    TurnHealed,
)

Record = dict[str, str | int | float | list[str] | None]


def explained(decision: Decision) -> Record:
    """What was decided and why, with its figures. Durations and positions are in ms, levels in dB."""
    match decision:
        case Interrupted(response_id, reason, at_ms, onset_ms, held_ms, cancelled, flushed, figures):
            return {
                "what": "interruption",
                "why": reason,
                "at_ms": at_ms,
                "onset_ms": onset_ms,
                "held_ms": None if held_ms is None else round(held_ms, 1),
                "response_id": response_id,
                "cancelled": cancelled,
                "flushed": list(flushed),
                **_figures(figures),
            }
        case HoldEnded(reason, lasted_ms, response_id):
            return {
                "what": "hold ended",
                "why": reason,
                "lasted_ms": round(lasted_ms, 1),
                "response_id": response_id,
            }
        case TurnEnded(item_id, reason, at_ms, quiet_ms, then):
            return {
                "what": "turn ended",
                "why": reason,
                "at_ms": at_ms,
                "quiet_ms": round(quiet_ms, 1),
                "then": then,
                "item_id": item_id,
            }
        case TurnHealed(item_id, goes_on_with, response_id, heard_ms):
            return {
                "what": "turn healed",
                "why": "it went on",
                "item_id": item_id,
                "goes_on_with": goes_on_with,
                "response_id": response_id,
                "heard_ms": heard_ms,
            }
        case SpeculationEnded(response_id, outcome, after_ms, sounds, usage):
            return {
                "what": "asked ahead",
                "why": outcome,
                "response_id": response_id,
                "after_ms": round(after_ms, 1),
                "sounds": sounds,
                "tokens": usage.input_tokens + usage.output_tokens,
            }
        case BargeInRefused(reason, at_ms, figures):
            return {"what": "barge-in refused", "why": reason, "at_ms": at_ms, **_figures(figures)}
        case Judged(utterance_id, verdict, judge, took_ms, words, at_ms, duration_ms, level_db, probability):
            return {
                "what": "utterance judged",
                "why": verdict,
                "judge": judge,
                "took_ms": round(took_ms, 1),
                "words": words,
                "at_ms": at_ms,
                "utterance_id": utterance_id,
                "duration_ms": round(duration_ms),
                "level_db": round(max(level_db, -120.0), 1),
                "probability": round(probability, 3),
            }
        case ReplyTakenUp(response_id, as_response_id, turn_id, verdict):
            return {
                "what": "reply taken up",
                "why": verdict,
                "response_id": response_id,
                "as_response_id": as_response_id,
                "item_id": turn_id,
            }
        case RuleAsked(rule, case, outcome, at_ms, figures):
            return {"what": outcome, "why": f"{rule}: {case}", "at_ms": at_ms, **_figures(figures)}
        case _:
            assert_never(decision)


def _figures(figures: Figures | None) -> Record:
    if figures is None:
        return {}
    # Where nothing was heard yet a level is no number, which JSON has no word for.
    shown: Record = {
        "level_db": round(max(figures.level_db, -120.0), 1),
        "floor_db": round(max(figures.floor_db, -120.0), 1),
        "evidence_ms": round(figures.evidence_ms),
        "voiced_ms": round(figures.voiced_ms),
    }
    if figures.weighed_ms is not None:
        shown["weighed_ms"] = round(figures.weighed_ms)
    if figures.likeness is not None:
        shown["likeness"] = round(figures.likeness, 3)
    return shown
