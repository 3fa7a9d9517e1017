"""``bargein replay``: what was decided in a recorded call, and what another policy would have decided."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import orjson
import typer

from bargein.alignment.aligner import Aligner
from bargein.core.config import CorePolicy
from bargein.core.decisions import Decision, RuleAsked
from bargein.core.recorded import replaying
from bargein.errors import CallerError, IllegalTrigger
from bargein.numbers import WholeWithin, Within
from bargein.recording import RecordedCall, RecordingError, read_call
from bargein.session.measures import NumpyMeasures
from bargein.wire.decision_records import explained

RecordingPath = Annotated[
    Path, typer.Argument(metavar="FILE", help="A recording, as BARGEIN_RECORD_DIR has them.", show_default=False)
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="NAME=VALUE",
        help="Decide by another policy, such as confirm_after_ms=400. May be given several times.",
        show_default=False,
    ),
]
Rules = Annotated[bool, typer.Option("--rules", help="Show every rule that was asked, too.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


_MOST: Final = 1_000_000_000
_KINDS: Final[dict[str, object]] = {
    "duck_db": float | None,
    "confirm_judged_ms": int | None,
    "short_utterance": Literal["interrupt", "ignore", "judge"],
    "false_interruption": Literal["resume", "ask", "answer"],
    "lead_ms": int | None,
    "least_lead_ms": int | None,
    "transcripts": Literal["paced", "early"],
    "text_model": str | None,
    "beside_model": str | None,
    "overflow": Literal["transcript", "drop"],
}
"""Of what a policy holds: where the core is compiled, such annotations are lost."""
"""Of what a policy counts."""


def replay(recording: RecordingPath, policy: Policies = None, rules: Rules = False, as_json: AsJson = False) -> None:
    """
    Put a recorded call into a fresh conversation, and print what is decided, and why.

    Times are in seconds from the first event on. The same version decides the same as in the call; another, or another
    --policy, shows what it would have done: but what the caller and the model did stays as it was.

    Exit code: 0; 1 if an error of the server's own is in it; 2 if the file cannot be read.

    Example: bargein replay recordings/20261130T101500Z-sess_0a1b2c.bargein.jsonl
    """
    try:
        call = read_call(recording)
        chosen = _policy(call.policy, policy or [])
    except (RecordingError, ValueError) as error:
        typer.echo(f"bargein replay: {error}", err=True)
        raise typer.Exit(2) from None
    if not as_json:
        typer.echo(f"{call.session_id}, recorded {call.began} by version {call.version}; {call.ended}")
    broken = _print_decisions(call, chosen, rules=rules, as_json=as_json)
    if broken is not None:
        typer.echo(f"bargein replay: here the server's own rules broke: {broken}", err=True)
        raise typer.Exit(1)


def _print_decisions(call: RecordedCall, policy: CorePolicy, *, rules: bool, as_json: bool) -> IllegalTrigger | None:
    measures = NumpyMeasures()
    began = call.happened[0][0] if call.happened else 0.0
    counts: Counter[str] = Counter()
    try:
        for at, came in replaying(
            call.happened,
            call.config,
            policy,
            measures,
            Aligner(measures),
            reports=call.reports,
            unix_offset_s=call.unix_offset_s,
            key=call.key,
        ):
            record = _record(came, rules)
            if record is not None:
                counts["rules asked" if isinstance(came, RuleAsked) else str(record["what"])] += 1
                typer.echo(_line(at - began, record, as_json))
    except IllegalTrigger as error:
        return error
    if not as_json:
        told = ", ".join(f"{what} {count}" for what, count in counts.items())
        typer.echo(f"{len(call.happened)} events; {told or 'nothing was decided'}")
    return None


def _record(came: object, rules: bool) -> dict[str, Any] | None:
    if isinstance(came, CallerError):
        return {"what": "refused", "why": came.message}
    if not isinstance(came, get_args(Decision)) or (isinstance(came, RuleAsked) and not rules):
        return None
    return dict(explained(came))


def _line(at_s: float, record: dict[str, Any], as_json: bool) -> str:
    if as_json:
        return orjson.dumps({"at_s": round(at_s, 3), **record}).decode()
    figures = " ".join(
        f"{name}={','.join(value) if isinstance(value, list) else value}"
        for name, value in record.items()
        if name not in {"what", "why"} and value is not None
    )
    return f"{at_s:9.3f}  {record['what']:16} {record.get('why') or '':14} {figures}".rstrip()


def policy_kinds() -> dict[str, object]:
    """The type of each thing that a policy holds."""
    return get_type_hints(CorePolicy) | _KINDS


def _policy(recorded: CorePolicy, changes: list[str]) -> CorePolicy:
    """The call's policy with what is to be otherwise.

    :raises ValueError: there is no such policy, or no such value, in words.
    """
    known = policy_kinds()
    changed: dict[str, Any] = {}
    for change in changes:
        name, equals, given = change.partition("=")
        if not equals or name not in known:
            raise ValueError(f"--policy {change}: give NAME=VALUE, with one of {', '.join(sorted(known))}")
        try:
            changed[name] = _value(known[name], given)
        except ValueError as error:
            raise ValueError(f"--policy {name}: {error}") from None
    return dataclasses.replace(recorded, **changed)


def _value(kind: object, given: str) -> object:
    """``given`` as a value of a policy's type.

    :raises ValueError: it is none, in words.
    """
    kinds = set(get_args(kind)) if get_origin(kind) is UnionType else {kind}
    if NoneType in kinds and given == "none":
        return None
    otherwise = ", or none" if NoneType in kinds else ""
    if get_origin(kind) is Literal:
        if given not in (allowed := get_args(kind)):
            raise ValueError(f"{given!r} is not allowed: give {', '.join(allowed[:-1])} or {allowed[-1]}")
        return given
    if bool in kinds:
        if given not in {"true", "false"}:
            raise ValueError(f"{given!r} is neither true nor false")
        return given == "true"
    if str in kinds:
        return given
    if not kinds & {int, float}:
        raise ValueError("cannot be given here")
    try:
        return Within(0, _MOST)(given) if float in kinds else WholeWithin(0, _MOST)(given)
    except ValueError as error:
        raise ValueError(f"{error}{otherwise}") from None
