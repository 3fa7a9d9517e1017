"""One server process from its start to its end."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib import metadata

from prometheus_client import generate_latest

from bargein.agents import Agents
from bargein.gateway.accounts import make_books
from bargein.gateway.caller_transport import MakeTransport
from bargein.gateway.descriptors import make_descriptor_room
from bargein.gateway.gateway import Gateway
from bargein.gateway.http.app import ReadMetrics, build_app
from bargein.gateway.memory import Tidying
from bargein.gateway.readiness import Readiness
from bargein.gateway.server import Server
from bargein.gateway.services import make_services, session_opener, upstream_config
from bargein.gateway.worker_metrics import WorkerPlace, read_all, shared_metrics
from bargein.judging.local import LocalRecogniser
from bargein.loop.lateness import lateness_of
from bargein.metrics import Metrics
from bargein.session.timers import LoopClock, Timers
from bargein.settings import Settings
from bargein.upstream import ChatCompletions, Transcriptions

_GC_THRESHOLDS = (500, 10_000, 5)
"""Small bites: with 50,000 objects a collection of the young ones held up 450 callers for 13 ms every few seconds, and
at a high load the backlog took five times as long to clear. What survives is looked at after millions more: it is the
callers' conversations, which need no collector to be freed when they end. What does is collected in quiet moments
(:class:`~bargein.gateway.memory.Tidying`).
"""


async def run_process(
    settings: Settings,
    sock: socket.socket,
    agents: Agents,
    *,
    demo_url: str | None = None,
    place: WorkerPlace | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, and drain; a second one ends it at once.

    :param sock: bound, not yet listening.
    :param agents: the operator's, who answer.
    :param demo_url: where the demo model answers, if it does.
    :param place: which of several workers this is.
    :param ready: called when connections are accepted.
    :raises SettingsError: the model's address is wrong.
    """
    loop = asyncio.get_running_loop()
    metrics = Metrics(metadata.version("bargein"))
    timers = Timers(LoopClock(loop), loop)
    config = upstream_config(settings, demo_url)
    async with AsyncExitStack() as stack:
        completions = await stack.enter_async_context(ChatCompletions(config))
        transcriptions = await stack.enter_async_context(Transcriptions(config))
        local = None
        if settings.judge_model is not None:
            local = await stack.enter_async_context(LocalRecogniser(settings.judge_model))
        books = make_books(settings, place)
        stack.callback(books.ledger.close)
        services = make_services(settings, metrics, timers, completions, transcriptions, local, books, agents)
        if services.tools is not None:
            await stack.enter_async_context(services.tools)
        room = make_descriptor_room(
            settings.max_sessions, lambda: completions.open_connections + transcriptions.open_connections
        )
        gateway = Gateway(settings, metrics, timers, session_opener(services), transport_maker(settings), room, books)
        if place is not None:
            await stack.enter_async_context(shared_metrics(place, metrics.registry))
        readiness = Readiness(gateway, completions, demo=demo_url is not None)
        app = build_app(gateway, completions, readiness, _metrics_reader(metrics, place), agents)
        server = Server(gateway, app, sock)
        _end_on_signals(loop, server, place)
        tidying = Tidying(loop, lambda: gateway.open_sessions)
        stack.callback(tidying.stop)
        stack.callback(timers.close)

        def listening() -> None:
            lateness_of(loop).report_to(metrics.event_loop_lag_s.observe)
            tidying.start()
            _settle_garbage_collection()
            ready()
            if local is not None:
                stack.callback(loop.create_task(local.tell_at_start(), name="recogniser").cancel)
            if place is None or place.number == 0:
                recogniser = transcriptions if settings.transcription_url is not None else None
                telling = loop.create_task(readiness.tell_at_start(recogniser), name="tell-at-start")
                stack.callback(telling.cancel)

        await server.serve(listening)


def transport_maker(settings: Settings) -> MakeTransport:
    """The transport that the operator chose; only that one is imported."""
    if settings.transport == "picows":
        from bargein.gateway.picows_transport import PicowsTransport  # noqa: PLC0415

        return PicowsTransport
    from bargein.gateway.websockets_transport import WebsocketsTransport  # noqa: PLC0415

    return WebsocketsTransport


def _metrics_reader(metrics: Metrics, place: WorkerPlace | None) -> ReadMetrics:
    async def read() -> bytes:
        return generate_latest(metrics.registry) if place is None else await read_all(place, metrics.registry)

    return read


def _end_on_signals(loop: asyncio.AbstractEventLoop, server: Server, place: WorkerPlace | None) -> None:
    loop.add_signal_handler(signal.SIGTERM, server.end)
    # Ctrl-C reaches every process of the terminal; the supervisor tells its workers what it means.
    loop.add_signal_handler(signal.SIGINT, server.end if place is None else lambda: None)
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:

        def orphaned() -> None:
            loop.remove_reader(supervisor.sentinel)
            server.end()

        loop.add_reader(supervisor.sentinel, orphaned)


def _settle_garbage_collection() -> None:
    """What is there now stays and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
