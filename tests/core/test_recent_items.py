"""Only the newest items are looked at, and what is told is the same."""

from __future__ import annotations

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from bargein.alignment.heard_words import Transcript
from bargein.core import context
from bargein.core.audio import PCM16_24K
from bargein.core.completion import ChatMessage
from bargein.core.history import Heard
from bargein.core.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
)
from bargein.core.recent_items import recent_items


def spoken(item_id: str, text: str) -> Message:
    timeline = Transcript(24_000)
    timeline.add(text, 0)
    return Message(item_id, "assistant", [OutputAudio(PCM16_24K, timeline)])


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Item], dict[str, Heard]]:
    items: list[Item] = []
    heard: dict[str, Heard] = {}
    for number in range(draw(st.integers(0, 25))):
        item_id, size = f"item_{number}", draw(st.integers(0, 60))
        match draw(st.integers(0, 6)):
            case 0:
                items.append(Message(item_id, "user", [InputText("u" * size)]))
            case 1:
                transcript = draw(st.sampled_from([None, "", "t" * size]))
                items.append(Message(item_id, "user", [InputAudio(bytes(size * 480), PCM16_24K, transcript)]))
            case 2:
                items.append(Message(item_id, "assistant", [OutputText("a" * size)]))
            case 3:
                items.append(spoken(item_id, "s" * size))
                if draw(st.booleans()):
                    heard[item_id] = Heard(0, "s" * draw(st.integers(0, size)))
            case 4:
                status: Literal["completed", "incomplete", "in_progress"] = draw(
                    st.sampled_from(["completed", "incomplete", "in_progress"])
                )
                call_id = f"call_{draw(st.integers(0, 2))}"
                items.append(FunctionCall(item_id, call_id, "name", '{"a":1}' * draw(st.integers(0, 5)), status))
            case 5:
                items.append(FunctionCallOutput(item_id, f"call_{draw(st.integers(0, 2))}", "o" * size))
            case _:
                items.append(Message(item_id, "system", [InputText("i" * size)]))
    return items, heard


@settings(max_examples=200)
@given(conversations(), st.integers(1, 120), st.sampled_from(["transcript", "drop"]), st.sampled_from(["auto", 0.5]))
def test_the_model_is_told_the_same(
    conversation: tuple[list[Item], dict[str, Heard]],
    max_tokens: int,
    overflow: Literal["transcript", "drop"],
    truncation: Literal["auto"] | float,
) -> None:
    items, heard = conversation

    def told(items: list[Item]) -> tuple[ChatMessage, ...]:
        messages = context.messages(items, heard, "instructions", unix_s=0.0)
        return context.fit(
            messages, max_bytes=10_000_000, max_tokens=max_tokens, overflow=overflow, truncation=truncation
        )

    assert told(list(recent_items(items, heard, max_tokens))) == told(items)


def test_what_no_context_holds_is_not_looked_at() -> None:
    items: list[Item] = [Message(f"item_{number}", "user", [InputText("x" * 400)]) for number in range(2000)]
    assert len(recent_items(items, {}, 1000)) == 11
