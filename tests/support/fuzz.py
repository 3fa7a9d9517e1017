"""Input that nobody expects: any JSON at any place of what is expected, and bytes that are nearly right.

Examples are the same on every run; ``BARGEIN_FUZZ_EXAMPLES=5000 pytest tests/fuzz`` looks for new ones.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_MORE: Final = os.environ.get("BARGEIN_FUZZ_EXAMPLES")


def examples(count: int) -> Callable[..., Any]:
    """How many a test tries."""
    return settings(
        max_examples=int(_MORE) if _MORE else count,
        derandomize=not _MORE,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


NUMBERS: Final[list[Any]] = [
    0, -0.0, 1, -1, 2, 7, 0.5, 1e-320, 1e308, -1e308, 127, 128, 255, 4096, 2**31, -(2**31) - 1, 2**53 + 1,
    2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**400, float("nan"), float("inf"), float("-inf"),
]  # fmt: skip
TEXTS: Final = [
    "", " ", "\0", "a", "null", "ü", "\ud800", "\udfff\ud800", "😀", "\u2028", "'", "../..", "A" * 600, "é" * 3000,
    "AAA=", "data:audio/wav;base64,AAAA", "data:image/png;base64,AAAA", "http://[", "1" * 5000,
]  # fmt: skip


def everywhere(originals: Sequence[Any], known: Sequence[Any] = ()) -> Iterator[Any]:
    """Each of ``originals`` with each of its values taken out, put into an array, and replaced by each odd one."""
    values = [None, True, False, [], {}, [[]], [{}], {"": {}}, nested(99), nested(400, objects=True), *NUMBERS, *TEXTS]
    for original in originals:
        count = sum(1 for _ in _places(original))
        for place in range(count):
            for change in ("take out", "wrap", *values, *known):
                value = copy.deepcopy(original)
                holder, key = next(itertools.islice(_places(value), place, None))
                if change == "take out":
                    del holder[key]
                else:
                    holder[key] = [holder[key]] if change == "wrap" else change
                yield value


def nested(depth: int, *, objects: bool = False) -> Any:  # noqa: ANN401 (JSON)
    """Arrays, or objects, inside each other."""
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if objects else [value]
    return value


def json_values(known: Sequence[Any] = ()) -> st.SearchStrategy[Any]:
    """Any JSON value, and what Python writes as such. ``known`` are values that mean something."""
    scalars = st.one_of(
        st.sampled_from([None, True, False]), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.text(max_size=20)
    )
    if known:
        scalars = st.one_of(scalars, st.sampled_from(list(known)))
    names = st.one_of(st.sampled_from(["type", "id", "text", "data", "", "\ud800", "__class__"]), st.text(max_size=5))
    containers = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
    )
    deep = st.builds(nested, st.sampled_from([50, 99, 101, 400, 900]), objects=st.booleans())
    many = st.builds(lambda value, count: [value] * count, scalars, st.sampled_from([2, 100, 1000]))
    return st.one_of(scalars, containers, deep, many)


@st.composite
def mutated(draw: st.DrawFn, originals: Sequence[Any], known: Sequence[Any] = ()) -> Any:  # noqa: ANN401 (JSON)
    """One of ``originals`` with some of its values replaced, taken out, repeated or added to."""
    value = copy.deepcopy(draw(st.sampled_from(list(originals))))
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(value))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["replace", "replace", "replace", "take out", "repeat", "add", "wrap"])):
            case "replace":
                holder[key] = copy.deepcopy(draw(json_values(known)))
            case "take out":
                del holder[key]
            case "repeat" if isinstance(holder, list):
                holder.extend([copy.deepcopy(holder[key])] * draw(st.sampled_from([1, 40])))
            case "add" if isinstance(holder, dict):
                name = draw(st.one_of(st.text(max_size=8), st.sampled_from(["type", "id", "index"])))
                holder[name] = copy.deepcopy(draw(json_values(known)))
            case _:
                holder[key] = draw(st.sampled_from([[holder[key]], {"value": holder[key]}]))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 (JSON)
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(min(len(value), 8))
        for key in list(keys):
            yield value, key
            yield from _places(value[key])


@st.composite
def json_texts(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> bytes:
    """``values`` as text: perhaps with a repeated name, cut off, or with bytes that do not belong there."""
    text = json.dumps(draw(values)).encode()
    match draw(st.sampled_from(["whole"] * 7 + ["repeated", "cut", "spoilt"])):
        case "repeated":
            at = text.find(b"{") + 1
            name = draw(st.sampled_from([b"type", b"id", b"choices", b"session", b"event_id"]))
            text = text[:at] + b'"' + name + b'":' + json.dumps(draw(json_values())).encode() + b"," + text[at:]
        case "cut":
            text = text[: draw(st.integers(0, len(text)))]
        case "spoilt":
            at = draw(st.integers(0, len(text)))
            text = text[:at] + draw(st.binary(max_size=4)) + text[at:]
    return text
