"""The page at ``/``, and the headers that fence it in."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import bargein

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "microphone=(self)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# A machine may have its own opinion on these, and browsers refuse modules that are not JavaScript by name.
for _suffix, _type in ((".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg+xml")):
    mimetypes.add_type(_type, _suffix)


def find_client_web(configured: Path | None) -> Path | None:
    """The page's directory: the configured one, the one inside the installed package, or the checkout's."""
    package = Path(bargein.__file__).parent
    candidates = [configured] if configured is not None else [package / "client_web", package.parents[1] / "client_web"]
    return next((directory for directory in candidates if (directory / "index.html").is_file()), None)


class PageFiles(StaticFiles):
    """The page's files, always asked for again by their entity tag, so that an upgrade never mixes two versions."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As its base; but that no method helps where there is no file.

        :raises HTTPException: there is none, or it cannot be had by this method.
        """
        if scope["method"] not in {"GET", "HEAD"}:
            await super().get_response(path, {**scope, "method": "HEAD"})
        return await super().get_response(path, scope)

    def file_response(self, full_path: str | os.PathLike[str], *args: object, **kwargs: object) -> Response:
        """As its base, with the caching forbidden that would need a version in every name."""
        response = super().file_response(full_path, *args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response


class SecurityHeaders:
    """Puts the page's policy on every answer: on JSON it does no harm, and nothing is forgotten."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def how_to_talk(authority: str) -> str:
    """What ``/`` says where there is no page."""
    return (
        f"Bargein is listening. Talk to it with: bargein call INPUT.wav --url ws://{authority}/v1/realtime\n"
        f'or with OpenAI\'s SDK: AsyncOpenAI(base_url="http://{authority}/v1").realtime.connect(model="gpt-audio-1.5")\n'
    )
