"""``make bench``: scenes on a virtual clock, and turns in real time, each against their floors."""

import sys

from benchmarks import scenes, turns

failed = scenes.main()
sys.exit(turns.main() or failed)
