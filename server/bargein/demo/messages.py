"""The messages of a request that has been checked: roles, texts and sounds."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bargein.demo.api_errors import ApiError
from bargein.demo.speech import Samples
from bargein.sound.files import read
from bargein.sound.wav import NotWavError

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound in a message: mono, at its own rate."""

    samples: Samples
    rate_hz: int

    @property
    def duration_ms(self) -> int:
        return len(self.samples) * 1000 // self.rate_hz


@dataclass(frozen=True, slots=True)
class AskedMessage:
    """One message.

    :ivar text: its text parts.
    :ivar sounds: its audio parts.
    :ivar audio_id: the earlier reply that it refers to, and no text then.
    """

    role: str
    text: str = ""
    sounds: tuple[Sound, ...] = ()
    audio_id: str | None = None


def read_messages(messages: Sequence[Json]) -> tuple[AskedMessage, ...]:
    """What the messages say.

    :raises ApiError: a sound cannot be read, or a part is of a kind that this model does not understand.
    """
    return tuple(_message(message, f"messages[{index}]") for index, message in enumerate(messages))


def _message(message: Json, at: str) -> AskedMessage:
    audio = message.get("audio")
    if audio is not None:
        return AskedMessage(message["role"], audio_id=audio["id"])
    parts = list(_parts(message.get("content"), f"{at}.content"))
    text = " ".join(part for part in parts if isinstance(part, str))
    return AskedMessage(message["role"], text, tuple(part for part in parts if isinstance(part, Sound)))


def _parts(content: str | Sequence[Json] | None, at: str) -> Iterator[str | Sound]:
    if content is None or isinstance(content, str):
        yield content or ""
        return
    for index, part in enumerate(content):
        match part["type"]:
            case "input_audio":
                yield _sound(part["input_audio"], f"{at}[{index}].input_audio")
            case "text" | "refusal" as kind:
                yield part[kind]
            case kind:
                raise ApiError(
                    f"Invalid content type. {kind} is only supported by certain models.",
                    param=f"{at}[{index}].type",
                )


def _sound(audio: Json, at: str) -> Sound:
    if audio["format"] != "wav":
        raise ApiError("The demo model reads only wav.", param=f"{at}.format")
    try:
        wav = read(base64.b64decode(audio["data"], validate=True))
    except binascii.Error:
        raise ApiError("Invalid base64 in input_audio.", param=f"{at}.data", code="invalid_value") from None
    except NotWavError as error:
        raise ApiError(f"The audio could not be read: {error}", param=f"{at}.data", code="invalid_value") from None
    return Sound(wav.mono, wav.rate_hz)
