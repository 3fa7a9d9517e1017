"""``make bench``: the turns, against their floors."""

import sys

from benchmarks.turns import main

sys.exit(main())
