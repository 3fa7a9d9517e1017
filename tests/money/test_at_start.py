"""What is read when the server starts, and not while callers wait."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bargein.gateway.accounts import make_books
from bargein.gateway.worker_metrics import WorkerPlace
from bargein.settings import load_settings

LOOK = """
import sys
from bargein.gateway.accounts import make_books
from bargein.settings import load_settings
make_books(load_settings(upstream_url=sys.argv[1]))
print("genai_prices.data" in sys.modules)
"""

COUNT = """
import sys
from pathlib import Path
from bargein.gateway.accounts import make_books
from bargein.settings import load_settings
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
make_books(load_settings(prices=Path(sys.argv[1])))
print(list(map(str, opened)).count(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("url", "is_read"), [("https://api.openai.com/v1", "True"), ("http://127.0.0.1:9/v1", "False")]
)
def test_the_catalogue_is_read_before_anybody_calls_and_where_it_tells_something(url: str, is_read: str) -> None:
    """It takes some tenths of a second, in which nobody else would be served."""
    looked = subprocess.run([sys.executable, "-c", LOOK, url], capture_output=True, text=True, check=True)
    assert looked.stdout.strip() == is_read


def test_the_demo_model_has_no_price_though_it_has_a_models_name() -> None:
    books = make_books(load_settings(upstream_url="demo"))
    assert books.model == "gpt-audio-1.5"
    assert books.prices.of_model("gpt-audio-1.5") is None
    books.ledger.close()


CAPPED = """
[models.m]
text_in = 1
audio_in = 1
text_out = 1
audio_out = 1

[models.mine]
per_minute = 0.6
"""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cap_day_usd": 1.0}, "those that callers name"),
        ({"cap_day_usd": 1.0, "transcription_model": "unknown"}, "unknown"),
        ({"cap_day_usd": 1.0, "transcription_model": "mine"}, None),
        ({"transcription_model": "unknown"}, None),
        ({"cap_day_usd": 1.0, "upstream_url": "https://api.openai.com/v1"}, None),
    ],
    ids=["callers name it", "no price", "a price", "no cap", "the catalogue's"],
)
def test_the_operator_is_told_of_recognisers_that_no_cap_knows(
    tmp_path: Path, options: dict[str, Any], told: str | None
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(CAPPED)
    settings = load_settings(**{"upstream_url": "http://127.0.0.1:9/v1", "model": "m", "prices": path} | options)
    with capture_logs() as logs:
        make_books(settings).ledger.close()
        # Of several workers one tells.
        make_books(settings, WorkerPlace(1, tmp_path)).ledger.close()
    assert [(line["log_level"], line["recogniser"]) for line in logs] == ([] if told is None else [("warning", told)])


def test_the_operators_prices_are_read_once(tmp_path: Path) -> None:
    """Read again, a file that changes meanwhile would give prices to names that nobody has looked at."""
    path = tmp_path / "prices.toml"
    path.write_text("[models.m]\ntext_in = 1\n")
    counted = subprocess.run([sys.executable, "-c", COUNT, path], capture_output=True, text=True, check=True)
    assert counted.stdout.strip() == "1"
