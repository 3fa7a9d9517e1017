"""Which event loops the tests of the model's side run on, and a certificate."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

try:
    import uvloop
except ImportError:  # There is none for Windows.
    LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
else:
    LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

ON_EVERY_LOOP = {
    "test_cancellation.py",
    "test_connection.py",
    "test_http_answers.py",
    "test_http_client.py",
    "test_http_ends.py",
}
"""What closes a socket at once on one loop does not on the other."""


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # pytest-asyncio's signature
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return LOOPS if item.path.name in ON_EVERY_LOOP else {"asyncio": LOOPS["asyncio"]}


@pytest.fixture(scope="session")
def model_tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for model.invalid and this machine, and what serves with it."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    subject = ["-subj", "/CN=model.invalid", "-addext", "subjectAltName=DNS:model.invalid,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *made, *subject, "-out", str(cert), "-keyout", str(key)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("install the openssl program to try TLS")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return cert, context
