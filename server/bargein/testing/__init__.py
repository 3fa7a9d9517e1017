"""For tests of the server and of agents built on it: virtual time."""

from bargein.testing.loop import VirtualTimeLoop, run

__all__ = ["VirtualTimeLoop", "run"]
