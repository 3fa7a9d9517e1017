"""The whole server in this process, in front of a scripted model."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from prometheus_client import generate_latest
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bargein.gateway.gateway import Gateway
from bargein.gateway.http.app import build_app
from bargein.gateway.readiness import Readiness
from bargein.gateway.server import Server, bind
from bargein.gateway.services import make_services, session_opener, upstream_config
from bargein.gateway.websockets_transport import WebsocketsTransport
from bargein.metrics import Metrics
from bargein.session.timers import LoopClock, Timers
from bargein.settings import Settings
from bargein.testing.loop import HOST
from bargein.testing.model import ScriptedModel
from bargein.upstream import ChatCompletions, Transcriptions


class _Given(Settings):
    """What a test says and nothing else: neither the environment nor ``.env`` is read."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _settings(given: Mapping[str, Any]) -> Settings:
    for name in given:
        if name not in _Given.model_fields:
            close = difflib.get_close_matches(name, _Given.model_fields, n=1)
            hint = f"did you mean '{close[0]}'?" if close else "see docs/settings.md"
            raise TypeError(f"there is no setting '{name}': {hint}")
    return _Given(**given)


@asynccontextmanager
async def serving(model: ScriptedModel, **settings: Any) -> AsyncIterator[str]:  # noqa: ANN401 (each has its own type)
    """Serve until the context is left; its value is the base URL, ``http://127.0.0.1:PORT/v1``.

    :param settings: as the variables ``BARGEIN_*``, in small letters and without that; these variables themselves are
        not read, so that a test is the same everywhere. Callers are heard with ``webrtcvad`` alone unless ``vad`` says
        otherwise: what scripted callers say is no speech to a neural detector.
    :raises TypeError: there is no such setting.
    :raises pydantic.ValidationError: a setting cannot have this value.
    :raises BaseExceptionGroup: answers of the model have failed; when the context is left.
    """
    loop = asyncio.get_running_loop()
    timers = Timers(LoopClock(loop), loop)
    metrics = Metrics("testing")

    async def read_metrics() -> bytes:
        return generate_latest(metrics.registry)

    async with model.listening() as url:
        values: dict[str, Any] = {"port": 0, "host": HOST, "upstream_url": url, "model": "scripted"}
        values["vad"] = "webrtcvad"
        chosen = _settings(values | settings)
        config = upstream_config(chosen, None)
        async with (
            ChatCompletions(config) as completions,
            Transcriptions(config) as transcriptions,
            AsyncExitStack() as stack,
        ):
            services = make_services(chosen, metrics, timers, completions, transcriptions)
            if services.tools is not None:
                await stack.enter_async_context(services.tools)
            gateway = Gateway(
                chosen, metrics, timers, session_opener(services), WebsocketsTransport, books=services.books
            )
            app = build_app(gateway, completions, Readiness(gateway, completions), read_metrics, services.agents)
            server = Server(gateway, app, bind(chosen.host, chosen.port))
            listening = asyncio.Event()
            task = asyncio.create_task(server.serve(listening.set), name="server under test")
            await listening.wait()
            try:
                yield f"http://{HOST}:{server.address[1]}/v1"
            finally:
                server.end()
                server.end()
                await task
                timers.close()
                services.books.ledger.close()
