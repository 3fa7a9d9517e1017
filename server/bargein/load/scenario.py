"""What the fake callers do: a small TOML file, checked field by field.

The scenarios that ship are the files in ``scenarios/``; each is an example of the format. Ranges are ``[least, most]``
and are drawn from evenly; shares are between 0 and 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from annotated_types import Ge, Le, Len
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bargein.load.errors import UsageError
from bargein.toml_files import NotTomlError, parse_toml

FOLDER: Final = Path(__file__).parent / "scenarios"

Aside = Literal["cough", "mm-hm", "click"]
Share = Annotated[float, Ge(0), Le(1)]


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("the first number is the least, the second the most")
    return bounds


Seconds = Annotated[tuple[Annotated[float, Ge(0)], Annotated[float, Ge(0)]], AfterValidator(_ordered)]
Count = Annotated[tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)]], AfterValidator(_ordered)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Calls(_Table):
    """``[call]``: how a call goes."""

    turns: Count = (4, 8)
    """Turns of the caller before it hangs up."""
    pause_s: Seconds = (0.4, 1.5)
    """From the end of a reply to the caller's next word."""
    away_s: Seconds = (1.0, 3.0)
    """From hanging up to calling again."""
    hang_up_share: Share = 0.0
    """Of the replies in whose middle the caller hangs up."""
    patience_s: Annotated[float, Ge(1)] = 10.0
    """A reply that has not begun by then, after the end of the caller's speech, never came."""


class Interruptions(_Table):
    """``[interrupt]``: talking over the agent."""

    share: Share = 0.0
    """Of the replies."""
    after_s: Seconds = (0.8, 3.0)
    """How much of the reply has been heard by then."""


class Asides(_Table):
    """``[aside]``: sounds while the agent speaks that are no interruption."""

    share: Share = 0.0
    """Of the replies that are not interrupted."""
    sounds: Annotated[tuple[Aside, ...], Len(1)] = ("cough", "mm-hm", "click")
    after_s: Seconds = (0.5, 2.0)


class Noise(_Table):
    """``[noise]``: a steady room behind the caller."""

    level_db: Annotated[float, Ge(-90), Le(-20)]
    """RMS relative to full scale; the callers' speech has about -22."""


class Network(_Table):
    """``[network]``: stalls, in which nothing of the caller is sent and nothing is read; all of it arrives after."""

    stall_every_s: Seconds = (4.0, 10.0)
    stall_s: Seconds = (0.1, 0.5)


class Scenario(_Table):
    """One kind of caller."""

    about: Annotated[str, Len(1)]
    call: Calls = Calls()
    interrupt: Interruptions = Interruptions()
    aside: Asides = Asides()
    noise: Noise | None = None
    network: Network | None = None


class _Part(_Table):
    scenario: Annotated[str, StringConstraints(pattern=r"^[^\x00]{1,200}$")]
    share: Annotated[float, Ge(0), Le(1e9)] = 1.0


class _Mix(_Table):
    about: Annotated[str, Len(1)]
    mix: Annotated[tuple[_Part, ...], Field(min_length=1)]


def load_scenario(name: str) -> list[tuple[str, float, Scenario]]:
    """Read a scenario: the name of one that ships, or the path of a file.

    :returns: name, share and scenario of each kind of caller; one, unless it is a mix. Shares sum to 1.
    :raises UsageError: there is no such scenario, or a field of it is wrong; the message names it.
    """
    path = Path(name) if name.endswith(".toml") or "/" in name else FOLDER / f"{name}.toml"
    table = _read(path, name)
    if "mix" not in table:
        return [(path.stem, 1.0, _checked(Scenario, table, path))]
    mix = _checked(_Mix, table, path)
    total = sum(part.share for part in mix.mix)
    if total <= 0:
        raise UsageError(f"scenario {path}: the shares of the mix sum to nothing")
    parts = []
    for part in mix.mix:
        inner = path.parent / f"{part.scenario}.toml"
        inner = inner if inner.exists() else FOLDER / f"{part.scenario}.toml"
        parts.append((part.scenario, part.share / total, _checked(Scenario, _read(inner, part.scenario), inner)))
    return parts


def scenario_names() -> list[str]:
    """The scenarios that ship with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _read(path: Path, name: str) -> dict[str, object]:
    try:
        return parse_toml(path.read_bytes())[1]
    except OSError as error:
        known = ", ".join(scenario_names())
        raise UsageError(
            f"scenario {name!r}: {error.strerror}; give the path of a .toml file, or one of {known}"
        ) from None
    except NotTomlError as error:
        raise UsageError(f"scenario {path}: no TOML: {error}") from None


TableT = TypeVar("TableT", bound=_Table)


def _checked(kind: type[TableT], table: dict[str, object], path: Path) -> TableT:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"scenario {path}: {where}: {first['msg']}") from None
