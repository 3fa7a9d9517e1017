"""The ``bargein`` command in this process: what it prints and exits with, without the second that a process takes."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from bargein.cli import main
from support.server_process import without_settings


@dataclass(frozen=True, slots=True)
class Ended:
    """As :class:`subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def bargein(*arguments: str, cwd: Path, **environment: str) -> Ended:
    """Run the command to its end, without the settings and keys of whoever runs the tests.

    For what ends by itself before it serves or calls anybody.
    """
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(os, "environ", without_settings() | {"COLUMNS": "200"} | environment)
        patch.setattr(sys, "argv", ["bargein", *arguments])
        patch.chdir(cwd)
        try:
            main()
        except SystemExit as end:
            code = end.code
        else:
            code = 0
    assert isinstance(code, int)
    return Ended(code, out.getvalue(), err.getvalue())
