"""Push to talk with both OpenAI SDKs, their own loops and helpers: through the server, and with the demo alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bargein.demo.process import DemoModelProcess
from support.listening import needs_listening
from support.server_process import ServerProcess, serve
from support.stock_clients import Findings, RunClient

SAYS_WHO = "demo model"


@pytest.fixture(scope="module", params=["server", "fresh server", "demo model"])
def base_url(
    request: pytest.FixtureRequest, bargein_server: ServerProcess, demo_model: DemoModelProcess
) -> Iterator[str]:
    """The server in front of the demo model, as ``make run`` starts it too, and the demo model without a server."""
    match request.param:
        case "server":
            yield f"{bargein_server.http_url}/v1"
        case "fresh server":
            with serve() as fresh:
                yield f"{fresh.http_url}/v1"
        case _:
            yield demo_model.base_url


@pytest.fixture(scope="module")
def python_found(run_client: RunClient, stock_python: Path, base_url: str) -> Findings:
    return run_client(stock_python, "openai_python_chat.py", base_url)


@pytest.fixture(scope="module")
def node_found(run_client: RunClient, node: str, base_url: str) -> Findings:
    return run_client(node, "openai_node_chat.mjs", base_url)


def test_python_text(python_found: Findings) -> None:
    for how in ("text_whole", "text_streamed"):
        assert SAYS_WHO in python_found[how]["text"], how
        assert python_found[how]["finish"] == "stop"
    assert python_found["text_whole"]["tokens"] > 0


def test_python_speech(python_found: Findings) -> None:
    whole, streamed = python_found["spoken_whole"], python_found["spoken_streamed"]
    assert SAYS_WHO in whole["transcript"]
    assert streamed["transcript"] == whole["transcript"]
    assert whole["rate_hz"] == 24_000
    assert whole["wav_bytes"] == whole["pcm16_bytes"] == streamed["bytes"] > 24_000
    assert whole["finish"] == "stop"
    assert len(streamed["ids"]) == 1
    assert streamed["tokens"] > 0


def test_chunks_without_choices_break_the_sdks_and_the_server_drops_them(
    python_found: Findings, node_found: Findings, base_url: str, demo_model: DemoModelProcess
) -> None:
    for found in (python_found["without_choices"], node_found["without_choices"]):
        if base_url == demo_model.base_url:
            assert "failed" in found
        else:
            assert found["chunks"] > 10


def test_python_helper(python_found: Findings) -> None:
    text, spoken = python_found["helper_text"], python_found["helper_spoken"]
    assert SAYS_WHO in text["content"]
    assert {"chunk", "content.delta", "content.done"} <= set(text["kinds"])
    assert SAYS_WHO in spoken["transcript"]
    assert spoken["bytes"] == python_found["spoken_whole"]["pcm16_bytes"]
    assert spoken["id"].startswith("audio_")
    assert (text["role"], spoken["role"], spoken["finish"]) == ("assistant", "assistant", "stop")


@needs_listening
def test_python_a_spoken_question_and_an_answer_that_is_referred_to(python_found: Findings) -> None:
    assert python_found["heard"]["said"].startswith("It is now")
    assert python_found["heard"]["again"] == python_found["heard"]["said"]


def test_python_tools(python_found: Findings) -> None:
    assert python_found["tools"] == {
        "name": "get_time", "arguments": "{}", "finish": "tool_calls",
        "said": "It is now four twenty in the afternoon.",
    }  # fmt: skip


def test_python_azure(python_found: Findings, base_url: str, demo_model: DemoModelProcess) -> None:
    if base_url == demo_model.base_url:
        assert "404" in python_found["azure"]["failed"]
    else:
        assert SAYS_WHO in python_found["azure"]["text"]


def test_python_refusals(python_found: Findings) -> None:
    assert python_found["refused"] == {
        "messages": ["messages", "empty_array"],
        "temperature": ["temperature", "decimal_above_max_value"],
        "n": ["n", "integer_above_max_value"],
    }


def test_node_text(node_found: Findings) -> None:
    for how in ("text_whole", "text_streamed", "helper_text"):
        assert SAYS_WHO in node_found[how]["content"], how
        assert (node_found[how]["bytes"], node_found[how]["finish"]) == (0, "stop"), how


def test_node_speech(node_found: Findings) -> None:
    sound = node_found["spoken_whole"]["bytes"]
    assert sound > 24_000
    for how in ("spoken_whole", "spoken_wav", "spoken_streamed", "helper_spoken", "helper_usage"):
        assert SAYS_WHO in node_found[how]["transcript"], how
        assert node_found[how]["finish"] == "stop", how
        assert node_found[how]["bytes"] == sound + (44 if how == "spoken_wav" else 0), how
    assert node_found["helper_spoken"]["id"].startswith("audio_")
    assert node_found["helper_usage"]["tokens"] > 0


@needs_listening
def test_node_a_spoken_question_and_an_answer_that_is_referred_to(node_found: Findings) -> None:
    assert node_found["heard"]["said"].startswith("It is now")
    assert node_found["heard"]["again"] == node_found["heard"]["said"]


def test_node_run_tools(node_found: Findings) -> None:
    for how in ("whole", "streamed"):
        assert node_found["run_tools"][how] == {
            "roles": ["user", "assistant", "tool", "assistant"],
            "said": "It is now four twenty in the afternoon.",
        }, how


def test_node_refusals(node_found: Findings) -> None:
    assert node_found["refused"] == {
        "messages": [400, "messages", "empty_array"],
        "temperature": [400, "temperature", "decimal_above_max_value"],
        "n": [400, "n", "integer_above_max_value"],
    }
