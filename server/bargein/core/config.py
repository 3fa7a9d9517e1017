"""What a caller has configured, as far as the core needs to know it.

``bargein.wire`` keeps the whole session object and derives these from it; they are immutable, so that a running
response keeps the settings that it started with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from bargein.core.audio import PCM16_24K, AudioFormat
from bargein.core.completion import ToolChoice
from bargein.core.sound_judge import Leaning
from bargein.core.turn_end import WAITS, Eagerness

RULE_OF_EAGERNESS: Final[Mapping[str, Eagerness]] = {"low": "low", "medium": "medium", "auto": "medium", "high": "high"}
"""By the protocol's names."""
LEAD_SPARE_MS: Final = 50
"""Of a lead, beside a slice and the jitter of the line: for what the server and the caller's player are late."""


def usual_silence_ms(eagerness: Eagerness) -> int:
    """What ends a turn of which nothing more is known."""
    return WAITS[eagerness].usual


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """How the end of the caller's turn is found, and what follows from it: both of the protocol's kinds."""

    threshold: float = 0.5
    """Speech probability, 0 to 1, at which a window counts as speech."""
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    """Silence that ends a turn; with an eagerness, where nothing is known of the pause."""
    eagerness: Eagerness | None = None
    """How long a pause may last follows from what is known of it (``semantic_vad``)."""
    max_wait_ms: int | None = None
    """The longest wait after speech, whatever the silence window says (``semantic_vad``: 8, 4 or 2 s)."""
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: int | None = None

    @property
    def longest_silence_ms(self) -> int:
        """No turn ends later than this after its last speech, while sound comes."""
        longest_ms = 0 if self.eagerness is None else WAITS[self.eagerness].longest
        return max(self.silence_duration_ms, longest_ms)


@dataclass(frozen=True, slots=True)
class Transcription:
    """The recogniser that writes down what the caller said."""

    model: str
    language: str | None = None
    prompt: str | None = None
    languages: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    logprobs: bool = False
    """The caller wants to know how sure the recogniser was of each token."""


@dataclass(frozen=True, slots=True)
class ResponseSettings:
    """What one response is asked with: the session's defaults, overridden by ``response.create``."""

    instructions: str = ""
    audio: bool = True
    """``output_modalities`` is ``["audio"]``, else ``["text"]``."""
    voice: str = "alloy"
    """As it is shown to the caller."""
    voice_chosen: bool = False
    """It is the caller's choice, not the server's default."""
    output_format: AudioFormat = PCM16_24K
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: ToolChoice = "auto"
    max_output_tokens: int | None = None
    """``None`` is the protocol's ``"inf"``."""
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    truncation: Literal["auto", "disabled"] | float = "auto"
    """``auto``; ``disabled``; or the share, 0 to 1, to which the context shrinks when it overflows."""
    post_instructions_tokens: int | None = None
    """The caller's own bound of the context behind the instructions."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """The core's view of the session object."""

    input_format: AudioFormat = PCM16_24K
    turn_detection: TurnDetection | None = field(default_factory=TurnDetection)
    transcription: Transcription | None = None
    response: ResponseSettings = field(default_factory=ResponseSettings)
    echo_cancellation: bool | None = None
    """Whether the caller's loudspeaker is heard by its microphone; ``None``: to be found out."""


_AT_LEAST_ONE: Final = (
    "hold_after_ms",
    "confirm_after_ms",
    "confirm_judged_ms",
    "announce_after_ms",
    "misfire_after_ms",
    "slice_ms",
    "report_interval_ms",
    "max_items",
    "turn_limit_ms",
    "input_limit_ms",
)


@dataclass(frozen=True, slots=True)
class CorePolicy:
    """The operator's choices, the same for every caller."""

    hold_after_ms: int = 80
    """Speech within the onset window that stops play-out while an interruption is being confirmed."""
    confirm_after_ms: int = 240
    """Speech within the confirm window that makes it a barge-in."""
    misfire_after_ms: int = 200
    """Silence after the first evidence that makes it a misfire: a cough, a door."""
    hold_limit_ms: int = 1000
    """A hold without a decision ends after this long by the wall clock: the caller may have muted and sends
    nothing."""
    announce_after_ms: int = 96
    """The same while nothing of the agent's can be heard, by the second detector: little is enough there."""
    weighs: bool = False
    """There is a second detector: nothing is announced at mere evidence, and what is undecided is told of
    (:class:`~bargein.core.events.SpeechWeighed`)."""
    judges_words: bool = False
    """Somebody hears words: a short utterance over a reply is given to be judged
    (:class:`~bargein.core.actions.StartJudging`)."""
    duck_db: float | None = None
    """How much quieter a held reply is played by callers whose player can; ``None``: it is paused."""
    hears_phrases: bool = False
    """Somebody can be asked, in a pause within a turn of ``semantic_vad``, whether the phrase is finished
    (:class:`~bargein.core.actions.StartPhrase`)."""
    ask_after_ms: int = 200
    """Speech after which its words are asked for while it goes on, and again after as much, where somebody hears words;
    0: they are asked for when it has ended."""
    longest_nod_ms: int = 900
    """Speech that confirms where its words are, so far, those of a backchannel."""
    confirm_judged_ms: int | None = None
    """As :attr:`confirm_after_ms`, where words are heard; ``None``: as much."""
    knows_recogniser: bool = True
    """Words are heard of callers who name no recogniser for their turns, too."""
    judge_limit_ms: int = 600
    """So long after its end a short utterance is judged by its sound, if there is no verdict yet."""
    short_utterance: Leaning = "judge"
    """Which way it leans then."""
    false_interruption: Literal["resume", "ask", "answer"] = "resume"
    """What follows an interruption in which nothing was said: the reply goes on with what was kept of it, or with what
    the model says when it is asked to go on from the heard words; or the turn is answered like any."""
    tells_backchannels: bool = False
    """What the caller said while the agent went on ("mm-hm") is told to the model as text, with the next turn."""
    lead_ms: int | None = 400
    """Audio sent ahead of play-out; ``None`` sends as fast as the model produces."""
    least_lead_ms: int | None = None
    """The same on a steady line, for callers who report nothing: it is as long as the jitter of the caller's line
    needs, between this and :attr:`lead_ms`. ``None``: it does not follow it."""
    transcripts: Literal["paced", "early"] = "paced"
    """When a reply's words are told: with the sound in which they are spoken, or as soon as the model has written
    them. Without a lead they are always early."""
    slice_ms: int = 100
    """The longest audio delta that is sent."""
    backlog_limit_ms: int = 120_000
    """Reply audio kept ahead of play-out before the model's stream is no longer read."""
    max_items: int = 2000
    """Items of one conversation. A caller may add no more; what is said makes the oldest go."""
    out_of_band_limit: int = 16
    """Responses beside the conversation that one caller may have in progress."""
    turn_limit_ms: int = 60_000
    """The longest turn that is detected. It is committed and answered then; what goes on is the next."""
    speculation_share: float = 0.0
    """Share of a conversation's requests that may be thrown away, and one more, for asking the model before a turn is
    certain to be over; 0: it is not asked before."""
    input_limit_ms: int = 300_000
    """The caller's uncommitted audio. What is detected as speech is committed before more would have to be dropped, and
    goes on as another item."""
    gate_margin_db: float = 9.0
    """How far above the noise floor a window must be to count as speech."""
    gate_margin_speaking_db: float = 12.0
    """The same while the agent's sound plays, for open speakers."""
    report_interval_ms: int = 100
    """How often a ``bargein.v1`` client reports its play-out."""
    max_request_bytes: int = 20_000_000
    max_context_tokens: int = 32_000
    history_audio_limit_bytes: int = 16 * 1024 * 1024
    """Sound and images kept with the items of one conversation. The oldest is forgotten first: that of replies, whose
    words stay, then that of callers, whose words stay where they were written down."""
    refers_to_audio: bool = True
    """The model's server can be told what it said by the name of the sound."""
    history_sound_turns: int = 2
    """Turns of the caller that are told by their sound, at least; older ones, and all replies, are told by their words
    (:mod:`bargein.core.in_words`). 0: all are told by their sound."""
    text_model: str | None = None
    """Answers in text where nothing has to be heard: what was said is told by its words."""
    beside_model: str | None = None
    """Answers out of band."""
    history_transcription: Transcription | None = None
    """Who writes turns down for that where the caller has asked for nobody."""
    overflow: Literal["transcript", "drop"] = "transcript"
    """What happens to the caller's old sound when a request grows too large: its transcript stands in, or it is
    dropped."""

    def __post_init__(self) -> None:
        """:raises ValueError: a number that the rules divide by, or take windows by, is none that they can."""
        for name in _AT_LEAST_ONE:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}: give 1 or more")

    @property
    def longest_hold_ms(self) -> int:
        """Without a decision a hold ends then: what is judged has its time."""
        return self.hold_limit_ms + (self.judge_limit_ms if self.weighs else 0)

    def hears_words(self, config: SessionConfig) -> bool:
        """Somebody can be asked for this caller's words."""
        return self.judges_words and (self.knows_recogniser or config.transcription is not None)

    def lead_on(self, jitter_s: float | None) -> int | None:
        """The lead, in ms, of a caller who reports nothing: what is sent next comes when a slice has been played.

        :param jitter_s: of its line; ``None``: not known.
        """
        longest_ms, least_ms = self.lead_ms, self.least_lead_ms
        if longest_ms is None or least_ms is None or jitter_s is None:
            return longest_ms
        needed_ms = self.slice_ms + LEAD_SPARE_MS + round(1000 * jitter_s)
        return min(longest_ms, max(least_ms, needed_ms))

    @property
    def paces_transcripts(self) -> bool:
        return self.transcripts == "paced" and self.lead_ms is not None

    def padding_ms(self, detection: TurnDetection) -> int:
        """Sound before an onset that belongs to the turn: it must leave room for the turn itself."""
        return min(detection.prefix_padding_ms, self.input_limit_ms // 2)

    def longest_item_ms(self, detection: TurnDetection) -> int:
        """From an onset on, so much fits into one item."""
        return self.input_limit_ms - self.padding_ms(detection)
