"""What a minute takes of the provider's tokens, and what that costs."""

from __future__ import annotations

from bargein.core.completion import Usage
from bargein.doctor.asking import Answer
from bargein.doctor.finding import Finding, State
from bargein.money import Price


def cost(answer: Answer | None, asked_s: float, price: Price | None, *, is_demo: bool = False) -> Finding:
    """By the usage of one turn.

    :param answer: to ``asked_s`` seconds of speech.
    :param price: of the model; ``None``: nobody knows.
    :param is_demo: the bundled demo model answers, which costs nothing.
    """
    what = "what a minute costs"
    if answer is None or answer.usage is None or answer.usage.estimated or not answer.sound_s:
        return Finding(what, State.TOLD, "unknown: the model's server tells no usage")
    usage = answer.usage
    heard = Usage(input_audio_tokens=round(60 * usage.input_audio_tokens / asked_s))
    per_minute = 60 / answer.sound_s
    spoken = Usage(
        output_text_tokens=round(per_minute * usage.output_text_tokens),
        output_audio_tokens=round(per_minute * usage.output_audio_tokens),
        output_audio_ms=60_000,
    )
    found = (
        f"a minute of the caller's speech is {heard.input_tokens} tokens{_dollars(heard, price)} each time that it is "
        f"sent, a minute of the model's {spoken.output_tokens} tokens{_dollars(spoken, price)}"
    )
    if is_demo:
        return Finding(what, State.TOLD, found, "The demo model costs nothing.")
    if price is not None:
        return Finding(what, State.TOLD, found)
    advice = "The price of this model is unknown: pip install 'bargein[prices]', or set BARGEIN_PRICES."
    return Finding(what, State.TOLD, found, advice)


def _dollars(usage: Usage, price: Price | None) -> str:
    dollars = None if price is None else price.of(usage)
    return "" if dollars is None else f" ({dollars:.4f} $)"
