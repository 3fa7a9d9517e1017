"""Whoever keeps the workers: a signal that comes in the worst moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.server_process import without_settings

ENDS_WITHIN_S = 60.0

SIGNALLED_IN_ITS_WAIT = """
import signal, sys, threading
from multiprocessing.connection import wait
from bargein.gateway import server
from bargein.gateway.workers import Supervisor
from bargein.agents import Agents
from bargein.settings import Settings

def once_it_waits():
    # To another thread it does not end the wait of the main one: nor does one that came just before the wait.
    main = threading.main_thread().ident
    while sys._current_frames()[main].f_code.co_name != "select":
        pass
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

def ready():
    threading.Thread(target=once_it_waits, daemon=True).start()

if __name__ == "__main__":
    settings = Settings(_env_file=None, host="127.0.0.1", workers=2, upstream_url="http://127.0.0.1:9/v1")
    with server.bind("127.0.0.1", 0, shared=True) as sock:
        sys.exit(Supervisor(settings, sock, Agents(), demo_url=None, ready=ready).run())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a signal to one thread of several")
def test_a_signal_just_before_the_wait_ends_the_workers(tmp_path: Path) -> None:
    script = tmp_path / "supervise.py"
    script.write_text(SIGNALLED_IN_ITS_WAIT, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=without_settings(),
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (ended.stdout + ended.stderr).count("draining") == 2
