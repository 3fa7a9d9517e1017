"""The examination, in order: the server, a turn from text, a turn from speech, transcripts, voices, formats, cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bargein.core.audio import PCM16_24K
from bargein.core.completion import (
    ChatMessage,
    CompletionRequest,
    SystemMessage,
    UserAudio,
    UserMessage,
    UserText,
)
from bargein.core.config import Transcription
from bargein.core.items import InputAudio
from bargein.doctor.advice import Adviser
from bargein.doctor.asking import Answer, ask, takes
from bargein.doctor.cost import cost
from bargein.doctor.finding import Finding, State
from bargein.errors import UpstreamError, UpstreamRefused
from bargein.judging.spelling import units_of
from bargein.load.bank import BANK, read_phrase
from bargein.load.bank import RATE_HZ as BANK_RATE_HZ
from bargein.money import Price
from bargein.sound.resample import resample
from bargein.upstream import ChatCompletions, Transcriptions, UpstreamConfig
from bargein.upstream.dialects import dialect_of
from bargein.upstream.voices import OPENAI_VOICES, Voices

SPOKEN: Final = "tell me about yourself"
"""What is said to the model: a phrase of the bank."""
_PHRASE: Final = BANK / "andrew-yourself.wav"
_BRIEF: Final = SystemMessage("Answer in one short sentence.")
_YES: Final = (UserMessage((UserText("Say: yes."),)),)
_ONE_OF_OPENAIS: Final = "gpt-transcribe"
_AT_ONCE: Final = 4
_SLOW_FIRST_S: Final = 2.0
_TEXT, _SPEECH = "text in, speech out", "speech in, speech out"


@dataclass(slots=True)
class Examination:
    """One model, as it is configured.

    :param key_name: the variable that its key is read from.
    :param others: models of the same server, each with the setting that names it.
    :param thorough: also try voices and formats.
    :param price: of the model; ``None``: nobody knows.
    :param is_demo: the bundled demo model, which answers whatever it is called, and costs nothing.
    """

    config: UpstreamConfig
    key_name: str
    thorough: bool = True
    others: Sequence[tuple[str, str]] = ()
    is_demo: bool = False
    price: Price | None = None
    answers: list[Answer] = field(default_factory=list)

    async def findings(self) -> AsyncIterator[Finding]:
        """Each as soon as it is there. After a turn that failed little else is worth asking."""
        adviser = Adviser(self.config, self.key_name)
        async with ChatCompletions(self.config) as model, Transcriptions(self.config) as recogniser:
            reached, adviser = await self._reach(model, adviser)
            yield reached
            if reached.state is State.BAD:
                return
            text = CompletionRequest((UserMessage((UserText("Say: one, two, three, four, five."),)),), True, None)
            turn = await self._turn(_TEXT, model, text, adviser)
            yield turn
            if turn.state is State.BAD:
                return
            speech = _speech()
            messages: tuple[ChatMessage, ...] = (_BRIEF, UserMessage((UserAudio(speech, PCM16_24K),)))
            yield await self._turn(_SPEECH, model, CompletionRequest(messages, True, None), adviser)
            yield await self._transcript(recogniser, speech)
            for setting, name in self.others:
                yield await self._other(setting, name, model)
            if self.thorough:
                yield await self._voices(model)
                yield await self._formats(model)
            answer = self.answers[-1] if self.answers else None
            yield cost(answer, len(speech) / 2 / PCM16_24K.rate_hz, self.price, is_demo=self.is_demo)

    async def _reach(self, model: ChatCompletions, adviser: Adviser) -> tuple[Finding, Adviser]:
        what, clock = "the model's server", asyncio.get_running_loop().time
        asked_s = clock()
        try:
            probe = await model.probe()
        except UpstreamError as error:
            return Finding(what, State.BAD, error.message, adviser.on(error)), adviser
        took = f"reached in {1000 * (clock() - asked_s):.0f} ms"
        if probe.models is None:
            return Finding(what, State.TOLD, f"{took}; it has no list of models for us"), adviser
        adviser = replace(adviser, models=probe.models)
        name = self.config.azure_deployment or self.config.model
        if self.is_demo:
            return Finding(what, State.GOOD, took), adviser
        if name in probe.models or self.config.server == "azure":
            return Finding(what, State.GOOD, f"{took}; it lists {name}"), adviser
        found = f"{took}; {name} is not among the {len(probe.models)} models that it lists"
        # Aliases and deployments are not always listed: the turn decides.
        return Finding(what, State.DOUBTFUL, found, f"If the next lines fail: {adviser.wrong_model()}"), adviser

    async def _turn(self, what: str, model: ChatCompletions, request: CompletionRequest, adviser: Adviser) -> Finding:
        reminded = ""
        try:
            answer = await ask(model, request)
            if not answer.sound:
                reminded = "only when it was told again to speak: "
                first, answer = answer, await ask(model, request.asking_for_sound())
                answer.text = answer.text or first.text
        except UpstreamError as error:
            status = f" (HTTP {error.http_status})" if error.http_status else ""
            advice = adviser.on_speech(error) if what == _SPEECH else adviser.on(error)
            return Finding(what, State.BAD, f"{error.message}{status}", advice)
        if not answer.sound:
            said = f": {_quoted(answer.text or answer.words)}" if answer.text or answer.words else ""
            advice = adviser.no_sound(words=bool(answer.text or answer.words))
            return Finding(what, State.BAD, f"no sound came, asked twice{said}", advice)
        self.answers.append(answer)
        first_s = answer.first_sound_s or 0.0
        found = (
            f"{reminded}first sound after {1000 * first_s:.0f} ms, {answer.sound_s:.1f} s of sound in "
            f"{answer.done_s:.1f} s: {_quoted(answer.words)}"
        )
        if answer.is_silent:
            return Finding(
                what,
                State.BAD,
                f"{found}, but the sound is silence",
                "The model's server makes empty sound: see its log.",
            )
        advice = self._doubts(answer, reminded)
        return Finding(what, State.DOUBTFUL if advice else State.GOOD, found, advice)

    @staticmethod
    async def _other(setting: str, name: str, model: ChatCompletions) -> Finding:
        """Whether a model that answers some turns is there; what it hears and says is its turns' to show."""
        clock = asyncio.get_running_loop().time
        asked_s = clock()
        advice = f"Where {setting} is to answer, nobody does: set it to a model of this server, or leave it out."
        try:
            answer = await ask(model, CompletionRequest(_YES, False, None, model=name))
        except UpstreamError as error:
            status = f" (HTTP {error.http_status})" if error.http_status else ""
            return Finding(setting, State.DOUBTFUL, f"{name}: {error.message}{status}", advice)
        if not (answer.text or answer.words):
            return Finding(setting, State.DOUBTFUL, f"{name} answers without a word", advice)
        took_ms = 1000 * (clock() - asked_s)
        return Finding(setting, State.GOOD, f"{name} in {took_ms:.0f} ms: {_quoted(answer.text or answer.words)}")

    @staticmethod
    def _doubts(answer: Answer, reminded: str) -> str:
        if reminded:
            return "Such turns cost two requests, and time: another model may speak more reliably."
        if answer.pace < 1:
            return (
                f"It makes {answer.pace:.2f} s of sound in a second: callers will hear breaks. Give the model's server "
                "more computing power, or take a smaller model."
            )
        if (answer.first_sound_s or 0.0) > _SLOW_FIRST_S:
            return "Callers will wait for every answer: a server nearer to you, or a faster model, would help."
        return ""

    async def _transcript(self, recogniser: Transcriptions, speech: bytes) -> Finding:
        what, config = "transcripts", self.config
        name = config.transcription_model
        if name is None and config.server not in {"openai", "azure"}:
            return Finding(
                what, State.TOLD, "no recogniser is set: callers see no transcript of what they say",
                "BARGEIN_TRANSCRIPTION_MODEL and BARGEIN_TRANSCRIPTION_URL set one.",
            )  # fmt: skip
        clock = asyncio.get_running_loop().time
        asked_s = clock()
        try:
            said = await recogniser.transcribe(InputAudio(speech, PCM16_24K), Transcription(name or _ONE_OF_OPENAIS))
        except UpstreamError as error:
            where = config.transcription_base_url or config.base_url
            return Finding(
                what, State.DOUBTFUL, f"{name or _ONE_OF_OPENAIS} at {where}: {error.message}",
                "Callers are answered all the same, but see no transcript of what they say. Check "
                "BARGEIN_TRANSCRIPTION_MODEL, BARGEIN_TRANSCRIPTION_URL and BARGEIN_TRANSCRIPTION_API_KEY_ENV.",
            )  # fmt: skip
        found = f"{name or _ONE_OF_OPENAIS} in {1000 * (clock() - asked_s):.0f} ms: {_quoted(said.text)}"
        if units_of(said.text) == units_of(SPOKEN):
            return Finding(what, State.GOOD, found)
        return Finding(what, State.DOUBTFUL, found, f"“{SPOKEN}” was said.")

    async def _voices(self, model: ChatCompletions) -> Finding:
        voices = Voices(self.config)
        names = sorted({*OPENAI_VOICES, *self.config.voices})
        wanted = sorted({voice for name in (None, *names) if (voice := voices.of(name)) is not None})
        if not wanted:
            return Finding("voices", State.TOLD, "the model's own: none is asked for", "BARGEIN_VOICE names one.")
        taken, refused = await self._tried(model, [(voice, None) for voice in wanted])
        set_here = {self.config.voice, *self.config.voices.values()} - {None}
        found = _both([voice for voice, _ in taken], [voice for voice, _ in refused])
        if wrong := sorted(voice for voice, _ in refused if voice in set_here):
            advice = f"Set BARGEIN_VOICE and BARGEIN_VOICES to voices of this model: not {', '.join(wrong)}."
            return Finding("voices", State.DOUBTFUL, found, advice)
        return Finding("voices", State.GOOD if taken else State.DOUBTFUL, found)

    async def _formats(self, model: ChatCompletions) -> Finding:
        """Callers of the Realtime protocol have theirs made here, from pcm16; these are for push to talk."""
        voice = Voices(self.config).of(None)
        asked = sorted(dialect_of(self.config.server).encodes)
        if voice is None or not asked:
            return Finding("formats", State.GOOD, "pcm16, as streamed; wav is made here from it")
        taken, refused = await self._tried(model, [(voice, encoded) for encoded in asked])
        found = _both(
            ["pcm16", "wav", *(encoded or "" for _, encoded in taken)], [encoded or "" for _, encoded in refused]
        )
        return Finding("formats", State.GOOD, found)

    async def _tried(
        self, model: ChatCompletions, wanted: Sequence[tuple[str, str | None]]
    ) -> tuple[list[tuple[str, str | None]], list[tuple[str, str | None]]]:
        """Those that are taken, and those that are refused; what could not be asked is in neither."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(voice: str, encoded: str | None) -> bool | None:
            async with room:
                try:
                    return await takes(model, self.config.model, voice=voice, encoded=encoded)
                except UpstreamRefused:
                    return False
                except UpstreamError:
                    return None

        results = await asyncio.gather(*(one(*pair) for pair in wanted))
        both = list(zip(wanted, results, strict=True))
        return [pair for pair, good in both if good], [pair for pair, good in both if good is False]


def _speech() -> bytes:
    return resample(read_phrase(_PHRASE), BANK_RATE_HZ, PCM16_24K.rate_hz).tobytes()


def _both(taken: Sequence[str], refused: Sequence[str]) -> str:
    said = f"taken: {', '.join(taken) or 'none'}"
    return f"{said}; refused: {', '.join(refused)}" if refused else said


def _quoted(text: str, limit: int = 100) -> str:
    text = " ".join(text.split())
    return f"“{text if len(text) <= limit else text[:limit].rstrip() + '…'}”"
