"""Other people's clients, in an environment of their own, against the real server with the demo model."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.programs import require_program
from support.server_process import ServerProcess
from support.speech import speak_to_file
from support.stock_clients import REPOSITORY, Findings, RunClient, made, run_program


@pytest.fixture(scope="session")
def stock_python() -> Path:
    """The Python of the stock clients' environment."""
    made("stock-clients", REPOSITORY / ".build/stock-clients/.installed")
    return REPOSITORY / ".build/stock-clients/bin/python"


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the packages of this folder installed."""
    path = require_program("node")
    made("node-modules", Path(__file__).parent / "node_modules/.installed")
    return path


@pytest.fixture(scope="session")
def run_client(bargein_server: ServerProcess, recorded_events: Path) -> RunClient:
    """Runs one of the ``programs`` against the server."""
    given = {
        "http_url": bargein_server.http_url,
        "realtime_url": bargein_server.realtime_url,
        "question": str(speak_to_file("What time is it?")[0]),
        "interruption": str(speak_to_file("Stop. Please count to twenty.")[0]),
    }

    def run(interpreter: Path | str, program: str, *arguments: str) -> Findings:
        try:
            return run_program(interpreter, program, given, *arguments)
        except AssertionError as error:
            error.add_note(f"The server's log:\n{bargein_server.log[-4000:]}")
            raise

    return run
