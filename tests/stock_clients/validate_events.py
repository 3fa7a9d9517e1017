"""Checks recorded server events against the SDK's own models. Runs in the stock clients' environment.

    python validate_events.py ALLOWED_EXTRAS.json EVENTS.jsonl…

Every event must validate as the model of its type (``openai.types.realtime``, or ``openai.types.beta.realtime`` for the
beta dialect), hold nothing that the model does not know except what ``ALLOWED_EXTRAS.json`` names, and be the same
after a round trip through the model: no value converted, no integer given as a float. Event ids are unique within a
connection. Prints one JSON object: how many were checked, of which types, and each problem once with an example.
Exit code 1 if there are problems.
"""

from __future__ import annotations

import json
import sys
import typing
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, ValidationError


def models_of(union: Any) -> dict[str, type[BaseModel]]:  # noqa: ANN401
    """The members of a union of event models, by the value of their ``type``."""
    members = typing.get_args(union)
    if members and not isinstance(members[0], type):
        members = typing.get_args(members[0])
    found = {}
    for model in members:
        for name in typing.get_args(model.model_fields["type"].annotation):
            found[name] = model
    return found


OTHER_RATES_HZ = [8_000, 16_000, 32_000, 48_000]
BETA_FORMATS = ["input_audio_format", "output_audio_format"]
OTHER_BETA_FORMATS = [f"pcm16_{rate_hz}hz" for rate_hz in OTHER_RATES_HZ]
MODELS = {"ga": models_of(RealtimeServerEvent), "beta": models_of(BetaServerEvent)}


def differences(sent: Any, understood: Any, path: str) -> Iterator[str]:  # noqa: ANN401
    """Paths at which what the model understood is not what was sent."""
    match sent, understood:
        case dict(), dict():
            for key in sent.keys() | understood.keys():
                if key not in understood:
                    yield f"{path}.{key}: lost"
                elif key not in sent:
                    yield f"{path}.{key}: appeared"
                else:
                    yield from differences(sent[key], understood[key], f"{path}.{key}")
        case list(), list() if len(sent) == len(understood):
            for one, other in zip(sent, understood, strict=True):
                yield from differences(one, other, f"{path}[]")
        case float(), int() if not isinstance(understood, bool):
            yield f"{path}: {sent!r} must be an integer"
        case _ if sent != understood or isinstance(sent, bool) != isinstance(understood, bool):
            yield f"{path}: {sent!r} was understood as {understood!r}"


def extras(model: Any, path: str) -> Iterator[str]:  # noqa: ANN401
    """Paths of fields that the model does not know."""
    match model:
        case BaseModel():
            for name in model.model_extra or {}:
                yield f"{path}.{name}"
            for name in model.model_fields_set - (model.model_extra or {}).keys():
                yield from extras(getattr(model, name), f"{path}.{name}")
        case list():
            for member in model:
                yield from extras(member, f"{path}[]")


def with_known_values(dialect: str, event: dict[str, Any]) -> dict[str, Any]:
    """``event`` with values that the SDK's types list, where these are closed lists and a server has others: of models
    in the beta, and of rates, which are told to callers who have asked for them.
    """
    event = with_known_rates(event)
    session = event.get("session")
    if dialect == "beta" and isinstance(session, dict) and isinstance(session.get("model"), str):
        return {**event, "session": {**session, "model": "gpt-4o-realtime-preview"}}
    return event


def with_known_rates(value: Any) -> Any:  # noqa: ANN401
    """``value`` with the one rate of PCM that the SDK knows in place of the others that the server serves."""
    match value:
        case {"type": "audio/pcm", "rate": rate} if rate in OTHER_RATES_HZ:
            return {**value, "rate": 24_000}
        case dict():
            return {
                key: "pcm16" if key in BETA_FORMATS and inner in OTHER_BETA_FORMATS else with_known_rates(inner)
                for key, inner in value.items()
            }
    return value


def problems(dialect: str, event: dict[str, Any], allowed: dict[str, str]) -> Iterator[str]:
    """What is wrong with one event."""
    event = with_known_values(dialect, event)
    event_type = event.get("type", "")
    model = MODELS[dialect].get(event_type)
    if model is None:
        yield f"{event_type}: the SDK knows no such event"
        return
    try:
        understood = model.model_validate(event)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = ".".join("[]" if isinstance(part, int) else part for part in detail["loc"])
            yield f"{event_type}.{where}: {detail['msg']}"
        return
    for path in extras(understood, event_type):
        if path not in allowed:
            yield f"{path}: the SDK knows no such field"
    yield from differences(event, understood.model_dump(mode="json", by_alias=True, exclude_unset=True), event_type)


def standard_part(event: dict[str, Any]) -> dict[str, Any] | None:
    """A ``bargein.v1`` event without what the subprotocol adds; ``None`` for an event of its own."""
    if event["type"].startswith("bargein."):
        return None
    return {name: value for name, value in event.items() if name not in {"seq", "bargein"}}


def main() -> int:
    """Check all files and print what was found."""
    allowed_by_dialect = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    types: Counter[str] = Counter()
    found: dict[str, dict[str, Any]] = {}
    for path in sys.argv[2:]:
        ids: set[str] = set()
        with Path(path).open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                dialect = "beta" if record["dialect"] == "beta" else "ga"
                event = record["event"]
                types[f"{record['dialect']} {event.get('type')}"] += 1
                wrong = [f"{event.get('type')}: event_id {event.get('event_id')!r} came twice"] * (
                    event.get("event_id") in ids
                )
                ids.add(event.get("event_id", ""))
                standard = standard_part(event) if record["dialect"] == "bargein.v1" else event
                if standard is not None:
                    wrong += problems(dialect, standard, allowed_by_dialect)
                for problem in wrong:
                    example = {"test": record["test"], "dialect": record["dialect"], "event": json.dumps(event)[:2000]}
                    found.setdefault(problem, {"problem": problem, "count": 0, **example})["count"] += 1
    print(json.dumps({"checked": types.total(), "types": dict(sorted(types.items())), "problems": [*found.values()]}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
