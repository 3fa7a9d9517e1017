"""What each setting is: its name, type, bounds, default, and what it is for. How they are read stands in
:mod:`bargein.settings`.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX: Final = "BARGEIN_"
ENV_FILE: Final = ".env"
OPENAI_URL: Final = "https://api.openai.com/v1"
DEMO: Final = "demo"


def _split(value: object) -> object:
    """A comma list as it is written in an environment variable."""
    return [part for part in map(str.strip, value.split(",")) if part] if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
SecretCommaList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


def _split_pairs(value: object) -> object:
    """``alloy=ethan,marin=chelsie``, as in an environment variable."""
    if not isinstance(value, str):
        return value
    pairs = {}
    for part in filter(None, map(str.strip, value.split(","))):
        name, _, voice = map(str.strip, part.partition("="))
        if not name or not voice:
            raise ValueError(f"{part!r} is no pair of a caller's voice and the model's, such as alloy=ethan")
        pairs[name] = voice
    return pairs


VoiceMap = Annotated[dict[str, str], NoDecode, BeforeValidator(_split_pairs)]
Networks = Annotated[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], NoDecode, BeforeValidator(_split)]


class Group(BaseSettings):
    """Settings that belong together: one block of the table."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


class Listening(Group):
    """Where it listens."""

    host: Annotated[str, Field(description="Address to listen on. Beyond loopback, keys are asked for.")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535, description="Port for HTTP and WebSocket alike; 0 takes any free one.")
    ] = 8765
    workers: Annotated[
        int, Field(ge=1, le=256, description="Processes that share the port (`SO_REUSEPORT`); one uses one core.")
    ] = 1
    transport: Annotated[
        Literal["websockets", "picows"],
        Field(description="What carries callers' sockets: `websockets`, or `picows` for more callers per core."),
    ] = "websockets"
    client_web: Annotated[
        Path | None, Field(description="Directory of the page at `/`; unset, the one that came with the package.")
    ] = None


class Model(Group):
    """Which model answers."""

    upstream_url: Annotated[
        str | None,
        Field(
            description="Base URL of its Chat Completions API, such as `https://api.openai.com/v1`; `demo` is the "
            "bundled demo model. Unset: OpenAI's if the model's key is there, else `demo`."
        ),
    ] = None
    model: Annotated[str, Field(min_length=1, description="The model that answers, whichever one callers name.")] = (
        "gpt-audio-1.5"
    )
    models: Annotated[
        CommaList,
        Field(description="Other models of the same server that push to talk may ask for by name, by commas."),
    ] = ()
    api_key_env: Annotated[
        str, Field(description="Name of the variable, in the environment or `.env`, that holds the model's key.")
    ] = "OPENAI_API_KEY"
    voice: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Voice for callers who choose none, or one of OpenAI's where the model has others. Unset: "
            "`alloy` for OpenAI's models, `Tina` or `Cherry` for DashScope's, for others none is sent.",
        ),
    ] = None
    voices: Annotated[
        VoiceMap,
        Field(description="The model's voices by the names that callers use: `alloy=ethan,marin=chelsie`."),
    ] = Field(default_factory=dict)
    images: Annotated[
        bool | None,
        Field(
            description="Whether the model sees images. Unset: DashScope's, vLLM-Omni's and sglang-omni's do, others "
            "do not."
        ),
    ] = None
    azure_deployment: Annotated[
        str | None, Field(description="Azure OpenAI: the deployment. The URL is then `https://NAME.openai.azure.com`.")
    ] = None
    azure_api_version: Annotated[str, Field(description="Azure OpenAI: the `api-version`.")] = "2025-01-01-preview"
    upstream_flavour: Annotated[
        Literal["openai", "azure", "generic", "dashscope", "vllm-omni", "sglang-omni"] | None,
        Field(description="Which server it is; unset, its host name tells, else `generic`."),
    ] = None
    transcription_model: Annotated[
        str | None, Field(description="Recogniser to use whatever callers name; unset, the one they name.")
    ] = None
    transcription_url: Annotated[
        str | None, Field(description="Base URL of another server for transcriptions; unset, the model's.")
    ] = None
    transcription_api_key_env: Annotated[
        str | None, Field(description="Name of the variable that holds that server's key.")
    ] = None
    upstream_connect_timeout_s: Annotated[float, Field(gt=0, description="To connect to the model.")] = 3.0
    upstream_first_byte_timeout_s: Annotated[float, Field(gt=0, description="Until the model begins to answer.")] = 8.0
    upstream_chunk_timeout_s: Annotated[float, Field(gt=0, description="Between two chunks of its answer.")] = 5.0


class Doors(Group):
    """Who may come in."""

    api_keys: Annotated[
        SecretCommaList, Field(description="Keys that callers must present, by commas. Unset: none is asked for.")
    ] = ()
    token_secret: Annotated[
        SecretStr | None,
        Field(
            description="Signs the `ek_` tokens; at least 32 characters. Unset: a random one, so tokens end with the "
            "process and are good on this machine only."
        ),
    ] = None
    metrics_key: Annotated[
        SecretStr | None,
        Field(min_length=1, description="Another key that opens `/metrics`, and nothing else: for Prometheus."),
    ] = None
    metrics_from: Annotated[
        Networks,
        Field(
            description="Addresses or networks that read `/metrics` without a key where one is asked for; "
            "`0.0.0.0/0,::/0` are all."
        ),
    ] = ()
    allow_insecure: Annotated[
        bool, Field(description="Listen beyond loopback without keys: anybody who reaches the port can talk.")
    ] = False
    allowed_origins: Annotated[
        CommaList,
        Field(description="Origins of other web pages that may connect, such as `https://app.example`; `*` for all."),
    ] = ()
    allowed_hosts: Annotated[
        CommaList,
        Field(
            description="Host names under which a keyless server may be reached, beside `localhost` and IP addresses."
        ),
    ] = ()
    public_url: Annotated[
        str | None,
        Field(
            description="Where the world reaches this server, such as `https://voice.example.com`: Twilio is sent "
            "there, and signs it. Unset: `https://` and the request's own `Host`."
        ),
    ] = None
    twilio_auth_token: Annotated[
        SecretStr | None,
        Field(
            min_length=1,
            description="Your Twilio account's auth token: requests to `/v1/twilio` must be signed with it. Unset: "
            "only a keyless server takes telephone calls, and anybody's.",
        ),
    ] = None
    trusted_proxies: Annotated[
        Networks, Field(description="Addresses or networks of proxies whose `X-Forwarded-For` is believed.")
    ] = ()


class Bounds(Group):
    """How much of it."""

    max_sessions: Annotated[int, Field(ge=1, description="Open sessions per process; more are answered with 503.")] = (
        600
    )
    max_sessions_per_address: Annotated[
        int, Field(ge=0, description="Open sessions per address (IPv6: per /64), loopback aside; 0 is no limit.")
    ] = 100
    max_new_sessions_per_minute: Annotated[
        int, Field(ge=0, description="New sessions per address and minute, loopback aside; 0 is no limit.")
    ] = 300
    max_message_bytes: Annotated[
        int, Field(ge=65_536, description="The largest WebSocket message a caller may send.")
    ] = 4_194_304
    max_body_bytes: Annotated[int, Field(ge=65_536, description="The largest HTTP request body.")] = 26_214_400
    max_bodies_bytes: Annotated[
        int,
        Field(
            ge=65_536,
            description="Bodies of HTTP requests under way, together, but at least one; an address may hold half.",
        ),
    ] = 67_108_864
    session_limit_s: Annotated[float, Field(gt=0, description="The longest session; OpenAI's is an hour.")] = 3600.0
    idle_limit_s: Annotated[
        float, Field(gt=0, description="A session in which nothing is said or sent for so long is ended.")
    ] = 600.0
    slow_caller_s: Annotated[
        float, Field(gt=0, description="A caller who reads nothing for so long is closed with 4408.")
    ] = 5.0
    slow_caller_bytes: Annotated[
        int,
        Field(
            ge=65_536,
            description="While more waits to be read by a caller, nothing is read of it, and it is closed with 4408 "
            "if it does not take a 24th of that in `BARGEIN_SLOW_CALLER_S`.",
        ),
    ] = 4_194_304
    control_messages_per_s: Annotated[
        float,
        Field(gt=0, description="Messages without audio that a caller may send, on average; twice as many in a burst."),
    ] = 50.0
    pings_per_s: Annotated[
        float,
        Field(gt=0, description="WebSocket pings that a caller may send, on average; ten times as many in a burst."),
    ] = 10.0
    frames_per_s: Annotated[
        float,
        Field(
            ge=300,
            description="WebSocket frames of any kind that a caller may send, on average; 30 times as many in a burst.",
        ),
    ] = 1000.0
    bytes_per_s: Annotated[
        int,
        Field(
            ge=65_536,
            description="Bytes that a caller may send, and be sent in answer to its messages, on average; 64 times as "
            "many in a burst. Who sends more is read more slowly, and closed with 4429 if that goes on.",
        ),
    ] = 524_288


class Conversation(Group):
    """How it converses."""

    lead_ms: Annotated[
        int, Field(ge=0, le=60_000, description="Speech sent ahead of play-out; 0 sends as fast as the model produces.")
    ] = 400
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
            "alone, else 400, and what is shorter is judged when it ends.",
        ),
    ] = None
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


class Operating(Group):
    """How it is run."""

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="The least that is logged.")
    ] = "info"
    log_format: Annotated[Literal["console", "json"], Field(description="For people, or for machines.")] = "console"
    record_dir: Annotated[
        Path | None,
        Field(
            description="For debugging: write every call, with all its sound and words, into a file of this directory, "
            "for `bargein replay`. Unset: none is written."
        ),
    ] = None
    record_call_bytes: Annotated[
        int, Field(ge=1_048_576, description="The largest of these files, 15 to 30 minutes; it ends there.")
    ] = 134_217_728
    record_dir_bytes: Annotated[
        int, Field(ge=1_048_576, description="All of them together: the oldest are removed to make room.")
    ] = 2_147_483_648
    drain_s: Annotated[
        float, Field(ge=0, description="After SIGTERM, turns in progress get so long to end; a second one is at once.")
    ] = 20.0


GROUPS: Final[tuple[type[Group], ...]] = (Listening, Model, Doors, Bounds, Conversation, Operating)
