"""Type information of ``_silero.c``."""

def judge(weights: bytes, heard: bytes, memory: bytearray, /) -> list[float]:
    """The probability of speech of each whole window; the memory is changed."""
