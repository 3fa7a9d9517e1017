"""What comes of a price and what was used; and prices that are read from a file, or from the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bargein.core.completion import Usage
from bargein.errors import SettingsError
from bargein.money.catalogue import catalogue_price
from bargein.money.price import Price
from bargein.money.price_file import read_prices
from bargein.money.prices import Prices
from support.stock_clients import REPOSITORY

AUDIO = Price(text_in=2.5, audio_in=32, text_out=10, audio_out=64)


def test_text_and_sound_and_both_ways_are_priced_apart() -> None:
    usage = Usage(
        input_text_tokens=1_000_000, input_audio_tokens=100_000, output_text_tokens=10_000, output_audio_tokens=1000
    )
    assert AUDIO.of(usage) == pytest.approx(2.5 + 3.2 + 0.1 + 0.064)


def test_what_was_cached_is_priced_apart_and_taken_for_text_first() -> None:
    cached = Price(text_in=4, audio_in=32, cached_text_in=0.4, cached_audio_in=0.8, text_out=1, audio_out=1)
    usage = Usage(input_text_tokens=1_000_000, input_audio_tokens=1_000_000, cached_tokens=1_500_000)
    assert cached.of(usage) == pytest.approx(0.4 + 0.5 * 0.8 + 0.5 * 32)


def test_no_discount_is_counted_on_that_is_not_known() -> None:
    usage = Usage(input_text_tokens=1000, input_audio_tokens=1000, cached_tokens=2000)
    assert AUDIO.of(usage) == AUDIO.of(Usage(input_text_tokens=1000, input_audio_tokens=1000))


@pytest.mark.parametrize("kind", ["input_text", "input_audio", "output_text", "output_audio"])
def test_something_without_a_price_is_unknown_and_never_free(kind: str) -> None:
    usage = Usage(input_text_tokens=1, input_audio_tokens=1, output_text_tokens=1, output_audio_tokens=1)
    names = {"input_text": "text_in", "input_audio": "audio_in", "output_text": "text_out", "output_audio": "audio_out"}
    known = {name: 1.0 for name in names.values() if name != names[kind]}
    assert Price(**known).of(usage) is None
    assert Price(**known).of(Usage()) == 0


def test_sound_that_is_billed_by_the_second() -> None:
    spoken = Price(text_in=1, text_out=1, speech_per_second=0.01)
    assert spoken.of(Usage(output_audio_tokens=40, output_audio_ms=2000)) == pytest.approx(0.02)
    assert spoken.of(Usage(output_audio_tokens=40)) == pytest.approx(0.02), "a token is 50 ms"
    assert Price(per_second=0.0001).of_transcription(90, None, 500) == pytest.approx(0.009)


def test_a_recogniser_that_is_billed_by_tokens() -> None:
    price = Price(text_in=1.25, audio_in=3, text_out=5)
    assert price.of_transcription(10, Usage(input_audio_tokens=200, output_text_tokens=30), 100) == pytest.approx(
        (200 * 3 + 30 * 5) / 1e6
    )
    estimated = (100 * 3 + 25 * 5) / 1e6  # a token for 100 ms, one for four characters
    assert price.of_transcription(10, None, 100) == pytest.approx(estimated)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('[models."my/model:1"]\ntext_in = 1\naudio_out = 2.5\n[models.ears]\nper_minute = 0.006\n')
    prices = read_prices(path)
    assert prices == {"my/model:1": Price(text_in=1, audio_out=2.5), "ears": Price(per_second=0.0001)}


def test_the_file_of_the_docs_is_read(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "what-it-costs.md").read_text()
    found = re.search(r"<!-- tried: prices -->\n```toml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    path = tmp_path / "prices.toml"
    path.write_text(found[1])
    prices = read_prices(path)
    assert prices["gpt-audio-1.5"].of(Usage(input_audio_tokens=2, cached_tokens=1, output_audio_tokens=1)) is not None
    assert prices["my-recogniser"] == Price(per_second=0.006 / 60)
    assert prices["my-own-model"].of(Usage(input_text_tokens=9, output_audio_ms=60_000)) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.a\n", "is no TOML"),
        ("[prices.a]\ntext_in = 1\n", 'has to hold tables named [models."NAME"], and nothing else: prices'),
        ("[models.a]\ntextin = 1\n", '[models."a"]: textin is no price. There are audio_in'),
        ("[models.gpt-audio-1.5]\ntext_in = 1\n", 'line 1: a dot parts names: write [models."gpt-audio-1.5"]'),
        ("[models.a.1.5.x]\ntext_in = 1\n", 'line 1: a dot parts names: write [models."a.1.5.x"]'),
        ("models.a.per = {}\n", 'line 1: a dot parts names: write [models."a.per"]'),
        ('["models.a"]\ntext_in = 1\n', 'has to hold tables named [models."NAME"], and nothing else: models.a'),
        ("[models.a]\ntext_in = -1\n", "text_in is -1, and has to be a number of dollars"),
        ("[models.a]\ntext_in = '1'\n", "text_in is '1'"),
        ("[models.a]\ntext_in = true\n", "text_in is True"),
        ("[models.a]\nper_second = 1\nper_minute = 1\n", "twice"),
        ("models = 1\n", "has to hold tables"),
        ("[models]\na = 1\n", 'line 2: [models."a"] has to be a table'),
        ("\n[models.a]\ntext_in = 1e999\n", 'line 3: [models."a"]: text_in is inf, and has to be a number of dollars'),
        (f"[models.a]\ntext_in = 1{'0' * 400}\n", "line 2: "),
        (f"[models.a]\ntext_in = 1{'0' * 5000}\n", "a number in it is too long"),
        (f"x = {'[' * 20_000}{']' * 20_000}\n", "it is nested too deeply"),
        (f"[models.a]\ntext_in = '{'x' * 5000}'\n", "text_in is 'xxxxxx"),
        ("[models.a]\nper_minute = 1e7\n", "from 0 up to 1,000,000"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        read_prices(path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_prices(tmp_path / "none.toml")


def test_the_catalogue_knows_hosted_models() -> None:
    assert catalogue_price("openai", "gpt-audio-1.5") == AUDIO
    whisper = catalogue_price("openai", "whisper-1")
    assert whisper is not None
    assert whisper.of_transcription(60, None, 0) == pytest.approx(0.006)
    assert catalogue_price("openai", "a model that nobody has") is None
    assert catalogue_price("nobody", "gpt-audio-1.5") is None


def test_a_model_of_whose_sound_the_catalogue_knows_no_price_has_none() -> None:
    """It lists the text of this one only, and would price its sound as text."""
    price = catalogue_price("openai", "gpt-4o-audio-preview")
    assert price is not None
    assert price.of(Usage(input_text_tokens=10)) is not None
    assert price.of(Usage(input_audio_tokens=10)) is None


def test_the_operators_prices_win_and_servers_of_ones_own_have_no_others() -> None:
    own = {"gpt-audio-1.5": Price(text_in=1)}
    assert Prices(own, "openai").of_model("gpt-audio-1.5") == Price(text_in=1)
    assert Prices({}, "openai").of_model("gpt-audio-1.5") == AUDIO
    assert Prices({}, None).of_model("gpt-audio-1.5") is None
    assert Prices({}, "openai").of_recogniser("whisper-1") is None
