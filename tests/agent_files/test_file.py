"""An agent is a file: what it says, and how it is refused where it says something wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.agents import Agents, load_agents
from bargein.agents.agents import ready_agents
from bargein.errors import SettingsError
from bargein.toml_lines import TomlLines

SUPPORT = '''\
title = "Support"
description = "Knows where your order is."
instructions = """
You help people with [[their]] orders.
url = "this is no key"
"""
voice = "marin"
greeting = "Greet the caller."
callers_may_change = ["voice"]

[turn_detection]
type = "semantic_vad"
eagerness = "high"

[[tools]]
name = "look_up_order"
description = "Where an order is."
method = "GET"
url = "${SHOP:-https://shop.example}/orders/{order}?full=1"
timeout_s = 3
headers = { Authorization = "Bearer ${ORDER_API_KEY}" }

[tools.parameters]
type = "object"
required = ["order"]

[tools.parameters.properties.order]
type = "integer"
description = "Its number."

[[tools]]
name = "hand_over"
description = "Hand the caller over to a person."
url = "https://shop.example/handover"
'''
VARIABLES = {"ORDER_API_KEY": "secret-1234"}


def load(folder: Path, text: str = SUPPORT, name: str = "support.toml", **variables: str) -> Agents:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_agents([path], (VARIABLES | variables).get)


def test_a_file_becomes_an_agent(tmp_path: Path) -> None:
    agents = load(tmp_path)
    (agent,) = agents
    assert (agent.name, agent.title, agent.greeting) == ("support", "Support", "Greet the caller.")
    assert agent.beginning()["audio"] == {
        "output": {"voice": "marin"},
        "input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}},
    }
    look_up, hand_over = agent.tools
    assert (look_up.method, look_up.url, look_up.timeout_s) == ("GET", "https://shop.example/orders/{order}?full=1", 3)
    assert look_up.headers == {"Authorization": "Bearer secret-1234"}
    assert "secret" not in repr(agent)
    assert agents.secret_values == ("secret-1234",)
    assert (hand_over.method, hand_over.parameters) == ("POST", {"type": "object", "properties": {}})
    assert [tool["name"] for tool in agent.beginning()["tools"]] == ["look_up_order", "hand_over"]


def test_a_variable_goes_before_its_default(tmp_path: Path) -> None:
    (agent,) = load(tmp_path, SHOP="http://127.0.0.1:9000")
    assert agent.tools[0].url == "http://127.0.0.1:9000/orders/{order}?full=1"


def test_without_turn_detection(tmp_path: Path) -> None:
    (agent,) = load(tmp_path, 'instructions = "Be brief."\nturn_detection = { type = "none" }\n')
    assert agent.beginning()["audio"] == {"input": {"turn_detection": None}}
    assert "turn_detection" in agent.kept


@pytest.mark.parametrize(
    ("line", "becomes", "said"),
    [
        ('voice = "marin"', "voice = 3", "line 7: Invalid type for 'voice': expected a string"),
        ('voice = "marin"', 'voyce = "marin"', "line 7: Unknown parameter: 'voyce'. Did you mean 'voice'?"),
        ('eagerness = "high"', 'eagerness = "keen"', "line 13: turn_detection.eagerness: Invalid value: 'keen'."),
        ('method = "GET"', 'method = "HEAD"', "line 18: tools[0].method: Invalid value: 'HEAD'."),
        ("timeout_s = 3", "timeout_s = 0", "line 20: Invalid 'tools[0].timeout_s'"),
        ("timeout_s = 3", "time_out = 3", "line 20: Unknown parameter: 'tools[0].time_out'. Did you mean 'timeout_s'?"),
        ('description = "Where an order is."', "", "line 15: Missing required parameter: 'tools[0].description'."),
        ('name = "hand_over"', 'name = "look_up_order"', "line 32: tools[1].name: another tool"),
        ("ORDER_API_KEY", "NO_SUCH_KEY", "line 21: tools[0].headers.Authorization: the variable NO_SUCH_KEY is set"),
        ("${ORDER_API_KEY}", "$${ORDER API}", "line 21: tools[0].headers.Authorization: write a variable as ${NAME}"),
        ("Bearer ", "Bearer\\n", "line 21: tools[0].headers.Authorization: its value holds a letter"),
        ("Bearer ${ORDER_API_KEY}", "Bearer ${UNSET:-}", "line 21: tools[0].headers.Authorization: its value begins"),
        ("Authorization =", '"x-key" = "a", X-Key =', "line 21: tools[0].headers.X-Key: this header is there already"),
        ("Authorization =", "Host =", "line 21: tools[0].headers.Host: 'Host' is no header that can be set."),
        ("/orders/{order}", "/orders/{id}", "line 19: tools[0].url: {id} must be one of the parameters'"),
        ("${SHOP:-https://shop.example}", "https://{order}.example", "line 19: tools[0].url: an argument cannot stand"),
        ("https://shop.example/handover", "ftp://shop.example", "line 34: tools[1].url: 'ftp://shop.example' is no"),
        ("https://shop.example/handover", "https://a:b@shop.example", "line 34: tools[1].url: a user name, a password"),
        ('required = ["order"]', 'required = ["number"]', "line 25: tools[0].parameters.required: must be a list"),
        ('type = "object"', 'type = "string"', "line 23: tools[0].parameters: must be the JSON schema of an object"),
        ('callers_may_change = ["voice"]', 'callers_may_change = ["all"]', "line 9: callers_may_change[0]: Invalid"),
        ("[turn_detection]", "[turn_detection", "support.toml: not TOML: "),
        ('required = ["order"]', 'required = [["order"]]', "line 25: tools[0].parameters.required: must be a list"),
        ('type = "integer"', 'type = "int"', "line 28: tools[0].parameters.properties.order.type: 'int' is no type"),
        ('type = "integer"', 'type = ["integer", "nil"]', "properties.order.type: 'nil' is no type. There are: string"),
        ('type = "integer"', "type = 3", "properties.order.type: 3 is no type."),
        ('type = "integer"', 'enum = "a"', "line 28: tools[0].parameters.properties.order.enum: must be a list"),
        ('type = "integer"', 'items = "string"', "properties.order.items: must be a table, such as { type = "),
        ('type = "integer"', 'items.type = "text"', "properties.order.items.type: 'text' is no type."),
        ('type = "integer"', 'properties.a = "text"', "properties.order.properties.a: must be a table, such as"),
        ('type = "integer"', 'anyOf = [{ type = "null" }, "string"]', "properties.order.anyOf[1]: must be a table"),
        ('type = "integer"', 'required = "a"', "properties.order.required: must be a list of names"),
        ('type = "integer"', "maximum = 1e999", "line 28: tools[0].parameters.properties.order.maximum: inf is no"),
        ('type = "integer"', "default = 2026-11-30", "order.default: 2026-11-30 is a date or a time: write it in"),
        ('type = "integer"', f"maximum = {2**63}", "order.maximum: is a larger number than can be sent."),
        ('type = "integer"', f"maximum = 1{'0' * 5000}", "support.toml: not TOML: a number in it is too long"),
        ('type = "integer"', f"x = {'[' * 20_000}{']' * 20_000}", "support.toml: not TOML: it is nested too deeply"),
        ('type = "integer"', f"x = {'[' * 120}{']' * 120}", "is nested too deeply: 100 levels are the most."),
        ('eagerness = "high"', "eagerness = nan", "line 13: turn_detection.eagerness: nan is no number"),
        ("https://shop.example/handover", "https://shop..example/", "line 34: tools[1].url: 'https://shop..example/'"),
        ("https://shop.example/handover", "https://shop.example/\\u0000", "line 34: tools[1].url: "),
        ("https://shop.example/handover", "https://*/", "line 34: tools[1].url: 'https://*/' is no URL"),
        ('description = "Its number."', "enum = [\n  [1, 2]\n]\nmin = nan", "line 32: tools[0].parameters.properties."),
    ],
)
def test_what_is_wrong_is_told_by_file_line_and_field(tmp_path: Path, line: str, becomes: str, said: str) -> None:
    assert SUPPORT.count(line) >= 1
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, SUPPORT.replace(line, becomes, 1))
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "support.toml"))
    assert "\n" not in str(refused.value)


def test_a_schema_may_hold_whatever_schemas_hold(tmp_path: Path) -> None:
    order = """anyOf = [{ type = ["string", "null"], format = "x" }, { "$ref" = "#/$defs/number" }, true]
properties = { type = { enum = ["int"] }, enum = { type = "string" }, items = { default = { type = "int" } } }
additionalProperties = false
items = [{ type = "integer" }]
examples = [{ type = "int" }]
const = { type = "int" }"""
    load(tmp_path, SUPPORT.replace('type = "integer"', order, 1))


def test_instructions_are_needed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"line 1: Missing required parameter: 'instructions'"):
        load(tmp_path, 'title = "Nobody"\n')


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"')
    for path, said in (
        (tmp_path / "none.toml", "there is no agent"),
        (tmp_path / "latin.toml", "it is not UTF-8"),
    ):
        with pytest.raises(SettingsError, match=said):
            load_agents([path], VARIABLES.get)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="holds no agent"):
        load_agents([tmp_path / "empty"], VARIABLES.get)


def test_a_folder_holds_several_and_no_name_twice(tmp_path: Path) -> None:
    load(tmp_path, 'instructions = "Be brief."', "b.toml")
    load(tmp_path, 'instructions = "Be long."', "a.toml")
    agents = load_agents([tmp_path], VARIABLES.get)
    assert [agent.name for agent in agents] == ["a", "b"]
    assert agents.default is agents.choose(None) is agents.choose("a")
    with pytest.raises(LookupError, match=r"There is no agent 'c'. There are: a, b."):
        agents.choose("c")
    with pytest.raises(SettingsError, match="an agent called 'a' is in"):
        load_agents([tmp_path, tmp_path / "a.toml"], VARIABLES.get)


def test_lines_are_found_under_every_kind_of_header() -> None:
    lines = TomlLines(
        'a.b = 1\n"c d" = """\n[x]\n"""\n[t]\nk = 2\n[[l]]\nk = 3\n[l.inner]\nm = 4\n[[l]]\n[l.inner]\nm = 5\n'
    )
    found = {
        ("a", "b"): 1, ("c d",): 2, ("t", "k"): 6, ("l", 0, "k"): 8, ("l", 0, "inner", "m"): 10,
        ("l", 1): 11, ("l", 1, "inner", "m"): 13, ("l", 1, "k"): 11, ("nothing",): 1, ("x",): 1,
    }  # fmt: skip
    assert {path: lines.line(path) for path in found} == found


def test_lines_are_found_between_what_only_looks_like_a_line_or_a_header() -> None:
    lines = TomlLines('a = "x\u2028y\x85z"\r\nb = [\n  [1, 2],\n  ["c"]\n]\nd = 1\n')
    assert [lines.line((name,)) for name in ("a", "b", "d")] == [1, 2, 6]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "brief.toml"
    path.write_bytes('instructions = "Be brief."\r\n'.encode("utf-8-sig"))
    assert [agent.name for agent in load_agents([path], VARIABLES.get)] == ["brief"]


def test_the_agents_that_come_with_it_are_right_and_go_by_their_names() -> None:
    agents = load_agents(map(Path, ("support", "language-partner", "translator", "coach")), lambda _: None)
    assert {agent.name for agent in agents} == set(ready_agents())
    assert all(agent.description and agent.title != agent.name for agent in agents)
    assert [tool.name for agent in agents for tool in agent.tools] == ["look_up_order", "hand_over"]
