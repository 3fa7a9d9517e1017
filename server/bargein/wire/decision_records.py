"""Decisions of the core as records that a person can read: a line of the log, and ``bargein.decision``."""

from __future__ import annotations

from typing import Final, assert_never

from bargein.core.decisions import (
    BargeInRefused,
    Decision,
    Figures,
    HoldEnded,
    Interrupted,
    Judged,
    PauseJudged,
    ReplyTakenUp,
    RuleAsked,
    SpeculationEnded,
    TurnEnded,
    TurnHealed,
)

Record = dict[str, str | int | float | list[str] | None]
SILENT_DB: Final = -120.0
"""What no level is shown below: where nothing was heard yet it is minus infinity, which JSON has no word for."""


def explained(decision: Decision) -> Record:
    """What was decided and why, with its figures. Durations and positions are in ms, levels in dB."""
    match decision:
        case Interrupted():
            return _interruption(decision)
        case HoldEnded():
            return _hold_end(decision)
        case PauseJudged():
            return _pause(decision)
        case TurnEnded():
            return _turn_end(decision)
        case TurnHealed():
            return _healed_turn(decision)
        case SpeculationEnded():
            return _speculation(decision)
        case BargeInRefused(reason, at_ms, figures):
            return {"what": "barge-in refused", "why": reason, "at_ms": at_ms, **_figures(figures)}
        case Judged():
            return _verdict(decision)
        case ReplyTakenUp():
            return _reply_taken_up(decision)
        case RuleAsked(rule, case, outcome, at_ms, figures):
            return {"what": outcome, "why": f"{rule}: {case}", "at_ms": at_ms, **_figures(figures)}
        case _:
            assert_never(decision)


def _interruption(decided: Interrupted) -> Record:
    return {
        "what": "interruption",
        "why": decided.reason,
        "at_ms": decided.at_ms,
        "onset_ms": decided.onset_ms,
        "held_ms": None if decided.held_ms is None else round(decided.held_ms, 1),
        "response_id": decided.response_id,
        "cancelled": decided.cancelled,
        "flushed": list(decided.flushed),
        **_figures(decided.figures),
    }


def _hold_end(decided: HoldEnded) -> Record:
    return {
        "what": "hold ended",
        "why": decided.reason,
        "lasted_ms": round(decided.lasted_ms, 1),
        "response_id": decided.response_id,
    }


def _pause(decided: PauseJudged) -> Record:
    slope = decided.slope_st_per_s
    return {
        "what": "pause",
        "why": decided.reason,
        "at_ms": decided.at_ms,
        "wait_ms": decided.wait_ms,
        "slope_st_per_s": None if slope is None else round(slope, 1),
        "longest_pause_ms": decided.longest_pause_ms,
        "usual_pause_ms": decided.usual_pause_ms,
    }


def _turn_end(decided: TurnEnded) -> Record:
    return {
        "what": "turn ended",
        "why": decided.reason,
        "at_ms": decided.at_ms,
        "quiet_ms": round(decided.quiet_ms, 1),
        "then": decided.then,
        "item_id": decided.item_id,
    }


def _healed_turn(decided: TurnHealed) -> Record:
    return {
        "what": "turn healed",
        "why": "it went on",
        "item_id": decided.item_id,
        "goes_on_with": decided.goes_on_with,
        "response_id": decided.response_id,
        "heard_ms": decided.heard_ms,
    }


def _speculation(decided: SpeculationEnded) -> Record:
    return {
        "what": "asked ahead",
        "why": decided.outcome,
        "response_id": decided.response_id,
        "after_ms": round(decided.after_ms, 1),
        "sounds": decided.sounds,
        "tokens": decided.usage.input_tokens + decided.usage.output_tokens,
    }


def _verdict(decided: Judged) -> Record:
    return {
        "what": "utterance judged",
        "why": decided.verdict,
        "judge": decided.judge,
        "took_ms": round(decided.took_ms, 1),
        "words": decided.words,
        "at_ms": decided.at_ms,
        "utterance_id": decided.utterance_id,
        "duration_ms": round(decided.duration_ms),
        "level_db": round(max(decided.level_db, SILENT_DB), 1),
        "probability": round(decided.probability, 3),
    }


def _reply_taken_up(decided: ReplyTakenUp) -> Record:
    return {
        "what": "reply taken up",
        "why": decided.verdict,
        "response_id": decided.response_id,
        "as_response_id": decided.as_response_id,
        "item_id": decided.turn_id,
    }


def _figures(figures: Figures | None) -> Record:
    if figures is None:
        return {}
    shown: Record = {
        "level_db": round(max(figures.level_db, SILENT_DB), 1),
        "floor_db": round(max(figures.floor_db, SILENT_DB), 1),
        "evidence_ms": round(figures.evidence_ms),
        "voiced_ms": round(figures.voiced_ms),
    }
    if figures.weighed_ms is not None:
        shown["weighed_ms"] = round(figures.weighed_ms)
    if figures.likeness is not None:
        shown["likeness"] = round(figures.likeness, 3)
    if figures.shape is not None:
        shown["shape"] = round(figures.shape, 3)
    return shown
