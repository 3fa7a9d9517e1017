"""What tests of all folders share: the demo model, a real server, speech, and a record of every server event."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio

from bargein.demo.process import DemoModelProcess
from support.event_recorder import DIRECTORY_VARIABLE
from support.server_process import ServerProcess, serve


def pytest_configure(config: pytest.Config) -> None:
    """Put the programs of this environment first: Node.js may be one of them.

    Let no example be timed, and let them be the same on every run, but where new ones are looked for.
    """
    hypothesis.settings.register_profile(
        "bargein", deadline=None, derandomize="BARGEIN_FUZZ_EXAMPLES" not in os.environ
    )
    hypothesis.settings.load_profile("bargein")
    os.environ["PATH"] = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"


WAIT_LONGEST = ("stock_clients", "e2e", "trial", "client_web", "load", "demo", "cli", "observe", "fuzz")
"""Folders whose tests take longest: they talk in real time, or start programs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that at the end no worker waits for another. End with ``after_all``."""

    def place(item: pytest.Item) -> tuple[bool, int]:
        folder = item.path.parent.name
        at = WAIT_LONGEST.index(folder) if folder in WAIT_LONGEST else len(WAIT_LONGEST)
        return item.get_closest_marker("after_all") is not None, at

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def recorded_events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory in which every server event that a test receives is recorded (``support/event_recorder.py``).

    ``make test`` names one for several pytest processes together.
    """
    if given := os.environ.get(DIRECTORY_VARIABLE):
        yield Path(given)
        return
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("server-events")
        patch.setenv(DIRECTORY_VARIABLE, str(directory))
        yield directory


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo_model() -> AsyncIterator[DemoModelProcess]:
    """The bundled demo model in a process of its own; ``base_url`` is what an upstream's is."""
    async with DemoModelProcess() as demo:
        yield demo


@pytest.fixture(scope="session")
def bargein_server(demo_model: DemoModelProcess) -> Iterator[ServerProcess]:
    """The real ``bargein serve`` in front of :func:`demo_model`, which may take its time when all tests run at once.

    Shared: leave it as it is.

    A test that wants other settings, or to end it, uses ``support.server_process.serve``.
    """
    patient = {"BARGEIN_UPSTREAM_FIRST_BYTE_TIMEOUT_S": "60", "BARGEIN_UPSTREAM_CHUNK_TIMEOUT_S": "60"}
    with serve("--upstream", demo_model.base_url, settings=patient) as server:
        yield server
