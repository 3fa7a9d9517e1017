"""Whether this process can give somebody a turn: room for a session, and a model that can be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

import orjson
import structlog

from bargein.errors import UpstreamError
from bargein.gateway.gateway import Gateway
from bargein.gateway.refusal import Refusal, try_later
from bargein.loop.clock import steady_s, unix_s
from bargein.upstream import Fault, ModelHealth, Probe, Trouble

WAIT_S: Final = 2.0
"""How long an answer to ``/readyz`` waits for a light question that is under way."""
QUESTION_S: Final = 1.0
TURN_S: Final = 10.0
"""How long what a light question, and what a turn has found is fresh enough to ask none."""
RETRY_AFTER_S: Final = 5

_log: Final = structlog.get_logger(__name__)


class Probed(Protocol):
    """Something that can be asked a light question."""

    async def probe(self) -> Probe: ...


class Model(Probed, Protocol):
    """The model as far as it can be asked whether it is there: :class:`bargein.upstream.ChatCompletions`."""

    @property
    def health(self) -> ModelHealth: ...


class Readiness:
    """Answers ``/readyz``, and tells the log and the metrics when the model comes and goes.

    The model is asked a light question when somebody wants to know and nothing fresh is known, one at a time: as often
    as once in :data:`QUESTION_S`, and never where turns tell.

    :param demo: the bundled demo model answers.
    """

    def __init__(self, gateway: Gateway, model: Model, *, demo: bool = False) -> None:
        self._gateway = gateway
        self._model = model
        self._advice = _advice(gateway.settings.api_key_env, gateway.settings.model_key is not None, demo=demo)
        self._demo = demo
        self._asked_at_s: float | None = None
        self._asking: asyncio.Task[Probe | None] | None = None
        model.health.on_change = self._changed
        gateway.metrics.model_ready.set(1)

    async def tell_at_start(self, recogniser: Probed | None = None) -> None:
        """Ask, and log what is found.

        :param recogniser: another server than the model's.
        """
        if recogniser is not None:
            try:
                await recogniser.probe()
            except UpstreamError as error:
                advice = "Check BARGEIN_TRANSCRIPTION_URL, and the key that BARGEIN_TRANSCRIPTION_API_KEY_ENV names."
                _log.warning("the recogniser cannot be asked", reason=error.message, advice=advice)
            else:
                _log.info("the recogniser's server can be reached")
        found = await self._ask()
        if found is None:
            return
        settings = self._gateway.settings
        key = "taken" if found.key_taken else "not checked" if settings.model_key is not None else "none"
        listed = self._demo or found.models is None or settings.model in found.models
        log = _log.info if listed else _log.warning
        log(
            "the model's server can be reached" if listed else "the model's server does not list this model",
            model="demo" if self._demo else settings.model,
            key="none" if self._demo else key,
            **({} if listed else {"lists": ", ".join((found.models or ())[:10]), "advice": self._advice["not_found"]}),
        )

    async def check(self) -> tuple[Refusal | None, bytes]:
        """Why not, if not, and what to answer."""
        trouble = await self._look()
        room = self._gateway.admission.check_capacity()
        refusal = room
        if refusal is None and trouble is not None:
            refusal = try_later(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{trouble.message} {self._advice[trouble.fault]}",
                code=f"model_{trouble.fault}",
                reason="full",
                retry_after_s=RETRY_AFTER_S,
            )
        open_sessions = self._gateway.open_sessions
        sessions: dict[str, Any] = {"status": "ok", "open": open_sessions, "limit": self._gateway.settings.max_sessions}
        if room is not None:
            sessions |= {"status": "failing", "reason": room.message, "code": room.code}
        body = {
            "status": "ready" if refusal is None else "not_ready",
            "open_sessions": open_sessions,
            "checks": {"sessions": sessions, "model": self._model_check(trouble)},
        }
        if refusal is not None:
            body |= orjson.loads(refusal.body())
        return refusal, orjson.dumps(body)

    def _model_check(self, trouble: Trouble | None) -> dict[str, Any]:
        """``name`` only where it is no secret: the model's real one is told to those who may talk with it."""
        name = {"name": "demo"} if self._demo else {}
        if trouble is not None:
            since_unix_s = unix_s() - (steady_s() - trouble.since_s)
            return {
                "status": "failing",
                "since": datetime.fromtimestamp(since_unix_s, UTC).isoformat(timespec="seconds"),
                "code": trouble.fault,
                "reason": trouble.message,
                "advice": self._advice[trouble.fault],
                **name,
            }
        return {"status": "ok" if self._model.health.good_at_s is not None else "unknown", **name}

    async def _look(self) -> Trouble | None:
        now_s = steady_s()
        health = self._model.health
        if self._asking is None and not (
            _is_fresh(health.turn_at_s, now_s, TURN_S) or _is_fresh(self._asked_at_s, now_s, QUESTION_S)
        ):
            self._asking = asyncio.create_task(self._ask(), name="model-probe")
            self._asking.add_done_callback(self._asked)
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=WAIT_S)
        return health.trouble

    async def _ask(self) -> Probe | None:
        try:
            return await self._model.probe()
        except UpstreamError:
            return None  # The health has it, and tells of it.

    def _asked(self, task: asyncio.Task[Probe | None]) -> None:
        self._asking = None
        self._asked_at_s = steady_s()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("asking after the model broke", exc_info=error)

    def _changed(self, trouble: Trouble | None) -> None:
        self._gateway.metrics.model_ready.set(trouble is None)
        if trouble is None:
            _log.info("the model can be asked again")
        else:
            advice = self._advice[trouble.fault]
            _log.warning("the model cannot be asked", fault=trouble.fault, reason=trouble.message, advice=advice)


def _is_fresh(at_s: float | None, now_s: float, fresh_s: float) -> bool:
    return at_s is not None and now_s - at_s < fresh_s


def _advice(key_env: str, key_is_set: bool, *, demo: bool) -> Mapping[Fault, str]:
    reached = "Check that it runs, and that BARGEIN_UPSTREAM_URL is its address."
    failing = 'The lines "upstream failed" of the log say what it answers; its own log may say why.'
    if demo:
        reached = failing = "The demo model is started again when it ends; the log says why it did."
    if key_is_set:
        key = f"Check the key in {key_env} (BARGEIN_API_KEY_ENV names the variable)."
    else:
        key = f"It wants a key: put it into {key_env} (BARGEIN_API_KEY_ENV names the variable)."
    return {
        "unreachable": reached,
        "key_refused": key,
        "forbidden": f"Check what the key in {key_env} may do, and BARGEIN_MODEL.",
        "not_found": "Check BARGEIN_MODEL and BARGEIN_UPSTREAM_URL, on Azure BARGEIN_AZURE_DEPLOYMENT.",
        "no_credit": "Check the credit and the limits of the account at the model's provider.",
        "failing": failing,
    }
