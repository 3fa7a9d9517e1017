"""Every error of the project, by whose fault it is.

::

    BargeinError
    ├── CallerError            the caller sent something wrong: an ``error`` event, the session lives
    ├── CallerGone             the caller's socket must end, or has ended: a close code says why
    ├── UpstreamError          the model failed: ``response.done`` with status ``failed``, the next turn works
    │   ├── UpstreamRefused        it answered 4xx: our request or our key
    │   │   ├── AudioGone              an ``audio: {id}`` reference has expired: ask again with its text
    │   │   └── UpstreamRateLimited    429, perhaps with Retry-After
    │   ├── UpstreamUnavailable    5xx, refused or dropped connection, cut in mid-stream
    │   ├── UpstreamTimedOut       connect, first byte, or between chunks
    │   └── UpstreamMalformed      it answered something that is not the protocol
    ├── OverBudget             a cap is full: nobody was asked
    ├── SettingsError          the operator's configuration is wrong: one line, exit code 2
    └── IllegalTrigger         our own code did what the rules of the floor do not know: the session ends, and it alone

Errors of foreign libraries are mapped to these once, where the library is called.
"""

from __future__ import annotations


class BargeinError(Exception):
    """The root of all errors raised by this package."""


class CallerError(BargeinError):
    """The caller's message cannot be honoured; nothing has changed.

    :param message: what is wrong and what to do, in whole sentences.
    :param code: the Realtime protocol's error code, or ``None`` where it has none.
    :param param: the dotted path of the offending field, such as ``session.audio.output.voice``.
    :param event_id: the id that the caller gave the offending message, if it did: echoed so that clients find it.
    """

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, event_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.event_id = event_id


class CallerGone(BargeinError):
    """The caller's connection has ended or has to end.

    :param code: the WebSocket close code (RFC 6455 section 7.4, and the table in the README for 4xxx).
    :param retry_after_s: when it may come back, where that matters.
    """

    def __init__(self, code: int, reason: str, retry_after_s: int | None = None) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.retry_after_s = retry_after_s


class UpstreamError(BargeinError):
    """The model could not answer.

    :param message: what the caller may be told; never holds a key.
    :param type: the upstream's own error type, or one of OpenAI's (``server_error``, ``invalid_request_error``).
    :param code: the upstream's error code, or one of ours.
    :param param: the path of the field that it finds fault with, in the request that it was sent.
    :param http_status: the status it answered with, if it did.
    :param retry_after_s: its ``Retry-After``, in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        type: str = "server_error",
        code: str | None = None,
        param: str | None = None,
        http_status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.http_status = http_status
        self.retry_after_s = retry_after_s


class UpstreamRefused(UpstreamError):
    """The upstream answered 4xx: the request or the key is wrong."""


class AudioGone(UpstreamRefused):
    """An ``audio: {id}`` reference in the messages is unknown or expired (``audio_not_found``)."""


class UpstreamRateLimited(UpstreamRefused):
    """The upstream answered 429."""


class UpstreamUnavailable(UpstreamError):
    """The upstream answered 5xx, could not be reached, or dropped the connection."""


class UpstreamTimedOut(UpstreamError):
    """The upstream did not connect, did not start to answer, or fell silent in mid-stream."""


class UpstreamMalformed(UpstreamError):
    """The upstream answered something that is not a Chat Completions stream."""


class OverBudget(BargeinError):
    """A cap is full, so nobody was asked.

    :param message: which one, and when it is free again, in whole sentences.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SettingsError(BargeinError):
    """The configuration is wrong. The message is one line that names the setting and what to do."""


class IllegalTrigger(BargeinError):
    """The rules of the floor have no row for what happened: a fault of this program's, never the caller's.

    :param machine: whose state it is, or which table was asked.
    :param state: what was asked about: the state, or all of the row but its last part; empty if it has one only.
    :param trigger: what happened.
    """

    def __init__(self, machine: str, state: str, trigger: str) -> None:
        where = f" in the state '{state}'" if state else ""
        super().__init__(f"{machine}: there is no rule for '{trigger}'{where}")
        self.machine = machine
        self.state = state
        self.trigger = trigger
