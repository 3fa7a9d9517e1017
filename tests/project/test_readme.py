"""What docs/start.md says to type runs as it stands, and what is generated is fresh."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.server_process import ServerProcess
from support.stock_clients import REPOSITORY, environment, made

START = REPOSITORY / "docs" / "start.md"
TRIED = re.compile(r"<!-- tried: openai-python -->\n```python\n(?P<code>.*?)```", re.DOTALL)


def test_its_openai_sdk_example_runs_as_it_stands(bargein_server: ServerProcess, tmp_path: Path) -> None:
    made("stock-clients", REPOSITORY / ".build/stock-clients/.installed")
    found = TRIED.search(START.read_text(encoding="utf-8"))
    assert found is not None
    code = found["code"].replace("127.0.0.1:8765", bargein_server.address)
    assert code != found["code"]
    done = subprocess.run(
        [REPOSITORY / ".build/stock-clients/bin/python", "-c", code],
        check=False,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "demo model" in done.stdout
    assert (tmp_path / "reply.wav").stat().st_size > 48_000


def test_its_call_runs_as_it_stands(bargein_server: ServerProcess, tmp_path: Path) -> None:
    found = re.search(r"<!-- tried: call -->\n```sh\n\.venv/bin/bargein (.*)\n```", START.read_text(encoding="utf-8"))
    assert found is not None
    done = subprocess.run(
        [sys.executable, "-m", "bargein", *found[1].split(), "--url", bargein_server.realtime_url],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "interrupted, " in done.stdout
    assert (tmp_path / "heard.wav").stat().st_size > 48_000


def test_what_is_generated_is_fresh() -> None:
    program = [sys.executable, str(REPOSITORY / "scripts" / "write_docs.py"), "--check"]
    done = subprocess.run(program, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
