"""Reading ``multipart/form-data`` (RFC 7578) with the standard library's mail parser, which knows its format."""

from __future__ import annotations

import email
import email.policy

from bargein.demo.api_errors import ApiError


def parse_form(body: bytes, content_type: str) -> dict[str, bytes]:
    """The fields of a form, files among them.

    :raises ApiError: it is no such form.
    """
    if not content_type.startswith("multipart/form-data"):
        raise ApiError(f"Expected multipart/form-data, but got {content_type or 'nothing'}.", param="content-type")
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\nMIME-Version: 1.0\r\n\r\n"
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    fields: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            fields[name] = value
    if not fields:
        raise ApiError("The form has no fields.", param="body")
    return fields
