"""Results as JUnit XML, which CI servers show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from bargein.trial.playing import Result
from bargein.trial.telling import clock, where

_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, results: Sequence[Result]) -> None:
    """Write the file: a ``testcase`` for each scenario; what brought about no call is an ``error``, else a ``failure``.

    :raises OSError: it cannot be written.
    """
    failed = sum(not result.passed and not result.no_call for result in results)
    errors = sum(result.no_call for result in results)
    seconds = f"{sum(result.duration_s for result in results):.3f}"
    suite = ET.Element(
        "testsuite", name="bargein test", tests=str(len(results)), failures=str(failed), errors=str(errors),
        skipped="0", time=seconds,
    )  # fmt: skip
    for result in results:
        case = ET.SubElement(
            suite, "testcase", classname="bargein", name=result.script.name, file=result.script.file,
            time=f"{result.duration_s:.3f}",
        )  # fmt: skip
        if not result.passed:
            kind = "error" if result.no_call else "failure"
            message = _clean(result.reason)
            ET.SubElement(case, kind, message=message).text = f"{where(result)}: {message}"
        out = [f"{clock(line.at_s)} {line.who}: {line.text} ({line.remark})" for line in result.lines]
        out += [str(path) for path in result.files]
        if out:
            ET.SubElement(case, "system-out").text = _clean("\n".join(out))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    """Without what no XML may hold."""
    return _NO_XML.sub("\ufffd", text)
