"""The one place where what others raise and answer becomes :class:`~bargein.errors.UpstreamError`.

What a caller may be told holds no key, no address and no server's name; those stay in the chained cause, for the
operator's log.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import orjson

from bargein.errors import (
    AudioGone,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
    UpstreamUnavailable,
)
from bargein.loop.clock import unix_s
from bargein.upstream.http import ConnectFailed, ConnectTimedOut, HttpError, InvalidHttp, TlsFailed, UnknownEncoding
from bargein.upstream.lenient import as_json, read_json

FOREIGN: Final = (HttpError, OSError)
"""What the HTTP client raises, and what the event loop does."""

ERROR_BODY_LIMIT_BYTES: Final = 65_536
"""As much of an error's body as is read."""

_MESSAGE_LIMIT = 1000
_PLAIN_LIMIT_BYTES: Final = 300
"""A body of plain text is told as far as this; what is longer is no message for people."""
_SAYING: Final = ("message", "detail", "error_msg", "error_message", "errors", "msg")
"""Where servers and gateways put what went wrong."""
_AUDIO_GONE: Final = re.compile(r"\baudio_\w+.{0,40}\b(?:not found|expired|does not exist)", re.IGNORECASE)
_KEY_LIKE = re.compile(r"\bsk-[\w*.-]+|[\w-]*\*{3,}[\w*-]*")
"""A key as OpenAI writes it, whole or with stars in its middle."""


def from_exception(error: BaseException) -> UpstreamError:
    """A foreign exception."""
    match error:
        case ConnectTimedOut() | TimeoutError():
            return timed_out("connect")
        case TlsFailed():
            return UpstreamUnavailable("No secure connection to the model's server could be made.", code="tls_failed")
        case ConnectFailed():
            return UpstreamUnavailable("The model's server could not be reached.", code="connect_failed")
        case InvalidHttp():
            return UpstreamMalformed("The model's server answered something that is not HTTP.", code="invalid_http")
        case UnknownEncoding():
            return UpstreamMalformed(
                "The model's server compressed its answer, which it was not asked to do.", code="unknown_encoding"
            )
        case _:
            return cut()


def cut() -> UpstreamUnavailable:
    """The connection ended before the answer did."""
    return UpstreamUnavailable("The model's server dropped the connection before its answer was complete.", code="cut")


def timed_out(phase: str) -> UpstreamTimedOut:
    """:param phase: ``connect``, ``first_byte``, ``stall`` or ``whole_answer``."""
    message = {
        "connect": "The model's server could not be reached in time.",
        "first_byte": "The model did not begin to answer in time.",
        "stall": "The model fell silent in the middle of its answer.",
        "whole_answer": "The model did not finish its answer in time.",
    }[phase]
    return UpstreamTimedOut(message, code=f"{phase}_timeout")


def is_answer(status: int) -> bool:
    """Whether a status is one of an answer with a body: what lies before a model may say 201, or 203, for 200."""
    return 200 <= status <= 203


def from_status(status: int, headers: Mapping[str, str], body: bytes, secret: str | None) -> UpstreamError:
    """An answer that :func:`is_answer` is not."""
    said = _error_object(_json(body)) or _plain_text(body)
    type_ = _text(said.get("type")) or ("server_error" if status >= 500 else "invalid_request_error")
    code = _text(said.get("code"))
    param = _text(said.get("param"))
    message = redact(_text(said.get("message")) or "", secret)
    retry_after_s = retry_after(headers)
    if status == HTTPStatus.UNAUTHORIZED:
        # Its message would quote the operator's key, however masked.
        return UpstreamRefused(
            "The model's server does not accept this server's key. The operator has to check it.",
            type=type_,
            code=code or "invalid_api_key",
            http_status=status,
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return UpstreamRateLimited(
            message or "The model's server has had too many requests.",
            type=type_,
            code=code or "rate_limit_exceeded",
            http_status=status,
            retry_after_s=retry_after_s,
        )
    if code == "audio_not_found" or (status in {400, 404} and _AUDIO_GONE.search(message)):
        return AudioGone(
            message or "The model has forgotten its own audio.",
            type=type_,
            code=code,
            param=param,
            http_status=status,
        )
    if status >= 500:
        return UpstreamUnavailable(
            message or f"The model's server failed with status {status}.",
            type=type_,
            code=code,
            http_status=status,
            retry_after_s=retry_after_s,
        )
    if status >= 400:
        return UpstreamRefused(
            message or f"The model's server refused the request with status {status}.",
            type=type_,
            code=code,
            param=param,
            http_status=status,
        )
    return UpstreamMalformed(
        f"The model's server answered with status {status}. The operator has to check its base URL.",
        code="unexpected_status",
        http_status=status,
    )


def from_stream(chunk: Mapping[str, Any], secret: str | None) -> UpstreamError | None:
    """The error that a chunk of a stream is, if it is one."""
    told = chunk.get("error") or chunk.get("object") == "error"
    if not told and ("choices" in chunk or not any(chunk.get(name) for name in _SAYING)):
        return None
    said = _error_object(chunk)
    message = redact(_text(said.get("message")) or "The model failed in the middle of its answer.", secret)
    type_, code = _text(said.get("type")) or "server_error", _text(said.get("code"))
    status = int(code) if code and code.isdecimal() and len(code) == 3 else None
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in {"rate_limit_exceeded", "insufficient_quota"}:
        return UpstreamRateLimited(message, type=type_, code=code, http_status=status)
    if (status or 500) < 500 or type_ == "invalid_request_error":
        return UpstreamRefused(message, type=type_, code=code, http_status=status)
    return UpstreamUnavailable(message, type=type_, code=code, http_status=status)


def model_failed(reason: str) -> UpstreamError:
    """A reply that ends with a finish reason that is none.

    :param reason: the finish reason, one of those that are known to mean a failure.
    """
    return UpstreamUnavailable(
        f"The model broke its answer off, with the finish reason '{reason}'.", code=f"finish_reason_{reason}"
    )


def to_answer(error: UpstreamError) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and JSON body that tell an HTTP caller of ``error`` in the shape of the model's own errors."""
    match error:
        case UpstreamTimedOut():
            status = 504
        case UpstreamRefused(http_status=int(answered)) if answered not in {401, 403}:
            status = answered
        case UpstreamUnavailable(http_status=503):
            status = 503
        case _:
            # Also for 401 and 403: it is this server whom the model's server turned away, not its caller.
            status = 502
    headers = {"content-type": "application/json"}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after_s)))
    body = {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}
    return status, headers, orjson.dumps(body)


def redact(text: str, secret: str | None) -> str:
    """``text`` of a foreign server without the key and without what looks like one, cut to a length for people."""
    return scrub(text, secret)[:_MESSAGE_LIMIT]


def scrub(text: str, secret: str | None) -> str:
    """``text`` without the key and without what looks like one."""
    if secret:
        text = text.replace(secret, "***")
    return _KEY_LIKE.sub("***", text)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``Retry-After`` (RFC 9110 section 10.2.3), or of OpenAI's and Azure's finer ``retry-after-ms``."""
    fine, coarse = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if fine is not None:
            seconds = float(fine) / 1000
        elif coarse is None:
            return None
        elif coarse.strip().replace(".", "", 1).isdecimal():
            seconds = float(coarse)
        else:
            seconds = (parsedate_to_datetime(coarse) - datetime.fromtimestamp(unix_s(), UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _error_object(said: object) -> dict[str, Any]:
    """``{"error": {…}}``, ``{"error": "…"}``, ``{"message": …}`` (vLLM, DashScope), ``{"detail": …}`` (FastAPI), a list
    of one of these (Gemini), or what gateways in front of them say.
    """
    if isinstance(said, list) and said:
        said = said[0]
    if not isinstance(said, dict):
        return {}
    match said.get("error") or said.get("errors") or said.get("detail"):
        case dict() as inner:
            return _with_message(inner)
        case str() as inner:
            return {**said, "message": inner}
        case [dict() as inner, *_] if isinstance(inner.get("message"), str):
            return inner
        case list() as inner:
            return {"message": as_json(inner)}
        case _:
            return _with_message(said)


def _with_message(said: dict[str, Any]) -> dict[str, Any]:
    """``said`` with its words where OpenAI has them."""
    words = next((said[name] for name in _SAYING if _text(said.get(name))), None)
    return said if words is None else {**said, "message": words}


def _json(body: bytes) -> object:
    try:
        return read_json(body)
    except ValueError:
        return None


def not_json(data: bytes, secret: str | None) -> UpstreamMalformed:
    """An event of a stream, or a whole answer, that should have been JSON. Where it is a short sentence, it is told."""
    return UpstreamMalformed(
        f"The model's server sent an event that is not JSON{_in_words(data, secret)}.", code="invalid_json"
    )


def no_stream(body: bytes, secret: str | None) -> UpstreamMalformed:
    """An answer that is neither a stream nor JSON. Where it is a short sentence, it is told."""
    return UpstreamMalformed(
        f"The model's server answered with something that is no event stream{_in_words(body, secret)}. The operator "
        "has to check its base URL.",
        code="not_a_stream",
    )


def _in_words(body: bytes, secret: str | None) -> str:
    text = _plain_text(body).get("message")
    return f": {redact(text, secret)!r}" if text else ""


def _plain_text(body: bytes) -> dict[str, str]:
    """A body that is a short sentence rather than JSON or a web page."""
    text = body.decode(errors="replace").strip() if len(body) <= _PLAIN_LIMIT_BYTES else ""
    return {"message": text} if text and text.isprintable() and "\ufffd" not in text and text[0] not in "<{[" else {}


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
