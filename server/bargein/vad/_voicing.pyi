"""Type information of ``_voicing.c``."""

def is_periodic(samples: bytes, window: bytes, shortest_lag: int, gains: bytes, share: float, /) -> bool:
    """Whether the samples, under the window, repeat themselves at one of the lags."""
