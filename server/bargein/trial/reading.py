"""Scenarios from files: what is wrong is told with its line and its field."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from bargein.load.errors import UsageError
from bargein.toml_files import NotTomlError, no_json, parse_toml
from bargein.trial.places import line_of
from bargein.trial.scenario import STEPS, Scenario, Table, Tool

FOLDER: Final = Path(__file__).parent / "scenarios"
OF_AGENTS: Final = FOLDER / "agents"
"""One for each agent that comes with the server: for that agent alone."""

Place = tuple[str | int, ...]
_SENT: Final = ("session", "tools", "steps")
"""What goes into messages, or is compared with what comes in them, whatever it holds."""


@dataclass(frozen=True, slots=True)
class Script:
    """A scenario and the file that it is from.

    :ivar lines: the line of each step.
    """

    path: Path
    scenario: Scenario
    lines: tuple[int | None, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def file(self) -> str:
        """For people: the path as it was given, or the name of one that ships."""
        return self.path.name if self.path.parent in {FOLDER, OF_AGENTS} else str(self.path)

    def with_patience(self, factor: float) -> Script:
        """The same, with every limit in time multiplied."""
        steps = tuple(
            step.model_copy(
                update={name: factor * value for name, value in step if name.endswith("within_s") and value is not None}
            )
            for step in self.scenario.steps
        )
        return replace(self, scenario=self.scenario.model_copy(update={"steps": steps}))


def scenario_names() -> list[str]:
    """Those that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def agents_scenario_names() -> list[str]:
    """Those of the agents that come with the server, by the agents' names."""
    return sorted(path.stem for path in OF_AGENTS.glob("*.toml"))


def find_scenarios(wanted: Sequence[str]) -> list[Script]:
    """Read files, whole folders (by name) and scenarios that ship; with nothing given, all that ship.

    :raises UsageError: one is not there or wrong, with the line and field.
    """
    paths = [path for name in wanted for path in _paths(name)] if wanted else _in_folder(FOLDER)
    scripts = [read_scenario(path) for path in dict.fromkeys(paths)]
    seen: dict[str, Path] = {}
    for script in scripts:
        if script.name in seen:
            raise UsageError(f"{script.path}: another scenario has this name too ({seen[script.name]}): rename one")
        seen[script.name] = script.path
    return scripts


def read_scenario(path: Path) -> Script:
    """Read one file.

    :raises UsageError: as :func:`find_scenarios`.
    """
    try:
        text, table = parse_toml(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except NotTomlError as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    try:
        scenario = _checked(table)
    except _WrongField as wrong:
        line = next((found for end in range(len(wrong.place), 0, -1) if (found := line_of(text, wrong.place[:end]))), 1)
        where = f"{_spelled(wrong.place)}: " if wrong.place else ""
        raise UsageError(f"{path}, line {line}: {where}{wrong.reason}") from None
    return Script(path, scenario, tuple(line_of(text, ("steps", at)) for at in range(len(scenario.steps))))


@contextmanager
def telling_line(script: Script, step: int) -> Iterator[None]:
    """Put the file and the line of a step, by its index, before what is wrong with it."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{script.path}, line {script.lines[step]}: steps {step + 1}: {error}") from None


def _paths(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        return _in_folder(path)
    if path.exists() or name.endswith(".toml") or "/" in name:
        return [path]
    if name in scenario_names():
        return [FOLDER / f"{name}.toml"]
    if name in agents_scenario_names():
        return [OF_AGENTS / f"{name}.toml"]
    raise UsageError(f"{name}: no such file, and no scenario that ships: those are {', '.join(scenario_names())}")


def _in_folder(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise UsageError(f"{folder}: there is no .toml file in this folder")
    return paths


class _WrongField(Exception):
    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


def _checked(table: dict[str, Any]) -> Scenario:
    if wrong := no_json({name: table[name] for name in _SENT if name in table}):
        raise _WrongField(*wrong)
    steps = table.get("steps")
    read = [_step(at, step) for at, step in enumerate(steps)] if isinstance(steps, list) else steps
    scenario = _validated(Scenario, table if steps is None else table | {"steps": read}, ())
    named = [tool.name for tool in scenario.tools]
    for at, name in enumerate(named):
        if name in named[:at]:
            raise _WrongField(("tools", at, "name"), f"there is another tool {name!r}")
    for at, step in enumerate(scenario.steps):
        called = getattr(step, "calls", None) or getattr(step, "calls_not", None)
        if called is not None and called not in {*named, *scenario.server_calls}:
            kind = next(iter(type(step).model_fields))
            raise _WrongField(
                ("steps", at, kind),
                f"there is no [[tools]] with the name {called!r}, nor does server_calls hold it",
            )
    return scenario


def _step(at: int, step: object) -> Table:
    place: Place = ("steps", at)
    if not isinstance(step, dict):
        raise _WrongField(place, f'a step is a table, such as {{ say = "Hello" }}, not {step!r}')
    kinds = [key for key in step if key in STEPS]
    if len(kinds) > 1:
        raise _WrongField(place, f"a step does one thing: part {' and '.join(kinds)} into steps of their own")
    if not kinds:
        unknown = next(iter(step), "")
        raise _WrongField((*place, unknown) if unknown else place, f"is no kind of step; {_suggestion(unknown, STEPS)}")
    return _validated(STEPS[kinds[0]], step, place)


def _suggestion(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


TableT = TypeVar("TableT", bound=Table)


def _validated(kind: type[TableT], table: object, place: Place) -> TableT:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        inner = tuple(key for key in first["loc"] if not (isinstance(key, str) and key[:1].isupper()))
        raise _WrongField((*place, *inner), _plain(first, kind)) from None


def _plain(error: Any, kind: type[Table]) -> str:  # noqa: ANN401  # as pydantic has it
    match error["type"]:
        case "extra_forbidden":
            name = str(error["loc"][-1])
            known = (Tool if error["loc"][0] == "tools" else kind).model_fields
            return f"is not known here; {_suggestion(name, known)}"
        case "missing":
            return "is missing"
        case "too_short" | "string_too_short":
            return "is empty"
        case "tuple_type":
            return f"{error['input']!r} is not allowed: give a list"
        case _:
            message = str(error["msg"]).removeprefix("Value error, ")
            return f"{error['input']!r} is not allowed: {message[:1].lower()}{message[1:]}"


def _spelled(place: Place) -> str:
    """As people count: ``steps 3, within_s``."""
    words = ""
    for key in place:
        words += f" {key + 1}" if isinstance(key, int) else f"{', ' if words else ''}{key}"
    return words
