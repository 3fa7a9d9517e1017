"""The route of what the API has and this server has not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from bargein.gateway.not_served import not_served


class NotServed(Route):
    """Matches what :func:`~bargein.gateway.not_served.not_served` has an answer for, and no other route serves."""

    def __init__(self, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        super().__init__("/{path:path}", endpoint)
        self.methods = None  # Any.

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is one of those."""
        method = scope.get("method", "")
        if scope["type"] != "http" or method == "OPTIONS" or not_served(method, scope["path"]) is None:
            return Match.NONE, {}
        return Match.FULL, {"endpoint": self.endpoint, "path_params": {}}
