"""The model's side: completion streams and transcripts over HTTP."""

from bargein.upstream.chat import ChatCompletions, Drop, Upstream
from bargein.upstream.config import Flavour, UpstreamConfig
from bargein.upstream.failures import to_answer
from bargein.upstream.health import Fault, ModelHealth, Trouble
from bargein.upstream.plain import EncodedAudio, PlainRequest
from bargein.upstream.probe import Probe
from bargein.upstream.transcription import OnSent, Transcriber, Transcript, Transcriptions, utc_today

__all__ = [
    "ChatCompletions",
    "Drop",
    "EncodedAudio",
    "Fault",
    "Flavour",
    "ModelHealth",
    "OnSent",
    "PlainRequest",
    "Probe",
    "Transcriber",
    "Transcript",
    "Transcriptions",
    "Trouble",
    "Upstream",
    "UpstreamConfig",
    "to_answer",
    "utc_today",
]
