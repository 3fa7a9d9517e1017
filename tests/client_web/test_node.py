"""The client's modules in Node.js, and what TypeScript says about them: ``node --test`` and ``tsc``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.programs import missing, require_program

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"


def node(*arguments: str) -> None:
    """Run Node.js in this folder; what it printed is the message when it fails."""
    if not NODE_MODULES.exists():
        missing("the Node.js packages of these tests: `npm ci` in tests/client_web")
    done = subprocess.run(
        [require_program("node"), *arguments], cwd=HERE, capture_output=True, text=True, timeout=300, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[max(0, output.find("failing tests")) :][-12_000:]


def test_modules_and_worklets_in_node() -> None:
    files = sorted(str(path.relative_to(HERE)) for path in HERE.rglob("*.test.mjs") if NODE_MODULES not in path.parents)
    assert files
    node("--test", "--test-reporter=spec", *files)


@pytest.mark.parametrize("project", ["tsconfig.json", "tsconfig.worklets.json"])
def test_types(project: str) -> None:
    node(str(NODE_MODULES / "typescript" / "bin" / "tsc"), "--project", project)
