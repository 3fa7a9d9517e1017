"""The settings of how people are heard, and of what interrupts a reply."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bargein.settings_kinds import CommaList, Group


class Conversation(Group):
    """How it converses."""

    lead_ms: Annotated[
        int, Field(ge=0, le=60_000, description="Speech sent ahead of play-out; 0 sends as fast as the model produces.")
    ] = 400
    least_lead_ms: Annotated[
        int,
        Field(
            ge=0,
            le=60_000,
            description="The same on a steady line, for callers who report no play-out: it is as long as the measured "
            "jitter of the caller's line needs, from this to `BARGEIN_LEAD_MS`. As much as that fixes it.",
        ),
    ] = 280
    transcripts: Annotated[
        Literal["paced", "early"],
        Field(
            description="When a reply's words are told: `paced`, with the sound in which they are spoken; `early`, as "
            "the model writes them, often seconds ahead."
        ),
    ] = "paced"
    hold_after_ms: Annotated[int, Field(ge=10, le=2000, description="Speech of the caller that holds the reply.")] = 80
    vad: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_.-]+$",
            description="What hears that callers speak: `cascade`, webrtcvad holds the reply and Silero confirms; "
            "`webrtcvad` alone, the smallest; `silero` in both roles; or the name of an entry point of the group "
            "`bargein.detectors`.",
        ),
    ] = "cascade"
    confirm_after_ms: Annotated[
        int | None,
        Field(
            ge=20,
            le=5000,
            description="Speech of the caller over a reply that makes it a barge-in. Unset: 240 with `webrtcvad` "
            "alone, else 320, or 550 where words are heard, and what is shorter is judged when it ends.",
        ),
    ] = None
    duck_db: Annotated[
        float,
        Field(
            ge=0,
            le=60,
            description="How much quieter a held reply is played, in dB, by callers of `bargein.v1`; 0 pauses it.",
        ),
    ] = 18.0
    hold_limit_ms: Annotated[
        int, Field(ge=100, le=10_000, description="A hold without a decision ends after so long.")
    ] = 1000
    judge_words: Annotated[
        bool | None,
        Field(
            description="Whether a recogniser is asked why somebody spoke shortly over the reply. Unset: where there "
            "is one (`BARGEIN_TRANSCRIPTION_*`, the demo's, OpenAI's, or whichever the caller has named)."
        ),
    ] = None
    turn_end_words: Annotated[
        bool | None,
        Field(
            description="Whether a recogniser is asked, at each pause in a turn of `semantic_vad`, if the phrase is "
            "finished: the last 10 s of the turn, billed like a transcription. Unset: where "
            "`BARGEIN_TRANSCRIPTION_URL` names one of your own."
        ),
    ] = None
    judge_model: Annotated[
        Path | None,
        Field(
            description="Folder of a Whisper model on this machine (CTranslate2's format, as `faster-whisper` reads "
            "it), which is asked first. Needs `pip install 'bargein[whisper]'`."
        ),
    ] = None
    judge_limit_ms: Annotated[
        int,
        Field(ge=0, le=5000, description="So long after a short utterance its words may take; then its sound decides."),
    ] = 600
    short_utterance: Annotated[
        Literal["judge", "interrupt", "ignore"],
        Field(
            description="What a short utterance over the reply is where its words are not known: `judge`d by its "
            "sound, always an `interrupt`ion, or `ignore`d."
        ),
    ] = "judge"
    false_interruption: Annotated[
        Literal["resume", "ask", "answer"],
        Field(
            description="What follows an interruption in which, by its transcript or a judge, nothing was said: "
            "`resume`, the reply goes on with what was kept of it; `ask`, the model is asked to go on from the heard "
            "words; `answer`, it is answered like any turn."
        ),
    ] = "resume"
    tell_backchannels: Annotated[
        bool,
        Field(description="Tell the model as text, with the next turn, what was said over the reply: `[mm-hm]`."),
    ] = False
    backchannels: Annotated[
        CommaList, Field(description="Words and phrases, beside those known, that never interrupt: `jawoll,roger`.")
    ] = ()
    interruptions: Annotated[
        CommaList, Field(description="Words and phrases that always interrupt, though they look like backchannels.")
    ] = ()
    speculation_share: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Ask the model as soon as a turn may be over (200 ms of quiet), and throw its answer away when "
            "the caller goes on: at most this share of a call's requests, and one more. It saves up to the silence "
            "that ends a turn; what is thrown away is billed. For models of your own; 0 switches it off.",
        ),
    ] = 0.0
    gate_margin_db: Annotated[
        float, Field(ge=0, le=60, description="How far above the caller's noise floor speech must be.")
    ] = 9.0
    gate_margin_speaking_db: Annotated[
        float, Field(ge=0, le=60, description="The same while the reply plays: higher, for open speakers.")
    ] = 12.0
    echo_cancellation: Annotated[
        Literal["auto", "filter", "off"],
        Field(
            description="What takes the agent's own voice out of the sound of callers whose loudspeaker is heard: "
            "`filter`, which learns their room; `auto`, with WebRTC's canceller behind it where the extra `echo` is "
            "installed; `off`."
        ),
    ] = "auto"
    max_request_bytes: Annotated[int, Field(ge=100_000, description="The largest request that the model is sent.")] = (
        20_000_000
    )
    max_context_tokens: Annotated[
        int, Field(ge=1000, description="The largest context that the model is sent, estimated.")
    ] = 32_000
    history_sound_turns: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="Turns of the caller that the model is told by their sound, at least, and less than twice as "
            "many; older ones are told by their transcripts, where there is a recogniser, and what the agent said by "
            "its words. Sound costs about fifteen times as much. 0: all that can be told by sound is.",
        ),
    ] = 2
    history_audio_limit_bytes: Annotated[
        int,
        Field(ge=0, description="Sound and images kept with a conversation; the oldest is forgotten first."),
    ] = 16_777_216
    max_completion_tokens: Annotated[int, Field(ge=1, description="The most tokens of one answer of push to talk.")] = (
        4096
    )
    overflow: Annotated[
        Literal["transcript", "drop"],
        Field(description="When a request grows too large: old audio becomes its `transcript`, or is `drop`ped."),
    ] = "transcript"
    backlog_limit_ms: Annotated[
        int, Field(ge=1000, description="Reply audio kept ahead of play-out before the model is read no further.")
    ] = 120_000
    turn_limit_ms: Annotated[
        int, Field(ge=1000, description="The longest turn that is detected: it is committed and answered then.")
    ] = 60_000
    input_limit_ms: Annotated[
        int,
        Field(
            ge=1000,
            description="Uncommitted audio of a caller that is kept: a turn that is detected is committed then. "
            "Without turn detection the oldest is dropped, and the commit is followed by an `error` that says so.",
        ),
    ] = 300_000
