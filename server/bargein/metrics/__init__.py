"""What an operator can see of a running server: Prometheus metrics, without a session's id in any of them."""

from bargein.metrics.metrics import (
    Dialect,
    HoldOutcome,
    Metrics,
    RefusalReason,
    ResponseStatus,
    TokenDirection,
    TokenKind,
    UpstreamErrorKind,
)
from bargein.metrics.traffic import Traffic

__all__ = [
    "Dialect",
    "HoldOutcome",
    "Metrics",
    "RefusalReason",
    "ResponseStatus",
    "TokenDirection",
    "TokenKind",
    "Traffic",
    "UpstreamErrorKind",
]
