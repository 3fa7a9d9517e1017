"""The events of the ``bargein.v1`` subprotocol that a server sends, one function for each.

They go to callers that offered the subprotocol, and to nobody else. As in :mod:`bargein.wire.server_events`, the
encoder adds ``event_id`` and ``seq``. All sample positions count from the start of the item's audio, at the rate of
the response's output format.
"""

from __future__ import annotations

from collections.abc import Mapping

from bargein.wire.server_events import Json, ServerEvent

SUBPROTOCOL = "bargein.v1"
"""The name offered in ``Sec-WebSocket-Protocol``."""


def welcome(
    report_ms: int,
    *,
    epoch: int = 0,
    resume_token: str | None = None,
    window_s: float = 0,
    resumed: bool | None = None,
    agent: Json | None = None,
) -> Json:
    """The ``bargein`` block of ``session.created``.

    :param report_ms: how often the client shall report its play-out.
    :param resume_token: ``None``: this session cannot be resumed; ``epoch`` and ``window_s`` then mean nothing.
    :param resumed: answers a caller that asked to go on with an earlier session; ``None`` for all others.
    :param agent: ``name`` and ``title`` of who answers; ``None``: the caller configures the session itself.
    """
    block: Json = {"resume_token": resume_token, "epoch": epoch, "window_s": window_s, "report_ms": report_ms}
    if resumed is not None:
        block["resumed"] = resumed
    if agent is not None:
        block["agent"] = agent
    return block


def response_numbered(response_id: str, item_id: str, number: int) -> ServerEvent:
    """Announce the number that binary messages of this item carry."""
    return {"type": "bargein.response", "response_id": response_id, "item_id": item_id, "number": number}


def voice_changed(speech: bool, at_ms: int, level_db: float, probability: float) -> ServerEvent:
    """
    :param at_ms: on the clock of the input audio, from the first sample of the session.
    :param level_db: RMS relative to full scale.
    """
    return {
        "type": "bargein.vad",
        "speech": speech,
        "at_ms": at_ms,
        "level_db": round(level_db, 1),
        "probability": round(probability, 3),
    }


def hold(response_id: str, item_id: str, at_sample: int, duck_db: float | None) -> ServerEvent:
    """:param duck_db: play on, so much quieter; ``None``: pause."""
    return {
        "type": "bargein.hold",
        "response_id": response_id,
        "item_id": item_id,
        "at_sample": at_sample,
        "duck_db": duck_db,
    }


def resume(response_id: str, item_id: str, from_sample: int) -> ServerEvent:
    return {"type": "bargein.resume", "response_id": response_id, "item_id": item_id, "from_sample": from_sample}


def flush(response_id: str, item_id: str) -> ServerEvent:
    return {"type": "bargein.flush", "response_id": response_id, "item_id": item_id}


def cut(response_id: str, item_id: str, heard_samples: int, heard_text: str, unheard_text: str) -> ServerEvent:
    return {
        "type": "bargein.cut",
        "response_id": response_id,
        "item_id": item_id,
        "heard_samples": heard_samples,
        "heard_text": heard_text,
        "unheard_text": unheard_text,
    }


def decision(record: Mapping[str, str | int | float | list[str] | None]) -> ServerEvent:
    """One decision about the floor with its reason and figures, for callers who asked for them with ``decisions=1``.

    :param record: ``what`` and ``why``, and what was measured.
    """
    return {"type": "bargein.decision", **record}


def cost(response_id: str, *, turn: float | None, session: float, known: bool, cap: Json | None) -> ServerEvent:
    """What a response has cost, behind its ``response.done``: where its model's price is known, or a cap is set.

    :param turn: in US dollars; ``None``: something in it has no price. Never 0 for want of one.
    :param session: of everything in the session that has a price: responses, and transcriptions so far.
    :param known: everything in the session had a price: else it has cost more than ``session``.
    :param cap: the one that is nearest to its limit, if any is set.
    """
    return {
        "type": "bargein.cost",
        "response_id": response_id,
        "turn": None if turn is None else round(turn, 8),
        "session": round(session, 8),
        "currency": "USD",
        "known": known,
        "cap": cap,
    }


def cap(scope: str, limit: float, spent: float, resets_at: int | None, *, warning: bool) -> Json:
    """The ``cap`` of ``bargein.cost``.

    :param scope: ``session``; ``key_day`` and ``day``, of one key and of the whole server in a day of UTC.
    :param spent: of it, in US dollars. It may be past the limit, by one turn.
    :param resets_at: when it is free again, in Unix seconds; ``None``: not in this session.
    :param warning: four fifths are spent, or more.
    """
    return {"scope": scope, "limit": limit, "spent": round(spent, 8), "resets_at": resets_at, "warning": warning}


def latency(response_id: str, stages_ms: Mapping[str, float], after: str) -> ServerEvent:
    """
    :param stages_ms: stage -> milliseconds, in the order in which they happened; the total is their sum.
    :param after: ``response`` or ``barge_in``: what was measured.
    """
    stages = {stage: round(duration_ms, 2) for stage, duration_ms in stages_ms.items()}
    return {
        "type": "bargein.latency",
        "response_id": response_id,
        "after": after,
        "stages_ms": stages,
        "total_ms": round(sum(stages.values()), 2),
    }


def pong(id: str | int) -> ServerEvent:  # noqa: A002  the field's name
    """Answer a ``bargein.ping`` with its own ``id``."""
    return {"type": "bargein.pong", "id": id}
