"""What each setting is: its name, type, bounds, default, and what it is for. How they are read stands in
:mod:`bargein.settings`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from bargein.settings_conversation import Conversation
from bargein.settings_kinds import CommaList, Group, Networks, Paths, SecretCommaList, VoiceMap


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
    agents: Annotated[
        Paths,
        Field(
            description="Agents that answer: files, folders of files, or names of agents that come with it, by commas. "
            "The first answers callers who name none. Unset: callers configure their sessions themselves."
        ),
    ] = ()
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
    text_model: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Another model of the same server that answers where text is asked for and nothing has to be "
            "heard: text-only sessions, and responses in text. What was said is told to it by its transcript; where "
            "there is none, the set model answers.",
        ),
    ] = None
    beside_model: Annotated[
        str | None,
        Field(
            min_length=1,
            description='Another model of the same server that answers out of band (`conversation: "none"`). It has to '
            "hear, and to speak where it is asked to.",
        ),
    ] = None
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
    upstream_chunk_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            description="Between two chunks of its answer. Where they only say that its server is there, two minutes.",
        ),
    ] = 5.0


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


class Money(Group):
    """What it may cost."""

    prices: Annotated[
        Path | None,
        Field(
            description="TOML file with prices in dollars, for models that `pip install 'bargein[prices]'` does not "
            "know or knows otherwise (docs/what-it-costs.md). What has no price is unknown, never 0."
        ),
    ] = None
    usage_file: Annotated[
        Path | None,
        Field(
            description="SQLite file that keeps what was used by day, key and model. Unset: it is forgotten when the "
            "server ends, and the caps of a day begin anew. All workers of a server share it."
        ),
    ] = None
    cap_response_usd: Annotated[
        float | None, Field(gt=0, description="What one response may cost, in dollars: its answer is bounded to that.")
    ] = None
    cap_session_usd: Annotated[
        float | None,
        Field(gt=0, description="What one session may cost. Then turns are refused with `budget_exceeded`."),
    ] = None
    cap_key_day_usd: Annotated[
        float | None, Field(gt=0, description="What one key may cost in a day of UTC, whichever worker serves it.")
    ] = None
    cap_day_usd: Annotated[
        float | None, Field(gt=0, description="What everybody together may cost in a day of UTC.")
    ] = None


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


GROUPS: Final[tuple[type[Group], ...]] = (Listening, Model, Doors, Bounds, Conversation, Money, Operating)
