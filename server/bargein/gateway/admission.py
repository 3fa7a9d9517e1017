"""Who gets a session: everything that is decided before a connection is upgraded.

Refused callers are told so by HTTP, in the order: wrong place, wrong page, wrong key, wrong request, too many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

from bargein.gateway import twilio
from bargein.gateway.addresses import AddressLimits, client_address
from bargein.gateway.handshake import AZURE_PREVIEW, BARGEIN_V1, VERSION, Handshake
from bargein.gateway.keys import Credentials, Keyring
from bargein.gateway.not_served import not_served
from bargein.gateway.origins import check_host, check_origin
from bargein.gateway.refusal import Refusal, try_later
from bargein.settings import Settings

PATHS: Final = frozenset({"/v1/realtime", "/realtime", "/openai/v1/realtime", AZURE_PREVIEW})
FULL_RETRY_AFTER_S: Final = 5
MAX_MODEL_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller who may have a session, and what the handshake says about it."""

    model: str
    beta: bool
    bargein: bool
    twilio: bool
    """A telephone call: it speaks Twilio Media Streams, and none of the Realtime protocol."""
    subprotocol: str | None
    """To answer with; ``None`` answers with none."""
    initial_session: dict[str, Any] | None
    """The starting configuration that the caller's token carries."""
    address: str
    decisions: bool = False
    """It has asked to be told of decisions."""
    agent: str | None = None
    """The operator's agent that its token is for, or that it asks for by name; ``None``: whoever there is."""
    payer: str = ""
    """On whose account it is: the fingerprint of a key, ``twilio``, or empty where no keys are asked for."""


class Capacity(Protocol):
    """How full the server is."""

    @property
    def open_sessions(self) -> int: ...

    @property
    def draining(self) -> bool: ...

    @property
    def has_descriptors(self) -> bool:
        """Whether one more session would find sockets for itself and for the model's answers."""
        ...


class Admission:
    """Decides on every request for a WebSocket, and on who may make an HTTP request."""

    def __init__(self, settings: Settings, keyring: Keyring, capacity: Capacity, addresses: AddressLimits) -> None:
        self._settings = settings
        self._keyring = keyring
        self._capacity = capacity
        self._addresses = addresses

    def decide(self, handshake: Handshake) -> Admitted | Refusal:
        """Admit the caller, or say why not. Counts nothing."""
        if handshake.path == twilio.STREAM_PATH:
            return self._decide_call(handshake)
        unserved = None
        if handshake.path.rstrip("/") not in PATHS:
            unserved = not_served("GET", handshake.path)
            if unserved is None:
                message = "There is no WebSocket at this path: connect to /v1/realtime."
                return Refusal(HTTPStatus.NOT_FOUND, message, "not_found")
        if handshake.method != "GET":
            message = "A WebSocket begins with GET (RFC 6455 section 4.1)."
            return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, message, "method_not_allowed", headers={"Allow": "GET"})
        refusal = self.check_page(handshake.headers)
        if refusal is not None:
            return refusal
        credentials = self._keyring.check_caller(handshake.key)
        if isinstance(credentials, Refusal):
            return credentials
        address = client_address(handshake.peer, handshake.headers, self._settings.trusted_proxies)
        refusal = (
            unserved
            or _unsupported(handshake)
            or _of_another_agent(handshake, credentials)
            or self.check_capacity()
            or self._addresses.check(address)
        )
        if refusal is not None:
            return refusal
        bargein = handshake.subprotocol == BARGEIN_V1
        asked = handshake.query.get("model") or handshake.query.get("deployment")
        carried = (credentials.initial_session or {}).get("model")
        return Admitted(
            model=asked or carried or self._settings.model,
            beta=(handshake.beta or credentials.beta) and not bargein,
            bargein=bargein,
            decisions=bargein and handshake.query.get("decisions") == "1",
            twilio=False,
            subprotocol=handshake.subprotocol,
            initial_session=credentials.initial_session,
            address=address,
            agent=credentials.agent or handshake.query.get("agent") or None,
            payer=credentials.payer,
        )

    def _decide_call(self, handshake: Handshake) -> Admitted | Refusal:
        """Twilio presents no key: it signs."""
        address = client_address(handshake.peer, handshake.headers, self._settings.trusted_proxies)
        fault = handshake.malformed
        refusal = (
            self.check_page(handshake.headers)
            or twilio.check_signature(self._settings, handshake.headers, f"{handshake.path}{handshake.query_string}")
            or (None if fault is None else _invalid(fault))
            or self.check_capacity()
            or self._addresses.check(address)
        )
        if refusal is not None:
            return refusal
        return Admitted(
            model=self._settings.model,
            beta=False,
            bargein=False,
            decisions=False,
            twilio=True,
            subprotocol=None,
            initial_session=None,
            address=address,
            payer="twilio",
        )

    def check_page(self, headers: Mapping[str, str]) -> Refusal | None:
        """``None`` unless the request comes from a foreign page, or under a foreign name to a keyless server."""
        names = (*self._settings.allowed_hosts, *twilio.public_names(self._settings))
        refusal = check_host(headers, names) if self._keyring.keyless else None
        return refusal or check_origin(headers, self._settings.allowed_origins)

    def check_capacity(self) -> Refusal | None:
        """``None`` where one more session can be taken; else 503 and when to come back."""
        if self._capacity.draining:
            message = "The server is restarting and takes no new sessions: connect again."
            return try_later(
                HTTPStatus.SERVICE_UNAVAILABLE, message, code="server_draining", reason="draining", retry_after_s=1
            )
        if self._capacity.open_sessions >= self._settings.max_sessions:
            return try_later(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The server has as many sessions as it takes (BARGEIN_MAX_SESSIONS): try again later.",
                code="server_full",
                reason="full",
                retry_after_s=FULL_RETRY_AFTER_S,
            )
        if not self._capacity.has_descriptors:
            return try_later(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The server has as many sockets open as it may (ulimit -n): try again later.",
                code="server_full",
                reason="full",
                retry_after_s=FULL_RETRY_AFTER_S,
            )
        return None


def _of_another_agent(handshake: Handshake, credentials: Credentials) -> Refusal | None:
    """``None`` unless a caller whose token is for one agent asks for another."""
    if credentials.agent is None or handshake.query.get("agent") in {None, "", credentials.agent}:
        return None
    message = f"The token is for the agent '{credentials.agent}': leave 'agent' out, or ask for another token."
    return Refusal(HTTPStatus.FORBIDDEN, message, "agent_not_allowed", "agent")


def _invalid(fault: str) -> Refusal:
    headers = {"Sec-WebSocket-Version": VERSION}
    return Refusal(HTTPStatus.BAD_REQUEST, fault, "invalid_handshake", headers=headers)


def _unsupported(handshake: Handshake) -> Refusal | None:
    """What is no handshake, and what the Realtime protocol has and this server has not, refused by name."""
    if (fault := handshake.malformed) is not None:
        return _invalid(fault)
    query = handshake.query
    if "call_id" in query:
        message = "Sideband connections (call_id) belong to WebRTC and SIP calls, which this server does not carry."
        return Refusal(HTTPStatus.BAD_REQUEST, message, "unsupported_parameter", "call_id")
    if query.get("intent") == "transcription":
        message = "Transcription sessions are not supported: open a session and set audio.input.transcription in it."
        return Refusal(HTTPStatus.BAD_REQUEST, message, "unsupported_parameter", "intent")
    for name in ("model", "deployment"):
        if len(query.get(name, "")) > MAX_MODEL_CHARACTERS:
            message = f"The model's name may have {MAX_MODEL_CHARACTERS} characters."
            return Refusal(HTTPStatus.BAD_REQUEST, message, "invalid_value", name)
    return None
