"""Talking over the demo model in a real Chromium: what falls silent, how soon, and what survives a cough."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from playwright.async_api import Browser, expect

from support.browser_talk import RATE_HZ, Samples, Talk, talk
from support.server_process import ServerProcess
from support.sounds import cough, keys, knock, pcm16
from support.speech import speak

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORY = "Tell me a story."
# Each is said over the answer to the one before it.
INTERRUPTIONS = (
    (STORY, "en-us"),
    ("Who are you?", "en-gb"),
    ("Tell me a story.", "en-gb-scotland"),
    ("What can you do?", "en-us+f3"),
    ("Tell me a story.", "en-gb+m3"),
    ("Who are you?", "en-us+f2"),
    ("Tell me a story.", "en-us+m7"),
    ("What time is it?", "en-gb+f4"),
)

SHORT_NOISES: tuple[tuple[str, Callable[[int], bytes]], ...] = (
    ("cough 120 ms", lambda seed: pcm16(cough(120, seed))),
    ("cough 250 ms", lambda seed: pcm16(cough(250, seed))),
    ("cough 400 ms", lambda seed: pcm16(cough(400, seed))),
    ("knock", lambda seed: pcm16(knock(seed))),
    ("typing", lambda seed: pcm16(keys(seed))),
)
SEEDS = range(3)
FRAME = RATE_HZ // 50


async def speaking(caller: Talk, words: str = STORY, voice: str = "en-us") -> None:
    """Ask for something and listen to a second and a half of the answer."""
    await caller.say(speak(words, voice=voice))
    await caller.state("user-speaking")
    await caller.state("speaking", timeout_s=60)
    await caller.pass_time(1.5)


async def test_the_reply_falls_silent_when_the_caller_speaks(
    browser: Browser, page_server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    """Measured at the output, on one clock: from the first sample of the caller's speech to the last of the reply."""
    async with talk(browser, page_server.http_url, context_rate_hz=RATE_HZ) as caller:
        await caller.start()
        await speaking(caller, *INTERRUPTIONS[0])
        silent_ms, answered_ms = [], []
        asked_s = 0.0
        for words, voice in INTERRUPTIONS[1:]:
            said = speak(words, voice=voice)
            cuts = len(caller.events("bargein.cut"))
            onset_s = await caller.say(said)
            cut = await caller.event("bargein.cut", cuts + 1)
            [flushed] = [event for event in caller.sent if event["type"] == "bargein.flushed"][cuts:]
            assert flushed["response_id"] == cut["response_id"]
            assert flushed["samples"] == cut["heard_samples"], "the model is told what was heard, to the sample"
            await caller.state("speaking", timeout_s=60)
            recording = await caller.recorded()
            end = caller.assert_heard(recording, cut["response_id"], cut["heard_samples"], asked_s)
            silent_ms.append(1000 * (recording.time_of(end) - onset_s))
            await caller.pass_time(1.5)
            first = caller.first_sound(await caller.recorded(), max(caller.sound), onset_s)
            answered_ms.append(1000 * (first - onset_s) - len(said) // 2 * 1000 / RATE_HZ)
            asked_s = onset_s
        with capsys.disabled():
            print()
            report("onset to silence at the page's output", silent_ms)
            report("end of speech to the first sound of the answer", answered_ms)
        assert min(silent_ms) > 0


def report(what: str, figures_ms: list[float]) -> None:
    p50, p95 = np.percentile(figures_ms, [50, 95], method="nearest")
    each = " ".join(f"{figure:.0f}" for figure in figures_ms)
    print(f"{what}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, each {each}")


async def test_the_words_not_heard_are_folded_behind_the_cut(browser: Browser, page_server: ServerProcess) -> None:
    async with talk(browser, page_server.http_url, context_rate_hz=RATE_HZ) as caller:
        await caller.start()
        await speaking(caller)
        await caller.say(speak("What time is it?"))
        cut = await caller.event("bargein.cut")
        struck = caller.page.locator("del")
        await expect(struck).to_have_count(1)
        assert (await struck.text_content() or "").strip() == cut["unheard_text"].strip()
        entry = caller.get("transcript").locator("[data-role=reply]").first
        await expect(entry).to_contain_text(cut["heard_text"].strip())
        await expect(entry).to_contain_text("(interrupted)")
        assert cut["heard_text"]
        assert cut["unheard_text"]


async def test_short_noises_hold_the_reply_and_lose_nothing(
    browser: Browser, page_server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    survived: dict[str, list[bool]] = {kind: [] for kind, _ in SHORT_NOISES}
    async with talk(browser, page_server.http_url, context_rate_hz=RATE_HZ) as caller:
        await caller.start()
        await speaking(caller)
        for seed in SEEDS:
            for kind, make in SHORT_NOISES:
                cuts = len(caller.events("bargein.cut"))
                await caller.say(make(seed))
                await caller.pass_time(1.6)
                survived[kind].append(len(caller.events("bargein.cut")) == cuts)
                if not survived[kind][-1]:
                    await caller.state("listening", "speaking", timeout_s=60)
                    await speaking(caller)
        holds, resumes = len(caller.events("bargein.hold")), len(caller.events("bargein.resume"))
        await caller.get("stop").click()
        await caller.state("listening")
        recording = await caller.recorded()
        for flushed in [event for event in caller.sent if event["type"] == "bargein.flushed"]:
            caller.assert_heard(recording, flushed["response_id"], flushed["samples"])
    with capsys.disabled():
        lines = [f"  {kind:13} {sum(each)} of {len(each)}" for kind, each in survived.items()]
        print(f"\nreplies that survived a short noise ({holds} holds, {resumes} resumes):", *lines, sep="\n")
    every = [each for kind in survived.values() for each in kind]
    assert sum(every) > len(every) / 2


ENOUGH_FRAMES = 6
"""In which the reply is loud while it is ducked: half a frame apart, they last some 70 ms."""


async def test_a_short_noise_makes_the_reply_quieter_and_never_silent(
    browser: Browser, ducking_page_server: ServerProcess
) -> None:
    """At the page's output: what is before the hold and behind it lies as far apart as in what was sent."""
    for attempt in range(6):
        async with talk(browser, ducking_page_server.http_url, context_rate_hz=RATE_HZ) as caller:
            await caller.start()
            await speaking(caller)
            await caller.pass_time(0.3 * attempt)
            await caller.say(pcm16(cough(250, 1)))
            hold = await caller.event("bargein.hold")
            resume = await caller.event("bargein.resume")
            await caller.pass_time(1.0)
            assert not caller.events("bargein.cut")
            recording = await caller.recorded()
        sound = caller.reply_sound(caller.number_of(hold["response_id"]))
        # The page plays on until it is told, of the hold and of its end.
        held = range(hold["at_sample"], resume["from_sample"] + RATE_HZ // 4, FRAME // 2)
        loud = [at for at in held if level_db(sound[at : at + FRAME]) > -40]
        ducked = range(hold["at_sample"] + RATE_HZ // 10, resume["from_sample"])
        if sum(at in ducked for at in loud) >= ENOUGH_FRAMES:
            break
    else:
        pytest.fail("the reply was between two words at each cough")
    assert hold["duck_db"] == 18.0
    # The server knows the places to within a report.
    tenth = 5 * FRAME
    before = loudest(sound, hold["at_sample"] - RATE_HZ // 2, hold["at_sample"] - RATE_HZ // 10, tenth)
    behind = loudest(sound, resume["from_sample"] + 2 * RATE_HZ // 5, resume["from_sample"] + 4 * RATE_HZ // 5, tenth)
    first = recording.find(sound[before : before + tenth])
    assert first is not None
    again = recording.find(sound[behind : behind + tenth], first)
    assert again == first + behind - before
    quieter = min(
        level_db(recording.samples[first - before + at :][:FRAME]) - level_db(sound[at : at + FRAME]) for at in loud
    )
    assert quieter == pytest.approx(-18, abs=1.5)


def loudest(sound: Samples, begin: int, end: int, length: int) -> int:
    """Where the loudest ``length`` samples between two places begin: the voice pauses between words."""
    return max(range(begin, end - length, FRAME), key=lambda at: level_db(sound[at : at + length]))


def level_db(sound: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(sound, dtype=float))) / 32768 + 1e-9))


async def test_who_interrupts_a_ducked_reply_is_told_as_much_as_the_page_played(
    browser: Browser, ducking_page_server: ServerProcess
) -> None:
    async with talk(browser, ducking_page_server.http_url, context_rate_hz=RATE_HZ) as caller:
        await caller.start()
        await speaking(caller)
        await caller.say(speak("What time is it?"))
        hold = await caller.event("bargein.hold")
        cut = await caller.event("bargein.cut")
        recording = await caller.recorded()
    [flushed] = [event for event in caller.sent if event["type"] == "bargein.flushed"]
    assert flushed["samples"] == cut["heard_samples"] > hold["at_sample"] + RATE_HZ // 10
    # All of it came out, and nothing behind it: the last of it quietly.
    sound = caller.reply_sound(caller.number_of(cut["response_id"]))
    tenth = 5 * FRAME
    before = loudest(sound, hold["at_sample"] - RATE_HZ // 2, hold["at_sample"], tenth)
    first = recording.find(sound[before : before + tenth])
    assert first is not None
    end = first + cut["heard_samples"] - before
    last = sound[cut["heard_samples"] - tenth : cut["heard_samples"]]
    assert recording.samples[end - tenth : end].any() == last.any()
    assert not recording.samples[end : end + RATE_HZ // 5].any()
