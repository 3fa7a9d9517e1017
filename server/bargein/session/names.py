"""The names of one session, and of what is made in it."""

from __future__ import annotations

import itertools
import secrets
from typing import Final

ID_BYTES: Final = 9


class Names:
    """Gives names that no other session gives."""

    def __init__(self) -> None:
        self.key = secrets.token_hex(ID_BYTES)
        self.session_id = f"sess_{self.key}"
        self._numbers = itertools.count(1)

    def new_id(self, prefix: str) -> str:
        """A name that begins with ``prefix``."""
        return f"{prefix}_{self.key}{next(self._numbers)}"
