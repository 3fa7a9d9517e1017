"""Type information of ``_narrowing.c``."""

def narrow(past: bytes, chunk: bytes, taps: bytes, factor: int, /) -> tuple[bytes, float]:
    """The chunk's samples that are kept, as PCM16, and the mean square of them before they were cut to integers."""
