"""What short utterances mean: literal lines as recognisers write them."""

from __future__ import annotations

import pytest

from bargein.core.decisions import UtteranceVerdict
from bargein.judging.spelling import units_of
from bargein.judging.words import Vocabulary, awaits_answer, languages, word_list

SAID = "Once upon a time, on a small island"
UNSAID = " in a cold grey sea, there stood a lighthouse."


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Mm-hmm.", ("m", "hm")),
        ("MMHMM", ("mhm",)),
        ("Hahaha!", ("ha",)),
        ("ha ha ha", ("ha", "ha", "ha")),
        ("Jajaja", ("ha",)),
        ("aha", ("aha",)),
        ("Yeeeah…", ("yeah",)),
        ("D\u2019accord", ("dacord",)),
        ("İYİ", ("iyi",)),
        ("うーん、そう。", ("う", "ん", "そ", "う")),
        ("ハイ", ("は", "い")),
        ("嗯嗯嗯", ("嗯",)),
        ("네, 네.", ("네", "네")),
        ("हाँ जी", ("हां", "जी")),
        ("ещё", ("еще",)),
        ("…!?", ()),
        ("", ()),
    ],
)
def test_one_spelling_of_many(text: str, units: tuple[str, ...]) -> None:
    assert units_of(text) == units


@pytest.mark.parametrize(
    ("language", "text", "verdict"),
    [
        ("en", "Mm-hmm.", "backchannel"),
        ("en", "Mhm.", "backchannel"),
        ("en", "Uh-huh.", "backchannel"),
        ("en", "uhhuh", "backchannel"),
        ("en", "Uh-uh.", "interruption"),
        ("en", "Yeah, yeah.", "backchannel"),
        ("en", "Oh wow, yeah.", "backchannel"),
        ("en", "Really?", "backchannel"),
        ("en", "Oh no!", "backchannel"),
        ("en", "Ha ha.", "backchannel"),
        ("en", "HAHAHAHA", "backchannel"),
        ("en", "Huh.", "backchannel"),
        ("en", "Huh?", "interruption"),
        ("en", "No.", "interruption"),
        ("en", "No, no, no.", "interruption"),
        ("en", "Stop!", "interruption"),
        ("en", "Wait.", "interruption"),
        ("en", "Hold on.", "interruption"),
        ("en", "Excuse me.", "interruption"),
        ("en", "What?", "interruption"),
        ("en", "Okay, stop.", "interruption"),
        ("en", "Yeah but", "interruption"),
        ("en", "Thank you.", "interruption"),
        ("en", "You", "noise"),
        ("en", "Thanks for watching!", "noise"),
        ("en-GB", "Right.", "backchannel"),
        ("de", "Ja, genau.", "backchannel"),
        ("de", "Ach so.", "backchannel"),
        ("de", "Nein.", "interruption"),
        ("de", "Moment!", "interruption"),
        ("fr", "D'accord.", "backchannel"),
        ("fr", "Ah bon ?", "backchannel"),
        ("fr", "Attends.", "interruption"),
        ("es", "Claro que sí.", "backchannel"),
        ("es", "Espera.", "interruption"),
        ("it", "Va bene.", "backchannel"),
        ("it", "Aspetta.", "interruption"),
        ("pt-BR", "Uhum.", "backchannel"),
        ("pt-BR", "Peraí!", "interruption"),
        ("nl", "Klopt.", "backchannel"),
        ("nl", "Wacht even.", "interruption"),
        ("pl", "No tak.", "backchannel"),
        ("pl", "No.", "backchannel"),
        ("pl", "Nie.", "interruption"),
        ("sv", "Just det.", "backchannel"),
        ("sv", "Vänta.", "interruption"),
        ("tr", "Tamam.", "backchannel"),
        ("tr", "HAYIR", "interruption"),
        ("ru", "Ага, понятно.", "backchannel"),
        ("ru", "Подождите", "interruption"),
        ("ja", "うんうん", "backchannel"),
        ("ja", "はーい", "backchannel"),
        ("ja", "そうですね。", "backchannel"),
        ("ja", "待って", "interruption"),
        ("ja", "え?", "interruption"),
        ("ja", "ご視聴ありがとうございました", "noise"),
        ("zh", "对对对。", "backchannel"),
        ("zh-Hant", "對啊", "backchannel"),
        ("zh", "等等", "interruption"),
        ("ko", "네, 맞아요.", "backchannel"),
        ("ko", "잠깐만요", "interruption"),
        ("hi", "ठीक है।", "backchannel"),
        ("hi", "रुको", "interruption"),
        ("ar", "ههههه", "backchannel"),
        ("ar", "نعم.", "backchannel"),
        ("ar", "لحظة", "interruption"),
    ],
)
def test_in_the_middle_of_a_sentence(language: str, text: str, verdict: UtteranceVerdict) -> None:
    assert Vocabulary().read(text, language=language, said=SAID, unsaid=UNSAID) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Genau", "backchannel"),
        ("うん", "backchannel"),
        ("Oui, oui.", "backchannel"),
        # "Yes" in Polish, and the opposite elsewhere: where the language is not known it interrupts.
        ("No.", "interruption"),
        ("Nein", "interruption"),
        ("Stop", "interruption"),
    ],
)
@pytest.mark.parametrize("language", [None, "tlh"])
def test_without_a_list_of_the_language_all_count(language: str | None, text: str, verdict: UtteranceVerdict) -> None:
    assert Vocabulary().read(text, language=language, said=SAID, unsaid=UNSAID) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", "noise"),
        (" . ", "noise"),
        ("[BLANK_AUDIO]", "noise"),
        ("(coughs)", "noise"),
        ("*sneezes*", "noise"),
        ("♪", "noise"),
        ("[Laughter]", "backchannel"),
        ("(laughs) yeah", "backchannel"),
        ("(laughs) stop it", "interruption"),
        # Somebody spoke, and nobody knows what: another judge must say.
        ("(not understood)", None),
        ("(speech, 0.4 s)", None),
        ("[inaudible]", None),
    ],
)
def test_what_a_recogniser_remarks_upon(text: str, verdict: UtteranceVerdict | None) -> None:
    assert Vocabulary().read(text, said=SAID, unsaid=UNSAID) == verdict


@pytest.mark.parametrize(
    ("said", "unsaid", "awaits"),
    [
        ("Shall I go on?", "", True),
        ("Shall I go on? I", " can also stop.", True),
        ("Shall I go on? There is much more of it", ", you know.", False),
        ("Would you like tea or", " coffee?", True),
        ("Would you like", " a cup of tea or of coffee?", False),
        ("There it stood,", " alone. Was it?", False),
        ("", "Are you there?", False),
        (SAID, UNSAID, False),
        ("続けますか。", "", True),
        ("これでいいですか\uff1f", "", True),
        ("昔々あるところに、", "おじいさんがいました。", False),
        ("可以吗\uff1f", "", True),
        ("هل أستمر؟", "", True),
    ],
)
def test_after_a_question(said: str, unsaid: str, awaits: bool) -> None:
    assert awaits_answer(said, unsaid) is awaits
    answered: UtteranceVerdict = "interruption" if awaits else "backchannel"
    for answer in ("Yes.", "Okay.", "Mm-hmm."):
        assert Vocabulary().read(answer, said=said, unsaid=unsaid) == answered
    # No answer to anything.
    assert Vocabulary().read("Oh wow.", said=said, unsaid=unsaid) == "backchannel"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("No", "interruption"),
        ("Stop", "interruption"),
        ("Wait", "interruption"),
        ("Can I", "interruption"),
        ("Actually I", "interruption"),
        ("Mm", "backchannel"),
        ("Yeah", "backchannel"),
        ("Yeah yeah", "backchannel"),
        # The word may be cut, or the beginning of more.
        ("Hold", None),
        ("Actu", None),
        ("Can", None),
        ("I", None),
        ("Sounds go", None),
        ("Yeah that's", None),
        ("Yeah but", "interruption"),
        ("", None),
        ("[noise]", None),
        ("Thanks for watching", None),
    ],
)
def test_of_what_goes_on_only_what_is_certain(text: str, verdict: UtteranceVerdict | None) -> None:
    assert Vocabulary().read_so_far(text, language="en", said=SAID) == verdict


def test_an_answer_is_no_backchannel_before_its_end_either() -> None:
    assert Vocabulary().read_so_far("Yeah", language="en", said="Shall I go on?") is None


def test_settings_extend_the_lists_and_overrule_them() -> None:
    own = Vocabulary(backchannels=("roger that", "no"), interruptions=("right", "go ahead"))
    assert own.read("Roger that!", language="en") == "backchannel"
    assert own.read("No.", language="en") == "backchannel"
    assert own.read("Right.", language="en") == "interruption"
    assert own.read("Go ahead.", language="en") == "interruption"
    assert own.read("Yeah, right.", language="en") == "interruption"
    assert Vocabulary().read("Right.", language="en") == "backchannel"


def test_there_is_a_list_for_each_of_these() -> None:
    expected = "ar cs da de en es fi fr hi it ja ko nl no pl pt ru sv tr uk zh"
    assert languages() == expected.split()
    for language in languages():
        words = word_list(language)
        assert len(words.nods) >= 30, language
        assert len(words.sounds) >= 15, language
        assert len(words.never) >= 10, language
        assert not words.nods & words.never, language
        assert not words.sounds & words.never, language
