"""How the package that is running was built."""

from __future__ import annotations

from importlib.util import find_spec


def is_compiled() -> bool:
    """Whether the parts that run for every frame, delta and turn are compiled, and not interpreted."""
    spec = find_spec("bargein.core.conversation")
    return spec is not None and spec.origin is not None and not spec.origin.endswith(".py")
