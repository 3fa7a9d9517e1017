"""The logs: no secrets in them, and no lines that a caller wrote."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog

from bargein.gateway.logs import configure_logs
from bargein.standard_error import never_wait_for_standard_error

Lines = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, stream = root.handlers, root.level, sys.stderr
    yield
    root.handlers, root.level, sys.stderr = handlers, level, stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Lines:
    def read() -> list[str]:
        assert never_wait_for_standard_error().flush()
        return capfd.readouterr().err.splitlines()

    return read


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_secrets_are_hidden_by_name_by_look_and_by_value(lines: Lines, log_format: str) -> None:
    configure_logs("info", log_format, ["the-operators-own-key"])
    log = structlog.get_logger("test")
    log.info("one", api_key="anything", authorization="Bearer abc", token="t", path="/?k=the-operators-own-key")
    log.info(
        "two", header="Bearer sk-abcdefgh12345", entry="openai-insecure-api-key.hunter2", value="ek_abcdefgh.ij.kl"
    )
    logging.getLogger("some.library").warning("sent Authorization: Bearer %s", "the-operators-own-key")
    told = "\n".join(lines())
    assert told.count("***") >= 8
    for secret in ("anything", "abc", "the-operators-own-key", "hunter2", "abcdefgh"):
        assert secret not in told


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_caller_writes_no_line_of_its_own(lines: Lines, log_format: str) -> None:
    configure_logs("info", log_format)
    structlog.get_logger("test").info("closing", reason="bye\n2026-01-01 [error] forged\x1b[31m\u2028x\r")
    logging.getLogger("library").warning("path %s", "/\nforged")
    told = lines()
    assert len(told) == 2
    assert "\x1b[31m" not in told[0]


def test_json_has_one_object_a_line_with_its_context(lines: Lines) -> None:
    configure_logs("info", "json", worker=3)
    structlog.get_logger("test").bind(session_id="sess_1").info("session opened", model="m")
    entry = json.loads(lines()[0])
    assert entry | {"timestamp": ""} == {
        "event": "session opened",
        "level": "info",
        "model": "m",
        "session_id": "sess_1",
        "timestamp": "",
        "worker": 3,
    }


def test_what_is_below_the_level_is_not_logged(lines: Lines) -> None:
    configure_logs("warning", "console")
    structlog.get_logger("test").info("no")
    logging.getLogger("library").info("no")
    structlog.get_logger("test").warning("yes")
    assert len(lines()) == 1
