"""Reads an agent's file, and refuses what is wrong in it by file, line and field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import httpx
from pydantic import Field, StringConstraints, TypeAdapter

from bargein.agents.agent import Agent, Json, Method, Tool
from bargein.agents.schema import wrong_in_schema
from bargein.errors import CallerError, SettingsError
from bargein.hosts import is_host
from bargein.toml_files import NotTomlError, no_json, parse_toml
from bargein.toml_lines import TomlLines
from bargein.wire.audio_models import Fields, NonEmpty, Transcription, TurnDetection, Voice, Word
from bargein.wire.session_models import MAX_INSTRUCTIONS, MAX_SCHEMA_BYTES, MAX_TOOLS, MaxOutputTokens
from bargein.wire.session_object import SessionObject
from bargein.wire.validation import no_larger_than, validate

ReadVariable = Callable[[str], str | None]
"""The value of an environment variable; ``None`` where it is not set."""

MAX_FILE_BYTES: Final = 1_048_576
LONGEST_TIMEOUT_S: Final = 300.0
MAX_HEADERS: Final = 32
_VARIABLE: Final = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_SECRETIVE: Final = re.compile(r"\$\{[^}]*(KEY|TOKEN|SECRET|PASSWORD)", re.IGNORECASE)
"""An address with a variable that is not to be logged."""
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
"""Headers that say how a request is sent, not what it asks."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
MayChange = Literal[
    "instructions", "voice", "turn_detection", "transcription", "tools", "max_output_tokens", "reasoning_effort"
]


class _NoTurnDetection(Fields):
    type: Literal["none"]


class _ToolTable(Fields):
    name: Name
    description: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
    method: Method = "POST"
    url: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    headers: Annotated[dict[str, str], Field(max_length=MAX_HEADERS)] = Field(default_factory=dict)
    timeout_s: Annotated[float, Field(ge=0.1, le=LONGEST_TIMEOUT_S)] = 10.0
    parameters: Annotated[Json, no_larger_than(MAX_SCHEMA_BYTES)] = Field(default_factory=dict)


class _AgentTable(Fields):
    name: Name | None = None
    title: NonEmpty | None = None
    description: Annotated[str, StringConstraints(max_length=4096)] = ""
    instructions: Annotated[str, StringConstraints(min_length=1, max_length=MAX_INSTRUCTIONS)]
    voice: Voice | None = None
    greeting: Annotated[str, StringConstraints(max_length=16_384)] = ""
    turn_detection: TurnDetection | None = None
    transcription: Transcription | None = None
    max_output_tokens: MaxOutputTokens | None = None
    reasoning_effort: Word | None = None
    callers_may_change: list[MayChange] = Field(default_factory=list)
    tools: Annotated[list[_ToolTable], Field(max_length=MAX_TOOLS)] = Field(default_factory=list)


_TABLE: Final = TypeAdapter(_AgentTable)
_TOOL_FIELDS: Final = tuple(_ToolTable.model_fields)
_AGENT_FIELDS: Final = tuple(_AgentTable.model_fields)


class _Wrong(Exception):
    """Something in the file cannot be.

    :param field: where, as a dotted path.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def read_agent(path: Path, read_variable: ReadVariable) -> tuple[Agent, tuple[str, ...]]:
    """The agent of a file, and the values of variables in its headers, which must not be logged.

    :raises SettingsError: it cannot be read, or something in it is wrong: file, line and field.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"the agent {path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise SettingsError(f"the agent {path} is too large: a file may have {MAX_FILE_BYTES} bytes")
    try:
        text, given = parse_toml(data)
    except NotTomlError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    try:
        _check_json(given)
        return _agent(path.stem, given, read_variable)
    except _Wrong as wrong:
        line = TomlLines(text).line(_steps(wrong.field))
        named = wrong.message if f"'{wrong.field}'" in wrong.message else f"{wrong.field}: {wrong.message}"
        raise SettingsError(f"{path}, line {line}: {named}") from None


def _check_json(given: Json) -> None:
    """Refuse what TOML can say and JSON cannot: an agent's file becomes requests and answers in JSON."""
    if found := no_json(given):
        path, reason = found
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        raise _Wrong(field.removeprefix("."), reason)


def _agent(stem: str, given: Json, read_variable: ReadVariable) -> tuple[Agent, tuple[str, ...]]:
    detection = given.get("turn_detection")
    off = isinstance(detection, dict) and detection.get("type") == "none"
    try:
        if off:
            validate(TypeAdapter(_NoTurnDetection), detection, "turn_detection")
        table = validate(_TABLE, {**given, "turn_detection": None} if off else given)
    except CallerError as error:
        field = error.param or ""
        raise _Wrong(field, error.message + _guess(field, error)) from None
    name = table.name or stem
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) is None:
        raise _Wrong("name", f"the file's name {stem!r} is no name for an agent: set one of letters, digits, - and _.")
    secrets: list[str] = []
    tools = tuple(_tools(table, read_variable, secrets))
    session: Json = {"instructions": table.instructions}
    output = {} if table.voice is None else {"voice": table.voice}
    heard: Json = {}
    if off or table.turn_detection is not None:
        heard["turn_detection"] = None if off else given["turn_detection"]
    if table.transcription is not None:
        heard["transcription"] = given["transcription"]
    if output or heard:
        session["audio"] = {key: value for key, value in (("output", output), ("input", heard)) if value}
    if table.max_output_tokens is not None:
        session["max_output_tokens"] = table.max_output_tokens
    if table.reasoning_effort is not None:
        session["reasoning"] = {"effort": table.reasoning_effort}
    agent = Agent(
        name=name,
        title=table.title or name,
        description=table.description,
        greeting=table.greeting,
        session=session,
        tools=tools,
        callers_may_change=frozenset(table.callers_may_change),
    )
    try:
        SessionObject.begin(id="", model="", expires_at=0, initial=agent.beginning())
    except CallerError as error:
        # What only the whole of it shows, such as tools that are too large together.
        raise _Wrong((error.param or "").removeprefix("session."), error.message) from None
    return agent, tuple(secrets)


def _tools(table: _AgentTable, read_variable: ReadVariable, secrets: list[str]) -> Iterator[Tool]:
    known: set[str] = set()
    for place, given in enumerate(table.tools):
        field = f"tools[{place}]"
        if given.name in known:
            raise _Wrong(f"{field}.name", f"another tool is called '{given.name}' already.")
        known.add(given.name)
        parameters = given.parameters or {"type": "object", "properties": {}}
        if parameters.get("type") != "object" or not isinstance(parameters.get("properties", {}), dict):
            raise _Wrong(f"{field}.parameters", 'must be the JSON schema of an object: type = "object", properties.')
        required = parameters.get("required", [])
        properties = parameters.get("properties", {})
        if not isinstance(required, list) or not all(isinstance(one, str) and one in properties for one in required):
            raise _Wrong(f"{field}.parameters.required", "must be a list of names that are among the properties.")
        if (wrong := wrong_in_schema(parameters, f"{field}.parameters")) is not None:
            raise _Wrong(*wrong)
        yield Tool(
            name=given.name,
            description=given.description,
            parameters=parameters,
            method=given.method,
            url=_url(given, f"{field}.url", parameters, read_variable, secrets),
            headers=_headers(given, f"{field}.headers", read_variable, secrets),
            timeout_s=given.timeout_s,
        )


def _url(given: _ToolTable, field: str, parameters: Json, read_variable: ReadVariable, secrets: list[str]) -> str:
    url = _expanded(given.url, field, read_variable, secrets if _SECRETIVE.search(given.url) else [])
    bare = _PLACE.sub("x", url)
    try:
        parts = urlsplit(bare)
        usable = parts.scheme in {"http", "https"} and is_host(parts.hostname or "") and parts.port != 0
        httpx.URL(bare)  # It has rules of its own, and is what asks.
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable or re.search(r"[\s{}]", bare):
        raise _Wrong(field, f"{url[:200]!r} is no URL: write it like https://shop.example/orders/{{order}}.")
    if "@" in parts.netloc or parts.fragment:
        raise _Wrong(field, "a user name, a password or a part behind # does not belong into the URL: use headers.")
    head = url.partition("://")[2]
    if "{" in re.split(r"[/?]", head)[0]:
        raise _Wrong(field, "an argument cannot stand in the host's name: the model would choose who is asked.")
    required = parameters.get("required", [])
    for name in _PLACE.findall(url):
        if name not in required:
            raise _Wrong(field, f"{{{name}}} must be one of the parameters' properties, and among 'required'.")
    return url


def _headers(given: _ToolTable, field: str, read_variable: ReadVariable, secrets: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in given.headers.items():
        here = f"{field}.{name}"
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise _Wrong(here, f"'{name}' is no header that can be set.")
        if name.lower() in map(str.lower, headers):
            raise _Wrong(here, "this header is there already, in other letters.")
        headers[name] = expanded = _expanded(value, here, read_variable, secrets)
        if not expanded.isascii() or not expanded.isprintable():
            raise _Wrong(here, "its value holds a letter that no header can carry: use plain ASCII.")
        if expanded != expanded.strip():
            # It would break every call: a variable with a stray space, or a default of nothing behind "Bearer ".
            raise _Wrong(here, "its value begins or ends with a space, which no header can: look at its variables.")
    return headers


def _expanded(text: str, field: str, read_variable: ReadVariable, values: list[str]) -> str:
    """``text`` with ``${NAME}`` replaced by the variable of that name; ``${NAME:-default}`` need not be set.

    :param values: gets what was put in.
    """

    def value(found: re.Match[str]) -> str:
        set_to = read_variable(found["name"])
        if set_to is None and found["default"] is None:
            raise _Wrong(field, f"the variable {found['name']} is set neither in the environment nor in .env.")
        if set_to is not None:
            values.append(set_to)
        return found["default"] if set_to is None else set_to

    if "${" in _VARIABLE.sub("", text):
        raise _Wrong(field, "write a variable as ${NAME}, or ${NAME:-default}.")
    return _VARIABLE.sub(value, text)


def _guess(field: str, error: CallerError) -> str:
    """What was probably meant by a field that there is not."""
    if error.code != "unknown_parameter":
        return ""
    name = field.rpartition(".")[2]
    fields = _TOOL_FIELDS if re.fullmatch(r"tools\[\d+\]\.[^.]*", field) else _AGENT_FIELDS if field == name else ()
    close = difflib.get_close_matches(name, fields, n=1)
    return f" Did you mean '{close[0]}'?" if close else f" There are: {', '.join(fields)}." if fields else ""


def _steps(field: str) -> list[str | int]:
    """A dotted path, such as ``tools[0].url``, step by step."""
    steps: list[Any] = []
    for name, place in re.findall(r"([^.\[\]]+)|\[(\d+)\]", field):
        steps.append(name or int(place))
    return steps
