"""What has failed beside others is tried alone, where the machine may have been at fault, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.stock_clients import REPOSITORY

FAILS_ONCE = """
from pathlib import Path

def test_is_late_at_first():
    here = Path(__file__).with_suffix(".seen")
    seen = here.exists()
    here.touch()
    assert seen

def test_is_well():
    pass
"""
FAILS = "def test_is_broken():\n    assert False\n"


def all_then_once_more(folder: Path, tests: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run all tests of a project, which must fail, and then what ``make test`` runs."""
    for name, source in tests.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n", encoding="utf-8")
    first = subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "1"], check=False, cwd=folder)
    assert first.returncode == 1
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts" / "once_more.py")],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_what_talks_in_real_time_and_passes_alone_has_passed_and_is_named(tmp_path: Path) -> None:
    done = all_then_once_more(tmp_path, {"tests/e2e/test_talk.py": FAILS_ONCE})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    told = done.stdout.partition("Passed when alone, and failed beside others:")[2]
    assert told.split() == ["tests/e2e/test_talk.py::test_is_late_at_first"]


def test_what_fails_twice_has_failed(tmp_path: Path) -> None:
    done = all_then_once_more(tmp_path, {"tests/e2e/test_talk.py": FAILS})
    assert done.returncode == 1
    assert "1 failed" in done.stdout


def test_other_tests_have_one_try_and_then_so_has_everything(tmp_path: Path) -> None:
    done = all_then_once_more(tmp_path, {"tests/core/test_rule.py": FAILS_ONCE, "tests/e2e/test_talk.py": FAILS_ONCE})
    assert done.returncode == 1
    assert done.stdout.startswith("Not tried again: 2 have failed, of them 1 that do not talk in real time.")


def test_many_failures_are_no_accident(tmp_path: Path) -> None:
    done = all_then_once_more(tmp_path, {f"tests/e2e/test_talk{number}.py": FAILS_ONCE for number in range(5)})
    assert done.returncode == 1
    assert done.stdout.startswith("Not tried again: 5 have failed")


def test_a_run_that_broke_is_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    script = str(REPOSITORY / "scripts" / "once_more.py")
    done = subprocess.run([sys.executable, script], check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
