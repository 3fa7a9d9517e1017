"""``bargein doctor``: is everything right with the model?"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bargein.cli.options import ApiKeyEnv, Model, Upstream
from bargein.doctor.examine import Examination
from bargein.doctor.finding import Finding, State
from bargein.gateway.accounts import make_prices
from bargein.gateway.logs import configure_logs
from bargein.gateway.services import upstream_config
from bargein.settings import Settings, load_settings

_STYLES = {State.GOOD: "green", State.DOUBTFUL: "yellow", State.BAD: "bold red", State.TOLD: "dim"}


def doctor(
    upstream: Upstream = None,
    model: Model = None,
    api_key_env: ApiKeyEnv = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the voices and formats: some twenty requests.")
    ] = False,
) -> None:
    """
    Talk with the configured model once, and say what works, how fast, and what to set where something is wrong.

    It reads the settings that bargein serve reads, from the environment and .env. It needs no running server. The model
    is asked some real questions, which cost what a few short turns cost.

    Exit code: 0 if callers can be served; 1 if not; 2 if a setting is wrong.

    Example: bargein doctor --upstream http://127.0.0.1:8000/v1 --model Qwen3-Omni
    """
    settings = load_settings(upstream_url=upstream, model=model, api_key_env=api_key_env)
    configure_logs(settings.log_level, settings.log_format, settings.secret_values)
    raise typer.Exit(asyncio.run(_examine(settings, Console(highlight=False, markup=False), thorough=not quick)))


async def _examine(settings: Settings, console: Console, *, thorough: bool) -> int:
    if settings.effective_upstream_url is None:
        from bargein.demo.process import DemoModelProcess  # noqa: PLC0415  # it is slow to import

        async with DemoModelProcess() as demo:
            return await _told(settings, console, demo.base_url, thorough=thorough)
    return await _told(settings, console, None, thorough=thorough)


async def _told(settings: Settings, console: Console, demo_url: str | None, *, thorough: bool) -> int:
    config = upstream_config(settings, demo_url)
    who = "the bundled demo model" if demo_url else f"{config.model} at {config.base_url}"
    console.print(f"Examining {who}{'' if demo_url else f', {_key(settings)}'}")
    price = None if demo_url else make_prices(settings).of_model(settings.model)
    examination = Examination(
        config,
        settings.api_key_env,
        thorough,
        others=() if demo_url else _others(settings),
        is_demo=demo_url is not None,
        price=price,
    )
    bad: list[Finding] = []
    async for finding in examination.findings():
        _print(finding, console)
        if finding.state is State.BAD:
            bad.append(finding)
    if bad:
        console.print(Text("No caller can be served: see the line in red.", style="bold red"))
        return 1
    console.print("Callers can be served. Next: bargein serve")
    return 0


def _others(settings: Settings) -> list[tuple[str, str]]:
    """The models beside the one that answers callers, each with the setting that names it."""
    named = [
        ("BARGEIN_TEXT_MODEL", settings.text_model),
        ("BARGEIN_BESIDE_MODEL", settings.beside_model),
        *(("BARGEIN_MODELS", name) for name in settings.models),
    ]
    return [(setting, name) for setting, name in named if name is not None]


def _key(settings: Settings) -> str:
    return (
        f"with the key in {settings.api_key_env}" if settings.model_key else f"without a key ({settings.api_key_env})"
    )


def _print(finding: Finding, console: Console) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=4)
    table.add_column(no_wrap=True, min_width=21)
    table.add_column(overflow="fold")
    table.add_row(Text(finding.state, style=_STYLES[finding.state]), finding.what, Text(f"{finding.found}"))
    if finding.advice:
        table.add_row("", "", Text(finding.advice, style="bold" if finding.state is State.BAD else ""))
    console.print(Padding(table, (0, 0, 0, 2)))
