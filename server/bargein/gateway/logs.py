"""Structured logs, for people or for machines, without secrets."""

from __future__ import annotations

import contextvars
import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bargein.standard_error import Notice, QueuedHandler, never_wait_for_standard_error

_HIDDEN: Final = "***"
_SECRET_NAMES: Final = re.compile(r"authorization|api[-_]?key|secret|password|token$|cookie", re.IGNORECASE)
_SECRET_TEXTS: Final = re.compile(
    r"(?i)\bbearer\s+[^\s\"',]+|\bsk-[A-Za-z0-9_-]{8,}|\bek_[A-Za-z0-9_.-]{8,}|openai-insecure-api-key\.[^\s\"',]+"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Redaction:
    """A processor that hides secrets by the name of their field, by their look, and by their value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= 4)

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Return the entry without them."""
        return {
            name: _HIDDEN if _SECRET_NAMES.search(name) and value else self._clean(value)
            for name, value in event.items()
        }

    def _clean(self, value: Any) -> Any:  # noqa: ANN401 (whatever was logged)
        if not isinstance(value, str):
            return value
        for secret in self._secrets:
            value = value.replace(secret, _HIDDEN)
        return _SECRET_TEXTS.sub(_HIDDEN, value)


def one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Escape control characters of all texts but tracebacks: what a caller sends must not forge a line of its own."""
    return {
        name: _CONTROL.sub(lambda found: repr(found[0])[1:-1], value)
        if isinstance(value, str) and name != "exception"
        else value
        for name, value in event.items()
    }


def configure_logs(level: str, log_format: str, secrets: Iterable[str] = (), **context: object) -> None:
    """Send structlog's and the standard library's logs to standard error, in one form, and let nobody wait for it.

    :param secrets: values that must never appear.
    :param context: fields of every entry, such as the worker's number.
    """
    writer = never_wait_for_standard_error()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redaction(secrets),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    if log_format != "json":
        shared.append(one_line)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(**context)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = QueuedHandler(writer)
    handler.setFormatter(formatter)
    writer.notice = _notice_in(formatter, contextvars.copy_context())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    # uvicorn tells of its start and of every request; the banner and the metrics do.
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, root.level))
    for name in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _is_news(record: logging.LogRecord) -> bool:
    """Not what :mod:`bargein.gateway.http_protocol` says too, with the address."""
    return record.msg != "Invalid HTTP request received."


def _notice_in(formatter: logging.Formatter, context: contextvars.Context) -> Notice:
    """Says in the form of the other lines how many are missing."""

    def notice(count: int) -> str:
        fields = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING"}
        record = logging.makeLogRecord(fields | {"msg": f"{count} lines of this log were dropped: nobody read it"})
        return context.copy().run(formatter.format, record)

    return notice
