"""What comes of Twilio: whether it is Twilio, and what it is told to do with a call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from html import escape
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from bargein.gateway.refusal import Refusal
from bargein.settings import Settings

STREAM_PATH: Final = "/v1/twilio"
VOICE_PATH: Final = "/v1/twilio/voice"
PATHS: Final = (STREAM_PATH, VOICE_PATH)
MAX_BODY_BYTES: Final = 65_536
MAX_PARAMETER_CHARACTERS: Final = 500
"""Name and value together, as Twilio bounds them."""
_NO_XML: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What is no character of XML 1.0 (section 2.2)."""
BUSY: Final = '<?xml version="1.0" encoding="UTF-8"?><Response><Reject reason="busy"/></Response>'


def check_signature(
    settings: Settings, headers: Mapping[str, str], target: str, form: bytes | None = None
) -> Refusal | None:
    """``None`` where Twilio has signed the request, or no signature is asked for.

    Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security.

    :param headers: by lower-case name.
    :param target: path and query, as they were asked for.
    :param form: the body of a POST; ``None`` for the opening of a WebSocket.
    """
    if settings.twilio_auth_token is None:
        if not settings.api_keys:
            return None
        message = "This server asks for keys, which Twilio cannot present: set BARGEIN_TWILIO_AUTH_TOKEN to take calls."
        return _forbidden(message, "twilio_not_configured")
    given = headers.get("x-twilio-signature")
    if given is None:
        return _forbidden(
            "The header X-Twilio-Signature is missing: only Twilio may ask for this.", "missing_signature"
        )
    token = settings.twilio_auth_token.get_secret_value().encode()
    fields: dict[str, set[str]] = {}
    for name, value in parse_qsl((form or b"").decode(errors="replace"), keep_blank_values=True):
        fields.setdefault(name, set()).add(value)
    signed = "".join(name + value for name in sorted(fields) for value in sorted(fields[name]))
    addresses = list(_addresses(settings, headers, target, "wss" if form is None else "https"))
    if any(_is_signature(given, token, address + signed) for address in addresses):
        return None
    message = (
        f"X-Twilio-Signature does not sign '{addresses[0]}' with BARGEIN_TWILIO_AUTH_TOKEN. If Twilio calls another "
        "address, set BARGEIN_PUBLIC_URL to what it calls."
    )
    return _forbidden(message, "invalid_signature")


def connect(settings: Settings, headers: Mapping[str, str], query: str) -> str | Refusal:
    """TwiML that connects a call with :data:`STREAM_PATH`. What ``query`` says becomes ``start.customParameters``."""
    parameters = ""
    for name, value in parse_qsl(query, keep_blank_values=True):
        if len(name) + len(value) > MAX_PARAMETER_CHARACTERS:
            message = f"Twilio takes {MAX_PARAMETER_CHARACTERS} characters for the name and value of a parameter."
            return Refusal(HTTPStatus.BAD_REQUEST, message, "string_above_max_length", name[:64])
        unwritable = _NO_XML.search(name + value)
        if unwritable is not None:
            message = f"XML, and so TwiML, has no character U+{ord(unwritable[0]):04X}: leave it out."
            return Refusal(HTTPStatus.BAD_REQUEST, message, "invalid_value", name[:64])
        parameters += f'<Parameter name="{_attribute(name)}" value="{_attribute(value)}"/>'
    address = _attribute(next(_addresses(settings, headers, STREAM_PATH, "wss")))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Response><Connect><Stream url="{address}">{parameters}</Stream></Connect></Response>'
    )


def _attribute(text: str) -> str:
    """``text`` as the value of an attribute. Where a line ends must be said by a reference: as it is it would be read
    as a space (XML 1.0, section 3.3.3).
    """
    return escape(text).translate({ord(space): f"&#{ord(space)};" for space in "\t\n\r"})


def public_names(settings: Settings) -> tuple[str, ...]:
    """The host name of :attr:`Settings.public_url`, where it is set."""
    name = urlsplit(settings.public_url or "").hostname
    return (name,) if name else ()


def _addresses(settings: Settings, headers: Mapping[str, str], target: str, scheme: str) -> Iterator[str]:
    """What Twilio may have called, the likeliest first. It leaves the default port out or not; a proxy in front of this
    server may have taken TLS off. Trying more than one gives nothing away: whoever can sign one can sign all.
    """
    if settings.public_url is None:
        host, path = headers.get("host", ""), target  # Unparsed: anybody may have written it.
    else:
        public = urlsplit(settings.public_url)
        host, path = public.netloc, public.path.rstrip("/") + target
    plain = {"wss": "ws", "https": "http"}[scheme]
    for each, port in ((scheme, ":443"), (plain, ":80")):
        bare = host.removesuffix(port)
        yield f"{each}://{bare}{path}"
        yield f"{each}://{bare}/{path.strip('/')}/"
        if bare != host or ":" not in host:
            yield f"{each}://{bare}{port}{path}"


def _is_signature(given: str, token: bytes, text: str) -> bool:
    digest = hmac.new(token, text.encode(), hashlib.sha1).digest()
    return hmac.compare_digest(base64.b64encode(digest), given.encode())


def _forbidden(message: str, code: str) -> Refusal:
    return Refusal(HTTPStatus.FORBIDDEN, message, code, reason="key")
