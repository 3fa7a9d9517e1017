"""``bargein serve``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import structlog
import typer

from bargein.gateway.logs import configure_logs
from bargein.gateway.process import run_process
from bargein.gateway.server import bind
from bargein.gateway.services import warn_of_ends
from bargein.gateway.workers import Supervisor, event_loop
from bargein.settings import Settings, is_loopback, load_settings, misspelt_variables
from bargein.upstream import utc_today

if TYPE_CHECKING:
    import socket

_log: Final = structlog.get_logger(__name__)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Port for HTTP and WebSocket; 0 takes a free one. Default: 8765."),
    ] = None,
    upstream: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The model's base URL, such as https://api.openai.com/v1; or: demo."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model that answers. Default: gpt-audio-1.5.")
    ] = None,
    api_key_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Variable that holds the model's key. Default: OPENAI_API_KEY.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Processes that share the port. Default: 1.")
    ] = None,
    transport: Annotated[str | None, typer.Option(help="websockets, or picows for more callers per core.")] = None,
    client_web: Annotated[Path | None, typer.Option(metavar="DIRECTORY", help="The page to serve at /.")] = None,
) -> None:
    """
    Serve callers: the Realtime protocol in front, a Chat Completions model behind.

    Without a model's address or key the bundled demo model answers. Every option, and many more settings, can be given
    as an environment variable BARGEIN_... or in .env; an option wins.

    SIGTERM or Ctrl-C lets the turns in progress end first; a second one does not wait.

    Example: bargein serve --upstream http://127.0.0.1:8000/v1 --model Qwen/Qwen3-Omni
    """
    settings = load_settings(
        host=host,
        port=port,
        upstream_url=upstream,
        model=model,
        api_key_env=api_key_env,
        workers=workers,
        transport=transport,
        client_web=client_web,
    )
    configure_logs(settings.log_level, settings.log_format, settings.secret_values)
    warn_of_ends(settings, utc_today())
    warn_of_missing_secret(settings)
    for name, meant in misspelt_variables().items():
        print(f"bargein: {name} is no setting; did you mean {meant}?", file=sys.stderr)
    with bind(settings.host, settings.port, shared=settings.workers > 1) as sock, _demo_model(settings) as demo_url:

        def ready() -> None:
            print(banner(settings, sock, demo_url), flush=True)

        if settings.workers > 1:
            raise typer.Exit(Supervisor(settings, sock, demo_url=demo_url, ready=ready).run())
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(run_process(settings, sock, demo_url=demo_url, ready=ready))


def warn_of_missing_secret(settings: Settings) -> None:
    """Say that tokens are good here only, where somebody may expect more of them."""
    if settings.token_secret is None and (settings.api_keys or settings.workers > 1):
        _log.warning(
            "BARGEIN_TOKEN_SECRET is not set: tokens (ek_) end with this process, and no other replica takes them"
        )


@contextmanager
def _demo_model(settings: Settings) -> Iterator[str | None]:
    """Run the demo model where no other is configured; yields its base URL."""
    if settings.effective_upstream_url is not None:
        yield None
        return
    from bargein.demo.keeper import KeptDemoModel  # noqa: PLC0415

    with KeptDemoModel() as demo:
        yield demo.base_url


def demo_limits() -> str:
    """What the demo model cannot do on this machine, as further lines of the banner."""
    from bargein.demo.engines import PACKAGES, installed  # noqa: PLC0415

    if installed():
        return ""
    return (
        f"\n          It understands text only here: none of {', '.join(PACKAGES)} is installed, for want of a wheel."
        "\n          Spoken to, it tells a story that can be interrupted."
    )


def banner(settings: Settings, sock: socket.socket, demo_url: str | None) -> str:
    """Where it is and who answers, for the person who started it."""
    host, port, *_ = sock.getsockname()
    reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host
    if demo_url is not None:
        model = f"the bundled demo model at {demo_url} (set {settings.api_key_env} or BARGEIN_UPSTREAM_URL for another)"
        model += demo_limits()
    else:
        model = f"{settings.model} at {settings.effective_upstream_url}"
    doors = "keys are asked for" if settings.api_keys else "no keys are asked for"
    if not settings.api_keys and not is_loopback(settings.host):
        doors += ", from anybody who reaches this port"
    return (
        f"Bargein {metadata.version('bargein')}\n"
        f"  page    http://{reachable}:{port}/\n"
        f"  socket  ws://{reachable}:{port}/v1/realtime\n"
        f"  model   {model}\n"
        f"  doors   {doors}"
    )
