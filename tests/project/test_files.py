"""Files that nothing executes in the other tests say what they must."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bargein.settings import Settings
from bargein.settings_kinds import PREFIX
from support.stock_clients import REPOSITORY

LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
NPM_LOCKS = sorted((REPOSITORY / "tests").glob("*/package-lock.json"))

DECIDED_BY_COMPOSE = {"host", "port", "client_web"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_a_hash_for_everything_and_names_no_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", text)
    pins = re.findall(r"^(\S+==\S+)[^\\\n]*(\\\n\s+--hash=sha256:)?", text, re.MULTILINE)
    assert pins
    assert [name for name, hashed in pins if not hashed] == []


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda path: path.parent.name)
def test_an_npm_lock_has_a_hash_for_everything_and_names_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert installed
    assert [name for name, package in installed.items() if "resolved" in package] == []
    assert [name for name, package in installed.items() if "integrity" not in package] == []


def test_compose_passes_every_setting_on() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    passed = re.findall(rf"^ +- ({PREFIX}\w+)", text, re.MULTILINE)
    names = Settings.model_fields.keys() - DECIDED_BY_COMPOSE
    assert sorted(passed) == sorted(f"{PREFIX}{name.upper()}" for name in names)


def test_compose_passes_the_keys_on_under_the_names_that_they_have() -> None:
    """Compose puts the names in before it looks for their values: in versions 1.29 and 2.26."""
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    for name in ("api_key_env", "transcription_api_key_env"):
        default = Settings.model_fields[name].default or f"{PREFIX}NO_OTHER_KEY"
        assert f"      - ${{{PREFIX}{name.upper()}:-{default}}}\n" in text


def test_the_example_of_env_names_pages_that_are_there() -> None:
    named = re.findall(r"\bdocs/[\w-]+\.md", (REPOSITORY / ".env.example").read_text(encoding="utf-8"))
    assert named
    assert [name for name in named if not (REPOSITORY / name).is_file()] == []


def test_the_example_of_env_holds_only_settings() -> None:
    text = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^#? ?([A-Z_]+)=", text, re.MULTILINE))
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {"OPENAI_API_KEY"}
    assert names
    assert names <= known


def test_the_server_answers_prometheus_under_the_name_that_it_is_asked_by() -> None:
    compose = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    allowed = re.search(r"^      - BARGEIN_ALLOWED_HOSTS=([\w.-]+),", compose, re.MULTILINE)
    target = re.search(r'targets: \["([\w.-]+):8765"\]', (REPOSITORY / "observe" / "prometheus.yml").read_text("utf-8"))
    assert allowed is not None
    assert target is not None
    assert allowed[1] == target[1]
    assert re.search(rf"^  {target[1]}:$", compose, re.MULTILINE)


def test_every_setting_stands_with_its_default_on_one_page_alone() -> None:
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    for name in Settings.model_fields:
        row = re.compile(rf"^\| `{PREFIX}{name.upper()}` \| [^|]* \| ", re.MULTILINE)
        explained = [page.name for page in pages for _ in row.findall(page.read_text(encoding="utf-8"))]
        assert explained == ["settings.md"], name
