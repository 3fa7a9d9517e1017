"""``POST /v1/audio/transcriptions`` and ``POST /v1/audio/speech``."""

from __future__ import annotations

import re
import time
from typing import Final

from bargein.demo.api_errors import ApiError, failed_with, missing, wrong_type, wrong_value
from bargein.demo.chunks import event
from bargein.demo.exchange import SSE_HEADERS, CutError, Exchange
from bargein.demo.faults import Faults
from bargein.demo.listen import Heard, Recogniser
from bargein.demo.log import RequestLog
from bargein.demo.multipart import parse_form
from bargein.demo.request import parse_json
from bargein.demo.speaking import before_headers, spoken_text
from bargein.demo.speech import RATE_HZ, Speaker, speak_whole
from bargein.demo.usage import text_tokens, user_audio_tokens
from bargein.demo.voices import voice_called
from bargein.sound.files import read
from bargein.sound.wav import NotWavError, wrap

_QUESTION: Final = re.compile(
    r"^((stop|wait|okay|so|well|hey|now|and|but|please) )?(what|who|where|how|can|could|would|will|do|are|is)\b"
)
_TRANSCRIPT_FORMATS: Final = ("json", "text", "verbose_json")
_SPEECH_FORMATS: Final = ("wav", "pcm")
_CONTENT_TYPES: Final = {"wav": "audio/wav", "pcm": "audio/pcm"}


def sentence(heard: Heard) -> str:
    """What was heard, as a transcript is written. Honest about what was not understood; empty for silence."""
    match heard:
        case Heard(speech=False):
            return ""
        case Heard(text=str(text)):
            mark = "?" if _QUESTION.match(text) else "."
            return re.sub(r"\bi\b", "I", text[0].upper() + text[1:]) + mark
        case Heard(able=True):
            return "(not understood)"
        case _:
            return f"(speech, {heard.duration_ms / 1000:.1f} s)"


async def _fail_early(faults: Faults) -> None:
    await before_headers(faults)
    if (status := faults.get("status", "code")) is not None:
        raise failed_with(int(status), faults.get("status", "retry_after_s"))
    if "cut" in faults:
        raise CutError("cut by a fault")


async def transcribe(
    exchange: Exchange, body: bytes, content_type: str, recogniser: Recogniser, faults: Faults
) -> None:
    """Answer a transcription.

    :raises ApiError: the form or its file is wrong.
    """
    row = exchange.row
    fields = parse_form(body, content_type)
    sound = fields.get("file")
    row.body = {name: value.decode("utf-8", "replace") for name, value in fields.items() if name != "file"}
    row.model, row.stream = row.body.get("model", ""), row.body.get("stream") == "true"
    await _fail_early(faults)
    if sound is None:
        raise missing("file")
    if not row.model:
        raise missing("model")
    wanted = row.body.get("response_format", "json")
    if wanted not in _TRANSCRIPT_FORMATS:
        raise wrong_value("response_format", wanted, _TRANSCRIPT_FORMATS)
    try:
        wav = read(sound)
    except NotWavError as error:
        raise ApiError(f"The audio file could not be decoded: {error}", param="file", code="invalid_value") from error
    heard = await recogniser.understand(wav.mono, wav.rate_hz)
    row.body["file"] = {"duration_ms": heard.duration_ms, "rate_hz": wav.rate_hz, "bytes": len(sound)}
    row.transcript = sentence(heard)
    row.heard = {"text": heard.text, "intent": None}
    audio_tokens, output = user_audio_tokens(heard.duration_ms), text_tokens(row.transcript)
    row.usage = {
        "type": "tokens", "input_tokens": audio_tokens, "output_tokens": output, "total_tokens": audio_tokens + output,
        "input_token_details": {"text_tokens": 0, "audio_tokens": audio_tokens},
    }  # fmt: skip
    if row.stream:
        await exchange.begin(200, SSE_HEADERS)
        for delta in re.findall(r"\s*\S+", row.transcript):
            await exchange.write(event({"type": "transcript.text.delta", "delta": delta}))
        done = {"type": "transcript.text.done", "text": row.transcript, "usage": row.usage}
        await exchange.finish(event(done))
    elif wanted == "text":
        await exchange.whole(200, f"{row.transcript}\n".encode(), "text/plain; charset=utf-8")
    else:
        seconds = {"duration": heard.duration_ms / 1000, "language": "english"} if wanted == "verbose_json" else {}
        await exchange.json({"text": row.transcript, "usage": row.usage} | seconds)


async def speech(exchange: Exchange, body: bytes, speaker: Speaker, log: RequestLog, faults: Faults) -> None:
    """Answer with a text as sound.

    :raises ApiError: a field is wrong.
    """
    row = exchange.row
    value = row.body = parse_json(body)
    row.model = str(value.get("model", ""))
    await _fail_early(faults)
    for name in ("model", "input", "voice"):
        if value.get(name) is None:
            raise missing(name)
        if not isinstance(value[name], str):
            raise wrong_type(name, "a string", value[name])
    wanted = value.get("response_format", "wav")
    if wanted not in _SPEECH_FORMATS:
        raise wrong_value("response_format", wanted, _SPEECH_FORMATS)
    voice = voice_called(value["voice"])
    text = spoken_text(speaker.sayable(value["input"]), faults)
    if not text:
        raise ApiError("Invalid 'input': there is nothing to say in it.", param="input", code="invalid_value")
    clip = await speak_whole(text, voice, speaker)
    row.transcript, row.voice = text, voice.name
    row.words = [word.as_json() for word in clip.words]
    row.samples_made = len(clip.samples)
    log.first_audio(row)
    pcm16 = clip.samples.astype("<i2").tobytes()
    sound = wrap(pcm16, RATE_HZ) if wanted == "wav" else pcm16
    await exchange.whole(200, sound, _CONTENT_TYPES[wanted])
    row.samples_sent, row.last_audio_s = row.samples_made, time.monotonic()
