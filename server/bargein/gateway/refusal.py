"""An answer of "no" to a request, in the shape that OpenAI's SDKs read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import orjson
from structlog.typing import FilteringBoundLogger

from bargein.metrics import RefusalReason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not honoured, whether it asked for a WebSocket or not."""

    status: HTTPStatus
    message: str
    """Whole sentences: what is wrong and what to do. Never holds a key."""
    code: str | None = None
    param: str | None = None
    type: str = "invalid_request_error"
    reason: RefusalReason = "request"
    """What it counts as in ``bargein_sessions_refused_total``."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """JSON, as ``{"error": {"message", "type", "param", "code"}}``."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})


OUR_FAULT: Final = Refusal(
    HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed: its log says why.", "internal_error", type="server_error"
)


def log_refusal(
    log: FilteringBoundLogger, event: str, refusal: Refusal, *, address: str, headers: Mapping[str, str], **more: object
) -> None:
    """Log whom a request was refused to, and what the operator needs to find out why.

    :param headers: of the request, by lower-case name.
    """
    match refusal.reason:
        case "origin":
            more["origin"] = headers.get("origin")
        case "host":
            more["host"] = headers.get("host")
    log.info(
        event,
        reason=refusal.reason,
        status=refusal.status.value,
        code=refusal.code,
        address=address,
        message=refusal.message,
        **{name: value for name, value in more.items() if value is not None},
    )


def unauthorized(message: str, *, code: str = "invalid_api_key") -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, message, code, reason="key", headers={"WWW-Authenticate": "Bearer"})


def try_later(status: HTTPStatus, message: str, *, code: str, reason: RefusalReason, retry_after_s: float) -> Refusal:
    """A refusal that need not be one ``retry_after_s`` seconds from now."""
    kind = "rate_limit_error" if status is HTTPStatus.TOO_MANY_REQUESTS else "server_error"
    return Refusal(status, message, code, None, kind, reason, {"Retry-After": str(math.ceil(retry_after_s))})
