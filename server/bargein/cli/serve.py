"""``bargein serve``."""

from __future__ import annotations

import asyncio
import http.client
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import structlog
import typer

from bargein.agents import NO_AGENTS, Agents
from bargein.cli.options import ApiKeyEnv, Model, Upstream, program
from bargein.errors import SettingsError
from bargein.gateway.logs import configure_logs
from bargein.gateway.process import run_process
from bargein.gateway.server import PortInUse, bind
from bargein.gateway.services import make_agents, warn_of_ends
from bargein.gateway.workers import Supervisor, event_loop
from bargein.settings import Settings, is_loopback, load_settings, misspelt_variables
from bargein.upstream import utc_today
from bargein.vad.choice import ears

if TYPE_CHECKING:
    import socket

DEFAULT_PORT: Final[int] = Settings.model_fields["port"].default
LOOKED_FOR_S: Final = 1.0
"""How long somebody who has the port may take to say who it is."""
ANSWER_BYTES: Final = 65_536
_log: Final = structlog.get_logger(__name__)


def serve(  # noqa: PLR0913, PLR0917  # one argument for each option
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Port for HTTP and WebSocket; 0 takes a free one. Default: 8765."),
    ] = None,
    upstream: Upstream = None,
    model: Model = None,
    api_key_env: ApiKeyEnv = None,
    workers: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Processes that share the port. Default: 1.")
    ] = None,
    transport: Annotated[str | None, typer.Option(help="websockets, or picows for more callers per core.")] = None,
    agent: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="An agent that answers: a file, a folder, or a name such as coach. Repeatable."
        ),
    ] = None,
    client_web: Annotated[Path | None, typer.Option(metavar="DIRECTORY", help="The page to serve at /.")] = None,
) -> None:
    """
    Serve callers: the Realtime protocol in front, a Chat Completions model behind.

    Without a model's address or key the bundled demo model answers. Every option, and many more settings, can be given
    as an environment variable BARGEIN_... or in .env; an option wins.

    SIGTERM or Ctrl-C lets the turns in progress end first; a second one does not wait.

    Example: bargein serve --upstream http://127.0.0.1:8000/v1 --model Qwen3-Omni
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
        agents=tuple(agent) if agent else None,
    )
    agents = make_agents(settings)
    ears(settings.vad)
    configure_logs(settings.log_level, settings.log_format, (*settings.secret_values, *agents.secret_values))
    warn_of_ends(settings, utc_today())
    warn_of_missing_secret(settings)
    for name, meant in misspelt_variables().items():
        print(f"bargein: {name} is no setting; did you mean {meant}?", file=sys.stderr)
    began_s = time.monotonic()
    with _bound(settings) as sock, _demo_model(settings) as demo_url:

        def ready() -> None:
            print(banner(settings, sock, demo_url, agents, started_in_s=time.monotonic() - began_s), flush=True)

        if settings.workers > 1:
            raise typer.Exit(Supervisor(settings, sock, agents, demo_url=demo_url, ready=ready).run())
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(run_process(settings, sock, agents, demo_url=demo_url, ready=ready))


def warn_of_missing_secret(settings: Settings) -> None:
    """Say that tokens are good here only, where somebody may expect more of them."""
    if settings.token_secret is None and (settings.api_keys or settings.workers > 1):
        _log.warning(
            "BARGEIN_TOKEN_SECRET is not set: tokens (ek_) end with this process, and no other replica takes them"
        )


def _bound(settings: Settings) -> socket.socket:
    """:raises SettingsError: the port cannot be had; where somebody has it, with the command for one that is free."""
    try:
        return bind(settings.host, settings.port, shared=settings.workers > 1)
    except PortInUse as taken:
        who = f" by a Bargein: open {page}" if (page := running_page(taken.host, taken.port)) else ""
        raise SettingsError(
            f"BARGEIN_PORT: {taken.host} port {taken.port} is in use{who}. Port {taken.free} is free: "
            f'{program()} serve --port {taken.free}, or make run ARGS="--port {taken.free}"'
        ) from None


def running_page(host: str, port: int) -> str | None:
    """The address of the page, if what listens there is a Bargein."""
    name = shown_host(host)
    connection = http.client.HTTPConnection(name.strip("[]"), port, timeout=LOOKED_FOR_S)
    try:
        connection.request("GET", "/readyz")
        said = orjson.loads(connection.getresponse().read(ANSWER_BYTES))
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError):
        return None
    finally:
        connection.close()
    return f"http://{name}:{port}/" if isinstance(said, dict) and "open_sessions" in said else None


def shown_host(host: str) -> str:
    """Where a listener can be reached from this machine, as it stands in a URL."""
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host


@contextmanager
def _demo_model(settings: Settings) -> Iterator[str | None]:
    """Run the demo model where no other is configured; yields its base URL."""
    if settings.effective_upstream_url is not None:
        yield None
        return
    from bargein.demo.keeper import KeptDemoModel  # noqa: PLC0415

    print("Starting the demo model, which answers because no other is set: some seconds", flush=True)
    with KeptDemoModel() as demo:
        yield demo.base_url


def demo_limits() -> str:
    """What the demo model cannot do on this machine, as further lines of the banner."""
    from bargein.demo.engines import PACKAGES, installed  # noqa: PLC0415

    if installed():
        return ""
    return (
        f"\n          It understands text only here: none of {', '.join(PACKAGES)} is installed,"
        "\n          for want of a wheel. Spoken to, it tells a story that can be interrupted."
    )


def banner(
    settings: Settings,
    sock: socket.socket,
    demo_url: str | None,
    agents: Agents = NO_AGENTS,
    *,
    started_in_s: float = 0.0,
) -> str:
    """Where it is, who answers and what to do next, for the person who started it."""
    host, port, *_ = sock.getsockname()
    reachable = shown_host(host)
    address = f"{reachable}:{port}"
    if demo_url is not None:
        model = f"the bundled demo model at {demo_url}"
        model += f"\n          (for another set {settings.api_key_env} or BARGEIN_UPSTREAM_URL)"
        model += demo_limits()
    else:
        model = f"{settings.model} at {settings.effective_upstream_url}"
    keys = "keys are asked for" if settings.api_keys else "no keys are asked for"
    if not settings.api_keys and not is_loopback(settings.host):
        keys += ", from anybody who reaches this port"
    named = f"\n  agents  {', '.join(agent.name for agent in agents)}" if agents else ""
    return (
        f"Bargein {metadata.version('bargein')} is ready, after {started_in_s:.1f} s\n"
        f"  page    http://{address}/\n"
        f"  socket  ws://{address}/v1/realtime\n"
        f"  model   {model}\n"
        f"  keys    {keys}{named}\n"
        f"{next_steps(settings, port, demo_url)}"
    )


def next_steps(settings: Settings, port: int, demo_url: str | None) -> str:
    """What somebody who sees this for the first time can do now."""
    say = 'say "tell me a story", and talk over it' if demo_url else "say something, and talk over the answer"
    key = " --key YOUR-KEY" if settings.api_keys else ""
    elsewhere = "" if port == DEFAULT_PORT else f" --url ws://{shown_host(settings.host)}:{port}/v1/realtime"
    call = f"{program()} call --sample interruption{elsewhere}{key}"
    check = (
        ""
        if demo_url
        else f"\n  check   {program()} doctor"
        "\n          talks with the model once, and says what is wrong if something is"
    )
    return (
        f"  try it  open the page, press Start, {say}\n"
        f"          without a microphone, in another terminal:\n    {call}{check}\n"
        "  end it  Ctrl-C"
    )
