"""What a model thinks is left out of what it says, wherever its tags are cut."""

from __future__ import annotations

import pytest

from bargein.upstream.thoughts import ThoughtFilter

CASES = {
    "<think>hm</think>Hello.": "Hello.",
    "<think>hm</think>\n\n  Hello.\n\nBye.": "Hello.\n\nBye.",
    "<THINK>hm</Think>Hello.": "Hello.",
    "<thinking>a < b</thinking>Hello.": "Hello.",
    "[THINK]hm[/THINK]Hello.": "Hello.",
    "Well.<think>hm</think> Hello.": "Well. Hello.",
    "<think></think><think>more</think> Hello.": "Hello.",
    "<think>it never ends": "",
    "<think>hm</think>": "",
    "hm</think>\n\nHello.": "hm\n\nHello.",
    "</think>\n\nHello.": "Hello.",
    "<think>hm</thinking></think>Hello.": "Hello.",
    " Hello.": " Hello.",
    "1 < 2, a<b>c</b> and [this].": "1 < 2, a<b>c</b> and [this].",
    "Is it <think": "Is it <think",
    "İ<think>İİİ</think>Hello.": "İHello.",
}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize("text", CASES)
def test_words_without_thoughts(text: str, size: int) -> None:
    thoughts = ThoughtFilter(said=False)
    said = "".join(thoughts.feed(text[at : at + size]) for at in range(0, len(text), size))
    assert said + thoughts.end() == CASES[text]


def test_only_a_beginning_of_a_tag_is_kept_back() -> None:
    thoughts = ThoughtFilter(said=False)
    assert thoughts.feed("a <b> c <th") == "a <b> c "
    assert not thoughts.idle
    assert thoughts.feed("e") == "<the"
    assert thoughts.idle
