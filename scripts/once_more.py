"""Tries what has failed in a run of all tests once more, by itself, if it talks in real time.

In some folders callers, browsers and other people's programs speak with each other in seconds that nobody can stop, two
such tests at a time beside a compiler. What a busy machine has made late there says nothing of the server: alone it
passes. A test that fails twice has failed. So has one of any other folder at once, and so have more than a few: then
something is broken. The first failure stays on the screen above, and what was tried again is named, to be looked at.

``make test`` runs it when pytest has failed; ``python scripts/once_more.py`` looks at the last run of all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

IN_REAL_TIME: Final = ("cli", "client_web", "e2e", "load", "observe", "stock_clients", "trial")
"""Folders of ``tests``."""
A_FEW: Final = 4
LAST_FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    """Returns the exit code: 0 if all that had failed has passed now."""
    failed = sorted(json.loads(LAST_FAILED.read_text(encoding="utf-8"))) if LAST_FAILED.exists() else []
    if not failed:
        print("Nothing is known to have failed, so nothing can be tried again.")
        return 1
    final = [test for test in failed if not test.startswith(tuple(f"tests/{folder}/" for folder in IN_REAL_TIME))]
    if final or len(failed) > A_FEW:
        print(f"Not tried again: {len(failed)} have failed, of them {len(final)} that do not talk in real time.")
        return 1
    print("Tried once more, alone:", *failed, sep="\n  ", flush=True)
    code = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *failed], check=False).returncode
    if code == 0:
        print("Passed when alone, and failed beside others:", *failed, sep="\n  ")
    return code


if __name__ == "__main__":
    sys.exit(main())
