"""Write the generated parts of the documentation and of docker-compose.yml again.

With ``--check`` only say whether they are stale. Each stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``,
in YAML between ``# NAME:begin`` and ``# NAME:end``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bargein.core import rules_page
from bargein.metrics import page as metrics_page
from bargein.session import endings
from bargein.settings import Settings, settings_table
from bargein.settings_kinds import PREFIX
from bargein.trial.reading import find_scenarios
from bargein.wire.field_effects import fields_table

ROOT = Path(__file__).resolve().parents[1]
DECIDED_BY_COMPOSE = {"host", "port", "client_web", "allow_insecure", "allowed_hosts"}
"""What the container is told otherwise, or cannot reach; of other names than its own, Compose adds what is set."""


def compose_variables() -> str:
    """The settings that docker-compose.yml passes on, by name."""
    names = (name for name in Settings.model_fields if name not in DECIDED_BY_COMPOSE)
    return "".join(f"      - {PREFIX}{name.upper()}\n" for name in names)


def scenarios_table() -> str:
    """The scenarios that ship, by name."""
    rows = (f"| `{script.name}` | {script.scenario.about} |\n" for script in find_scenarios([]))
    return f"| name | what it is about |\n|---|---|\n{''.join(rows)}"


GENERATED = {
    "scenarios": (ROOT / "docs" / "test-your-agent.md", scenarios_table),
    "floor": (ROOT / "server" / "README.md", rules_page.page),
    "endings": (ROOT / "server" / "README.md", endings.table),
    "settings": (ROOT / "docs" / "settings.md", settings_table),
    "fields": (ROOT / "docs" / "session-fields.md", fields_table),
    "metrics": (ROOT / "docs" / "metrics.md", metrics_page.table),
    "variables": (ROOT / "docker-compose.yml", compose_variables),
}


def with_part(text: str, name: str, part: str) -> str:
    """``text`` with ``part`` between the markers of ``name``."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    if begin not in text:
        begin, end = f"      # {name}:begin\n", f"      # {name}:end"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise SystemExit(f"the markers {begin.strip()} and {end} are missing")
    return before + begin + part + end + after


def main() -> int:
    """Write, or check, each part."""
    stale = []
    for name, (path, generate) in GENERATED.items():
        text = path.read_text(encoding="utf-8")
        fresh = with_part(text, name, generate())
        if fresh != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(fresh, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}. Run: make format")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
