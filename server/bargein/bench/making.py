"""From a configuration to what a call is made with: the same that the server makes of the same settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from bargein.bench.scene import Scene
from bargein.core.completion import CompletionRequest, StreamPiece
from bargein.core.config import SessionConfig
from bargein.errors import SettingsError
from bargein.gateway.services import core_policy, make_services
from bargein.metrics import Metrics
from bargein.session.setup import Services
from bargein.session.timers import Timers
from bargein.settings import Settings, load_settings
from bargein.upstream import Drop
from bargein.wire.session_object import SessionObject


class _StoppedClock:
    def now(self) -> float:
        return 0.0


class _NoModel:
    """Stands where the model's client is: the scenes have a model of their own."""

    def stream(
        self,
        request: CompletionRequest,
        *,
        on_begun: Callable[[Drop], None] | None = None,
        on_closed: Callable[[], None] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamPiece]]:
        raise NotImplementedError


def make_setup(overrides: dict[str, Any], *, words: bool = False) -> Services:
    """The server's own parts, made from the settings of this environment and ``overrides``.

    :param words: as where somebody hears words.
    :raises SettingsError: a setting is wrong.
    """
    unknown = sorted(name for name in overrides if name not in Settings.model_fields)
    if unknown:
        raise SettingsError(f"BARGEIN_{unknown[0].upper()} is no setting")
    settings = load_settings(**overrides)
    services = make_services(settings, Metrics(), Timers(_StoppedClock()), _NoModel(), None)
    return replace(services, policy=core_policy(settings, judges_words=words, hears_phrases=words))


def session_patch(scene: Scene) -> dict[str, Any]:
    """The ``session`` of the ``session.update`` that the scene's caller sends."""
    detection: dict[str, Any] = {"type": scene.turn_detection, **dict(scene.detection)}
    if scene.reply is None and not scene.answered:
        detection["create_response"] = False
    patch: dict[str, Any] = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    if scene.channel == "telephone":
        patch["audio"]["input"]["format"] = {"type": "audio/pcmu"}
    return patch


def session_config(scene: Scene) -> SessionConfig:
    """The same, as the core knows it."""
    session = SessionObject.begin(id="sess_bench", model="bench", expires_at=0)
    return session.update(session_patch(scene)).to_config()
