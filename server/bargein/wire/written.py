"""What is large of a session, as it was written once: each update shows it again, and changes it seldom."""

from __future__ import annotations

from typing import Any, Final

import orjson

from bargein.errors import CallerError
from bargein.wire.session_models import MAX_TOOLS_BYTES, FunctionTool

Json = dict[str, Any]

SMALL: Final = 4096
"""Characters, or bytes as JSON: what is no longer is written each time, and can be looked at."""


class Written:
    """Remembers by identity: what was validated is never changed."""

    def __init__(self) -> None:
        self._text = ""
        self._text_json: object = ""
        self._tools: list[FunctionTool] = []
        self._settings: tuple[Json, ...] = ()
        self._tools_json: object = []

    def text(self, text: str) -> object:
        """``text`` as a value of an event."""
        if len(text) <= SMALL:
            return text
        if text is not self._text:
            self._text, self._text_json = text, orjson.Fragment(orjson.dumps(text))
        return self._text_json

    def tools(self, tools: list[FunctionTool]) -> object:
        """``tools`` as a value of an event."""
        self.take(tools)
        return self._tools_json

    def settings(self, tools: list[FunctionTool]) -> tuple[Json, ...]:
        """See :func:`settings_of`."""
        self.take(tools)
        return self._settings

    def take(self, tools: list[FunctionTool]) -> None:
        """These are the session's from now on, if they are not yet.

        :raises CallerError: they are too large; it remembers those before.
        """
        if tools is self._tools:
            return
        settings = settings_of(tools)
        json = tools_json(settings, "session.tools")
        self._tools, self._settings = tools, settings
        self._tools_json = list(settings) if len(json) <= SMALL else orjson.Fragment(json)


def settings_of(tools: list[FunctionTool]) -> tuple[Json, ...]:
    """Tools as the core keeps them: the protocol's objects, with nothing that the caller did not give."""
    return tuple(
        {"type": tool.type}
        | {name: getattr(tool, name) for name in FunctionTool.model_fields if name in tool.model_fields_set}
        for tool in tools
    )


def tools_json(settings: tuple[Json, ...], param: str) -> bytes:
    """Tools as they are shown.

    :param param: the field in which they came.
    :raises CallerError: they are too large.
    """
    json = orjson.dumps(settings)
    if len(json) > MAX_TOOLS_BYTES:
        raise CallerError(
            f"Invalid '{param}': too large. All tools together may take {MAX_TOOLS_BYTES} bytes as JSON, and take "
            f"{len(json)}. Describe them more briefly, or give fewer.",
            code="above_max_size",
            param=param,
        )
    return json
