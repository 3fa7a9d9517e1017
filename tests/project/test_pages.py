"""README.md and docs/: every link leads somewhere, every piece of code is run or says why not, the site can be made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from support.stock_clients import REPOSITORY

DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
MARKED_AS_TRIED = re.compile(r"<!-- tried: ([\w-]+) -->")
WIDEST = 130
"""Letters in a line of prose."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Those of its headings, as Git hosts make them."""
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if "://" in link:
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_is_run_by_a_test_or_says_why_not(page: Path) -> None:
    """Blocks without a language are what something prints. A diagram is no code."""
    lines = text_of(page).splitlines()
    unmarked = []
    inside = False
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("```"):
            continue
        inside = not inside
        language = line.strip().removeprefix("```")
        if inside and language and language != "mermaid":
            before = lines[number - 1] if number else ""
            if not re.fullmatch(r"<!-- (tried: [\w-]+|not run: .+) -->", before.strip()):
                unmarked.append(f"line {number + 1}: {line.strip()}")
    assert not inside
    assert unmarked == []


def test_what_is_marked_as_tried_is_tried_somewhere() -> None:
    runners = [*REPOSITORY.glob("tests/**/test_*.py")]
    tests = "".join(text_of(test) for test in runners if "node_modules" not in test.parts)
    newcomer = set(
        re.findall(r"(?:readme|start|agent)\[\"([\w-]+)\"\]", text_of(REPOSITORY / "scripts" / "newcomer.py"))
    )
    names = {name for page in PAGES for name in MARKED_AS_TRIED.findall(text_of(page))}
    assert len(names) > 4
    assert [name for name in names if f"tried: {name} -->" not in tests and name not in newcomer] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_has_lines_that_can_be_read(page: Path) -> None:
    prose = re.sub(r"^ *```.*?^ *```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in prose.splitlines() if not line.lstrip().startswith(("|", "<", "!", "src=", "#"))]
    assert [line for line in lines if len(line) > WIDEST] == []


def test_the_models_of_the_readme_are_those_of_their_page() -> None:
    tables = [
        re.search(r"^\| model \| settings \|\n(?:\|.*\n)+", text_of(page), re.MULTILINE)
        for page in (README, DOCS / "models.md")
    ]
    readme, models = (None if table is None else table[0] for table in tables)
    assert readme is not None
    assert readme == models


def is_copied(page: Path, site: Path) -> bool:
    source = site / "source"
    return page.is_relative_to(source) and (REPOSITORY / page.relative_to(source)).is_file()


def test_the_site_is_made_without_a_warning_and_every_page_is_in_its_menu(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    menu = text_of(REPOSITORY / "mkdocs.yml")
    assert [page.name for page in PAGES[1:] if not re.search(rf"[- ]{page.name}$", menu, re.MULTILINE)] == []
    # An example that is a page of its own is copied as it is.
    made = [page for page in tmp_path.rglob("*.html") if not is_copied(page, tmp_path)]
    assert len(made) > len(PAGES)
    broken = [
        f"{page.relative_to(tmp_path)}: {link}"
        for page in made
        for link in re.findall(r'(?:href|src)="([^"#?]+)', text_of(page))
        if not re.match(r"\w+:|//|/", link) and not (page.parent / unquote(link)).exists()
    ]
    assert broken == []
