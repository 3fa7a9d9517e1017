"""``bargein doctor`` against model servers that are right, or wrong in one way: its advice and its exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.model import Answer, event, refuses, speech, spoken, written
from support.scripted_upstream import Exchange, scripted
from support.server_process import without_settings

MODEL = "gpt-audio-1.5"


async def examined(url: str, folder: Path, *options: str, **settings: str) -> tuple[int | None, str]:
    """Run the command; its exit code, and all that it said, on one line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bargein", "doctor", "--upstream", url, *options,
        cwd=folder, env=without_settings() | {"OPENAI_API_KEY": "sk-secret-of-mine", "COLUMNS": "300"} | settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert "sk-secret-of-mine" not in said.decode()
    return process.returncode, " ".join(said.decode().split())


def lists(*models: str) -> Answer:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(200, json.dumps({"data": [{"id": model} for model in models]}).encode())

    return answer


def has_speech(exchange: Exchange) -> bool:
    return "input_audio" in json.dumps(exchange.json["messages"])


def model(
    say: Answer,
    *,
    speech: Answer | None = None,
    voice: Callable[[str], bool] = lambda _: True,
    words: str | None = None,
) -> Answer:
    """A model server.

    :param speech: what it says to speech, where that differs.
    :param voice: whether it has a voice.
    :param words: what its recogniser writes; ``None``: there is none.
    """

    async def answer(exchange: Exchange) -> None:
        if exchange.path.endswith("/audio/transcriptions"):
            status, body = (
                (404, {"error": {"message": "No recogniser here."}}) if words is None else (200, {"text": words})
            )
            await exchange.answer(status, json.dumps(body).encode())
            return
        audio = exchange.json.get("audio")
        asked = str(audio.get("voice")) if isinstance(audio, dict) and audio.get("voice") else None
        if asked is not None and not voice(asked):
            await refuses(400, f"Voice '{asked}' is not supported.")(exchange)
        elif has_speech(exchange):
            await (speech or say)(exchange)
        else:
            await say(exchange)

    return answer


async def test_a_good_model_is_told_with_its_speed_its_words_and_its_voices(tmp_path: Path) -> None:
    script = model(spoken("one two three"), voice=lambda name: name != "fable", words="Tell me about yourself.")
    async with scripted(script, lists=lists(MODEL, "another")) as server:
        code, said = await examined(server.url, tmp_path, BARGEIN_TRANSCRIPTION_MODEL="some-recogniser")
    assert code == 0, said
    assert f"it lists {MODEL}" in said
    assert "ok text in, speech out first sound after" in said
    assert "0.9 s of sound" in said
    assert "ok speech in, speech out" in said
    assert "“one two three”" in said
    assert "ok transcripts some-recogniser in" in said
    assert "taken: alloy, ash, ballad, cedar, coral, echo, marin" in said
    assert "refused: fable" in said
    assert "a minute of the caller's speech is" in said
    assert said.endswith("Callers can be served. Next: bargein serve")


@pytest.mark.parametrize(
    ("answer", "settings", "advice"),
    [
        (refuses(401, "Incorrect API key"), {}, "The key in OPENAI_API_KEY is not taken: check that it is whole"),
        (refuses(401, "No key"), {"OPENAI_API_KEY": ""}, "No key is set: put it into OPENAI_API_KEY"),
        (refuses(403, "Not for you"), {}, f"The key in OPENAI_API_KEY may not use {MODEL}"),
        (refuses(404, "Not Found"), {}, "There is no Chat Completions server at http://127.0.0.1"),
        (
            refuses(404, "The model `gpt-audio-15` does not exist.", "model_not_found"),
            {"BARGEIN_MODEL": "gpt-audio-15"},
            f"Set BARGEIN_MODEL to a model of this server; 'gpt-audio-15' is none that this key may use. Near to it are {MODEL}",  # noqa: E501
        ),
        (refuses(429, "You exceeded your quota.", "insufficient_quota"), {}, "has no credit left"),
        (refuses(500, "Out of memory"), {}, "The model's server is failing"),
        (refuses(400, "Unsupported value: modalities audio"), {}, "is no model that speaks"),
        (
            refuses(400, "Invalid voice 'klingon'."),
            {"BARGEIN_UPSTREAM_FLAVOUR": "openai", "BARGEIN_VOICE": "klingon"},
            "Set BARGEIN_VOICE to a voice of this model",
        ),
        (written("I can only write."), {}, "It answers in text only: gpt-audio-1.5 is no model that speaks"),
        (spoken(""), {}, "It answers with neither words nor sound"),
        (spoken("one", sound=bytes(48_000)), {}, "The model's server makes empty sound"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_with_what_to_set(
    answer: Answer, settings: dict[str, str], advice: str, tmp_path: Path
) -> None:
    async with scripted(model(answer), lists=lists(MODEL)) as server:
        code, said = await examined(server.url, tmp_path, "--quick", **settings)
    assert code == 1, said
    assert advice in said
    assert "No caller can be served" in said


async def test_every_model_that_is_set_is_asked(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        match exchange.json["model"]:
            case "small" | "spare":
                await written("yes")(exchange)
            case "mistyped":
                await refuses(404, "The model `mistyped` does not exist.", "model_not_found")(exchange)
            case _:
                await spoken("one two three")(exchange)

    settings = {"BARGEIN_TEXT_MODEL": "small", "BARGEIN_BESIDE_MODEL": "mistyped", "BARGEIN_MODELS": "spare,mistyped"}
    async with scripted(answer, lists=lists(MODEL)) as server:
        code, said = await examined(server.url, tmp_path, "--quick", **settings)
    assert code == 0, said
    assert "ok BARGEIN_TEXT_MODEL small in" in said
    assert "ok BARGEIN_MODELS spare in" in said
    for setting in ("BARGEIN_BESIDE_MODEL", "BARGEIN_MODELS"):
        assert f"warn {setting} mistyped: The model `mistyped` does not exist. (HTTP 404)" in said
        assert f"Where {setting} is to answer, nobody does: set it to a model of this server, or leave it out." in said


async def test_a_key_is_refused_already_when_the_models_are_asked_for(tmp_path: Path) -> None:
    async with scripted(model(spoken("fine")), lists=refuses(401, "Incorrect API key")) as server:
        code, said = await examined(server.url, tmp_path, "--quick")
        assert server.exchanges == []
    assert code == 1
    assert "The key in OPENAI_API_KEY is not taken" in said


async def test_where_nobody_listens_the_address_is_doubted(tmp_path: Path) -> None:
    code, said = await examined("http://127.0.0.1:9/v1", tmp_path, "--quick")
    assert code == 1
    assert "Nobody can be reached at http://127.0.0.1:9/v1: check BARGEIN_UPSTREAM_URL" in said


async def test_what_is_no_model_server_is_told_so(tmp_path: Path) -> None:
    async def page(exchange: Exchange) -> None:
        await exchange.answer(200, b"<!doctype html><title>It works</title>", content_type="text/html")

    async with scripted(page, lists=page) as server:
        code, said = await examined(server.url, tmp_path, "--quick")
    assert code == 1
    assert "does not speak Chat Completions: check BARGEIN_UPSTREAM_URL" in said


async def test_a_model_that_takes_no_speech_serves_nobody(tmp_path: Path) -> None:
    script = model(spoken("fine"), speech=refuses(400, "Audio input is not supported by this model."))
    async with scripted(script, lists=lists(MODEL)) as server:
        code, said = await examined(server.url, tmp_path, "--quick")
    assert code == 1
    assert "ok text in, speech out" in said
    assert "answers text, but takes no speech" in said


async def test_what_is_only_doubtful_serves_callers(tmp_path: Path) -> None:
    answers = iter([written("I wrote."), spoken("I spoke.")])

    async def reluctant(exchange: Exchange) -> None:
        await next(answers, spoken("fine"))(exchange)

    async with scripted(model(reluctant), lists=lists("others-only")) as server:
        code, said = await examined(
            server.url, tmp_path, "--quick", BARGEIN_TRANSCRIPTION_MODEL="gone", BARGEIN_VOICE="ethan"
        )
    assert code == 0, said
    assert f"{MODEL} is not among the 1 models that it lists" in said
    assert "only when it was told again to speak" in said
    assert "cost two requests" in said
    assert "No recogniser here." in said
    assert "Check BARGEIN_TRANSCRIPTION_MODEL" in said


async def test_a_voice_that_the_server_leaves_out_is_told(tmp_path: Path) -> None:
    async with scripted(model(spoken("fine"), voice=lambda name: name == "ethan"), lists=lists(MODEL)) as server:
        code, said = await examined(server.url, tmp_path, BARGEIN_VOICE="chelsie")
    assert code == 0, said
    assert "refused: chelsie Set BARGEIN_VOICE and BARGEIN_VOICES to voices of this model: not chelsie" in said


async def test_the_demo_model_is_well(tmp_path: Path) -> None:
    code, said = await examined("demo", tmp_path, "--quick")
    assert code == 0, said
    assert "Examining the bundled demo model" in said
    assert "The demo model costs nothing." in said
    assert "“Tell me about yourself.”" in said or "transcripts" in said


def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    code, said = asyncio.run(examined("not-an-address", tmp_path))
    assert code == 2
    assert "not-an-address" in said


async def test_a_minute_is_priced_where_the_price_is_known(tmp_path: Path) -> None:
    prices = f'[models."{MODEL}"]\ntext_in = 2.5\naudio_in = 32\ntext_out = 10\naudio_out = 64\n'
    (tmp_path / "prices.toml").write_text(prices, encoding="utf-8")
    async with scripted(model(spoken("one two three")), lists=lists(MODEL)) as server:
        _, priced = await examined(server.url, tmp_path, "--quick", BARGEIN_PRICES="prices.toml")
        _, unpriced = await examined(server.url, tmp_path, "--quick")
    # 3 tokens of text and 4 of sound for 0.9 s of speech: 200 at 10 $ and 267 at 64 $ for a million.
    assert "a minute of the model's 467 tokens (0.0191 $)" in priced
    assert "The price of this model is unknown" in unpriced
    assert "a minute of the model's 467" in unpriced


async def test_sound_that_is_not_counted_apart_is_not_told_to_cost_nothing(tmp_path: Path) -> None:
    async def totals_only(exchange: Exchange) -> None:
        usage = event({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 7}})
        ending = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        await exchange.stream([*speech("one two three"), ending, usage, b"data: [DONE]\n\n"])

    prices = f'[models."{MODEL}"]\ntext_in = 2.5\naudio_in = 32\ntext_out = 10\naudio_out = 64\n'
    (tmp_path / "prices.toml").write_text(prices, encoding="utf-8")
    async with scripted(model(totals_only), lists=lists(MODEL)) as server:
        code, said = await examined(server.url, tmp_path, "--quick", BARGEIN_PRICES="prices.toml")
    assert code == 0, said
    assert "what a minute of the caller's speech costs is unknown: its tokens are not counted apart" in said
    assert "a minute of the model's 467 tokens (cost unknown: those of its sound are not counted apart)" in said
    assert "$" not in said
