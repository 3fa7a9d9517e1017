"""Tokens, as near to the API's count as can be had without its tokenizer.

Audio of a user is one token per 100 ms and audio of the assistant one per 50 ms (OpenAI, "Managing costs" of the
Realtime guide); text is taken as four characters to a token.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bargein.demo.messages import AskedMessage
from bargein.demo.speech import RATE_HZ


def text_tokens(text: str) -> int:
    return -(-len(text) // 4)


def assistant_audio_tokens(samples: int) -> int:
    return -(-samples * 20 // RATE_HZ)


def user_audio_tokens(duration_ms: int) -> int:
    return -(-duration_ms // 100)


def usage(messages: Iterable[AskedMessage], said: str, samples: int) -> dict[str, Any]:
    """The usage of a reply.

    :param said: its transcript, text or arguments.
    :param samples: its sound, at 24 kHz.
    """
    prompt_text = prompt_audio = 0
    for message in messages:
        prompt_text += 3 + text_tokens(message.text)
        prompt_audio += sum(user_audio_tokens(sound.duration_ms) for sound in message.sounds)
    text, audio = text_tokens(said), assistant_audio_tokens(samples)
    prompt, completion = prompt_text + prompt_audio, text + audio
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": 0, "text_tokens": prompt_text, "audio_tokens": prompt_audio, "image_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": 0, "text_tokens": text, "audio_tokens": audio,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip
