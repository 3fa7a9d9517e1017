"""A hook of mkdocs: pages of docs/ link to files beside docs/, and the site has those files too.

On a Git host ``../server/README.md`` leads to that file. In the site every file that is linked to in this way stands
below ``source/``, pages as pages, and the links are changed on the way.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = "source"
_LINK: Final = re.compile(r"\[([^\]]*)\]\((?!\w+:|#|/)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is linked to, and what that links to."""
    waiting = [Path(file.abs_src_path) for file in files.documentation_pages() if file.abs_src_path]
    added: set[Path] = set()
    while waiting:
        page = waiting.pop()
        for _, link, _ in _LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            if target.is_file() and target.is_relative_to(ROOT) and target not in added:
                if target.is_relative_to(config.docs_dir):
                    continue
                added.add(target)
                name = f"{SOURCE}/{target.relative_to(ROOT).as_posix()}"
                files.append(File.generated(config, name, abs_src_path=str(target)))
                if target.suffix == ".md":
                    waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the files are in the site; a folder's leads to nothing there, so its name alone stays."""
    outside = page.file.src_uri.startswith(f"{SOURCE}/")
    here = ROOT / page.file.src_uri.removeprefix(f"{SOURCE}/") if outside else Path(config.docs_dir, page.file.src_uri)
    up = "../" * page.file.src_uri.count("/")

    def moved(found: re.Match[str]) -> str:
        words, link, heading = found[1], found[2], found[3] or ""
        target = (here.parent / link).resolve()
        if target.is_relative_to(config.docs_dir):
            return f"[{words}]({up}{target.relative_to(config.docs_dir).as_posix()}{heading})"
        if target.is_file() and target.is_relative_to(ROOT):
            return f"[{words}]({up}{SOURCE}/{target.relative_to(ROOT).as_posix()}{heading})"
        return words if target.is_dir() else found[0]

    return _LINK.sub(moved, markdown)
