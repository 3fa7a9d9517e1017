"""What the words and the sizes of the server's files say of its walls: what no type checker and no contract sees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.stock_clients import REPOSITORY

SERVER = REPOSITORY / "server" / "bargein"
FILES = sorted(SERVER.rglob("*.py"))

TELEPHONES = re.compile(
    r"twilio|twiml|telephon|(?<!micro)(?<!head)phone|dtmf|keypad|(call|stream|account)_?sid|media.?stream",
    re.IGNORECASE,
)
"""G.711 is a codec, and has its names: ``pcmu``, ``pcma``."""

LONGEST_FILE = 500
LONGER = {"core/agent.py": 558}
"""Lines of the files that are longer still: none may grow, and who is short enough leaves the list."""
LONGEST_FUNCTION = 80
LONGEST_SESSION = 250


def name_of(file: Path) -> str:
    return file.relative_to(SERVER).as_posix()


def line_count(file: Path) -> int:
    return len(file.read_text("utf-8").splitlines())


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Every function, and its lines from ``def`` to the end."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield f"{name_of(file)}: {node.name}", node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("package", ["core", "session"])
def test_no_word_is_about_telephones(package: str) -> None:
    """They are one caller's protocol, and the seam holds where nothing behind it knows of them."""
    files = sorted((SERVER / package).rglob("*.py"))
    assert files
    lines = [
        f"{name_of(file)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if TELEPHONES.search(line)
    ]
    assert lines == []


OBSERVERS = {"observer.py", "work_observer.py", "turn_log.py"}
HANDS_ON = {"making.py", "setup.py"}
"""Give the metrics to the observer."""
OWN_AFFAIRS = {"session.py", "driver.py", "field_notices.py"}
"""Write to the log too: what ends a session, a defect of ours, what a caller has asked for without effect."""


def test_a_session_is_measured_and_logged_by_its_observer_alone() -> None:
    files = {file.name: file.read_text("utf-8") for file in (SERVER / "session").glob("*.py")}
    assert files.keys() > OBSERVERS
    measures = {name for name, text in files.items() if re.search(r"\bMetrics\b|metrics\.(?!traffic)", text)}
    assert measures - HANDS_ON - OBSERVERS == set()
    logs = {name for name, text in files.items() if re.search(r"log\.(debug|info|warning|error|exception)\(", text)}
    assert logs == (OBSERVERS | OWN_AFFAIRS)


def test_a_session_is_little_more_than_its_collaborators() -> None:
    assert line_count(SERVER / "session" / "session.py") < LONGEST_SESSION


def test_no_file_is_a_hall() -> None:
    long = {name_of(file): lines for file in FILES if (lines := line_count(file)) > LONGEST_FILE}
    assert {name: lines for name, lines in long.items() if lines > LONGER.get(name, LONGEST_FILE)} == {}
    assert LONGER.keys() - long.keys() == set()


def test_no_function_is_longer_than_two_screens() -> None:
    counted = [function for file in FILES for function in functions(file)]
    assert counted
    assert [(name, lines) for name, lines in counted if lines > LONGEST_FUNCTION] == []
