"""A listening gateway for each transport."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from bargein.gateway.carrier import MakeCarrier
from bargein.gateway.websockets_transport import WebsocketsTransport
from support.gateway import Serve, running_gateway


@pytest.fixture(params=["websockets"])
def make_carrier(request: pytest.FixtureRequest) -> MakeCarrier:
    return {"websockets": WebsocketsTransport}[request.param]


@pytest.fixture
def serve(make_carrier: MakeCarrier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serve:
    """In a directory without a ``.env``."""
    monkeypatch.chdir(tmp_path)
    return partial(running_gateway, make_carrier)
