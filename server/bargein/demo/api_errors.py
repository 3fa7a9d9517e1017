"""Errors as the OpenAI API words them, in its JSON shape."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from bargein.errors import BargeinError, CallerError


class ApiError(BargeinError):
    """The request is answered with an HTTP error.

    :param param: the path of the offending field, such as ``messages[2].content[0].input_audio.data``.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",  # noqa: A002 - the field's name
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s

    def as_json(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        headers = {} if self.retry_after_s is None else {"retry-after": f"{self.retry_after_s:g}"}
        return JSONResponse(self.as_json(), self.status, headers)


def refused(error: CallerError) -> ApiError:
    """A request that the API's own rules are against."""
    return ApiError(error.message, param=error.param, code=error.code)


def missing(param: str) -> ApiError:
    """A field that must be there is not."""
    return ApiError(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def wrong_type(param: str, expected: str, value: object) -> ApiError:
    """A field has another JSON type than it must have."""
    got = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    name = got.get(type(value), "null")
    return ApiError(
        f"Invalid type for '{param}': expected {expected}, but got {name} instead.", param=param, code="invalid_type"
    )


def wrong_value(param: str, value: object, supported: tuple[str, ...]) -> ApiError:
    """A field holds none of the values that it may have."""
    values = ", ".join(f"'{one}'" for one in supported)
    return ApiError(f"Invalid value: '{value}'. Supported values are: {values}.", param=param, code="invalid_value")


def audio_not_found(audio_id: str, param: str) -> ApiError:
    """A reply's audio is unknown, or has expired."""
    return ApiError(f"Assistant audio {audio_id} not found.", param=param, code="audio_not_found")


def bad_key() -> ApiError:
    """Authentication failed."""
    return ApiError("Incorrect API key provided.", status=401, code="invalid_api_key")


def failed_with(status: int, retry_after_s: float | None) -> ApiError:
    """What the API answers with this status when it fails for reasons of its own."""
    match status:
        case 401:
            return bad_key()
        case 429:
            message = "Rate limit reached for the demo model. Please try again later."
            return ApiError(
                message, status=429, type="requests", code="rate_limit_exceeded", retry_after_s=retry_after_s
            )
        case status if status >= 500:
            message = "The server had an error while processing your request. Sorry about that!"
            return ApiError(message, status=status, type="server_error", retry_after_s=retry_after_s)
        case _:
            return ApiError(
                "The demo model was told to refuse this request.", status=status, retry_after_s=retry_after_s
            )
