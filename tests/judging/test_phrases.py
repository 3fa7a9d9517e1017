"""Whether words are a finished phrase, as recognisers write them down."""

from __future__ import annotations

import pytest

from bargein.core.turn_end import PhraseEnd
from bargein.judging.phrases import phrase_end
from bargein.judging.words import languages, word_list


@pytest.mark.parametrize(
    ("text", "language", "end"),
    [
        ("What time is it?", "en", "finished"),
        ("Where are you from?", "en", "finished"),
        ("Tell me a story.", "en-US", "finished"),
        ("Tell me a story", "en", None),
        ("Yes.", "en", None),
        ("I would like to book a table for", "en", "open"),
        ("I would like to book a table for.", "en", "open"),
        ("I want, um", "en", "open"),
        ("Well, the thing is...", "en", "open"),
        ("First of all,", "en", "open"),
        ("My number is", "en", "open"),
        ("My number is 555", "en", "dictated"),
        ("It's 0 4 1", "en", "dictated"),
        ("zero six one", "en", "dictated"),
        ("M A R", "en", "dictated"),
        ("I have two", "en", None),
        ("Und dann brauche ich, weil", "de", "open"),
        ("Ich rufe dich an.", "de", "finished"),
        ("null drei sieben", "de", "dictated"),
        ("Je voudrais réserver une table pour", "fr", "open"),
        ("quiero una mesa para", "es-ES", "open"),
        ("明日の会議を", "ja", "open"),
        ("我想订一张桌子因为", "zh", "open"),
        ("null drei sieben", None, "dictated"),
        ("und weil", None, None),
        ("", "en", None),
        ("[cough]", "en", None),
    ],
)
def test_how_words_end(text: str, language: str | None, end: PhraseEnd | None) -> None:
    assert phrase_end(text, language=language) == end


@pytest.mark.parametrize("language", languages())
def test_what_no_phrase_ends_with_may_be_an_answer_by_itself(language: str) -> None:
    """Else who says "yes" waits for a second."""
    words = word_list(language)
    assert words.open
    for answer in words.nods | words.never:
        assert phrase_end(" ".join(answer), language=language) != "open"
