"""Type information of ``_narrowing.c``."""

def narrow(memory: bytearray, chunk: bytes, taps: bytes, factor: int, sections: bytes, /) -> tuple[bytes, float]:
    """The chunk's samples that are kept, as PCM16, and the mean square of them before they were cut to integers."""

def look_up(memory: bytearray, codes: bytes, table: bytes, sections: bytes, /) -> tuple[bytes, float]:
    """The same of G.711."""
