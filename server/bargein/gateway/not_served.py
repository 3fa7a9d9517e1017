"""What the API has and this server has not: what to use instead."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from bargein.gateway.refusal import Refusal

_PREFIX: Final = "(?:/v1|/openai/v1|/openai)"
"""The standard's, Azure's, and Azure's older one."""
_DEPLOYMENT: Final = "/openai/deployments/[^/]+"

_WEBRTC: Final = (
    "Calls over WebRTC are not supported by this server: it takes no SDP offers. Open a WebSocket to /v1/realtime "
    "instead; a page does so with a token of POST /v1/realtime/client_secrets, in the subprotocol "
    "'openai-insecure-api-key.TOKEN' beside 'realtime', and sends and plays PCM16 or G.711 itself."
)
_SIP: Final = (
    "SIP calls are not supported by this server: there are none to accept, reject, refer or hang up. Let a telephone "
    "gateway open a WebSocket to /v1/realtime for each call, with audio/pcmu or audio/pcma as its formats; to end a "
    "call, close it."
)
_TRANSLATION: Final = (
    "Translation sessions are not supported by this server. Open a WebSocket to /v1/realtime and say in the session's "
    "instructions what is to be translated into which language."
)
_TRANSCRIPTION: Final = (
    "Transcription sessions are not supported by this server. Open a WebSocket to /v1/realtime with session.type "
    "'realtime', set session.audio.input.transcription to get transcripts of what the caller says, and "
    "turn_detection.create_response to false for no responses to be made."
)
_TRANSLATED_FILES: Final = (
    "Translations of recordings are not supported by this server. Send the recording as an 'input_audio' part to POST "
    "/v1/chat/completions, with the wish to have it translated, or talk over a WebSocket to /v1/realtime."
)
_TRANSCRIBED_FILES: Final = (
    "Transcriptions of recordings are not supported by this server. Ask the transcription server itself, or open a "
    "WebSocket to /v1/realtime and set session.audio.input.transcription."
)
_SPEECH: Final = (
    "Text is not read out by this server. POST /v1/chat/completions with modalities ['text', 'audio'] answers in "
    "speech, and so does a WebSocket to /v1/realtime."
)
_RESPONSES: Final = (
    "Text alone is not what this server is for: the Responses API, completions of a prompt and the like are not "
    "supported by this server. POST /v1/chat/completions answers one turn, in speech or text; open a WebSocket to "
    "/v1/realtime for a conversation."
)
_LIVE: Final = "The Live API is not supported by this server. Open a WebSocket to /v1/realtime instead."

_ANY: Final = ".*"
_ENDPOINTS: Final = tuple(
    (re.compile(method), re.compile(path), message)
    for method, path, message in (
        ("POST", f"(?:{_PREFIX})?/realtime", _WEBRTC),
        (_ANY, f"(?:{_PREFIX})?/realtime/calls", _WEBRTC),
        (_ANY, f"(?:{_PREFIX})?/realtime/calls/.+", _SIP),
        (_ANY, f"{_PREFIX}/realtimertc", _WEBRTC),
        (_ANY, f"{_PREFIX}/realtime/translations(?:/.*)?", _TRANSLATION),
        (_ANY, f"{_PREFIX}/realtime(?:api)?/transcription_sessions", _TRANSCRIPTION),
        (_ANY, f"(?:{_PREFIX}|{_DEPLOYMENT})/audio/translations", _TRANSLATED_FILES),
        (_ANY, f"(?:{_PREFIX}|{_DEPLOYMENT})/audio/transcriptions", _TRANSCRIBED_FILES),
        (_ANY, f"(?:{_PREFIX}|{_DEPLOYMENT})/audio/speech", _SPEECH),
        (_ANY, f"(?:{_PREFIX}|{_DEPLOYMENT})/completions", _RESPONSES),
        (_ANY, f"{_PREFIX}/(?:responses|conversations|assistants|threads)(?:/.*)?", _RESPONSES),
        (_ANY, f"{_PREFIX}/live(?:/.*)?", _LIVE),
    )
)


def not_served(method: str, path: str) -> Refusal | None:
    """Why a request for an endpoint of the API cannot be honoured; ``None`` where it is served, or none of the API's.

    :param path: without the query.
    """
    path = path.rstrip("/")
    for its_method, its_path, message in _ENDPOINTS:
        if its_path.fullmatch(path) and its_method.fullmatch(method):
            # SDKs take what begins with 5 for a failure that passes, and would ask again and again.
            headers = {"x-should-retry": "false"}
            return Refusal(HTTPStatus.NOT_IMPLEMENTED, message, "unsupported_endpoint", headers=headers)
    return None
