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
    # Of a server that tells totals only, sound would look like text: like nothing, or like a tenth of what it costs.
    if heard.input_tokens:
        tokens = f"{heard.input_tokens} tokens{_dollars(heard, price)}"
        said = f"a minute of the caller's speech is {tokens} each time that it is sent"
    else:
        said = "what a minute of the caller's speech costs is unknown: its tokens are not counted apart"
    by_text = price is not None and not usage.output_audio_tokens and price.speech_per_second is None
    worth = " (cost unknown: those of its sound are not counted apart)" if by_text else _dollars(spoken, price)
    found = f"{said}, a minute of the model's {spoken.output_tokens} tokens{worth}"
    if is_demo:
        return Finding(what, State.TOLD, found, "The demo model costs nothing.")
    if price is not None:
        return Finding(what, State.TOLD, found)
    advice = "The price of this model is unknown: pip install 'bargein[prices]', or set BARGEIN_PRICES."
    return Finding(what, State.TOLD, found, advice)


def _dollars(usage: Usage, price: Price | None) -> str:
    dollars = None if price is None else price.of(usage)
    return "" if dollars is None else f" ({dollars:.4f} $)"
