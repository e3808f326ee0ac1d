"""What the documentation's site has besides `docs/`: the pages at the project's top, and the index of rules.

mkdocs loads this file as a hook. Links are written as they are right in the repository, and turned here.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from builder.report.families import family_of

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files at the top of the repository, and the pages that they become."""

INDEX = "rules/index.md"
"""The page that lists all rules."""

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that do not stand in `docs/`."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    files.append(File.generated(config, INDEX, content="\n".join(_index())))
    return files


def _index() -> Iterator[str]:
    """The lines of the rules' index, as the rules' own pages tell of them."""
    yield "# Rules"
    yield "\nA finding names one of these. `[smoke] ignore` leaves one out, everywhere or at one place."
    heading = ""
    for page in sorted((DOCS / "rules").glob("EV*.md")):
        text = page.read_text(encoding="utf-8")
        if family_of(page.stem).title != heading:
            heading = family_of(page.stem).title
            yield f"\n## {heading}\n\n| rule | finds that | weighs |\n|---|---|---|"
        title = text.partition("\n")[0].partition(": ")[2]
        weighs = text.partition("\nSeverity: ")[2].partition("\n")[0]
        yield f"| [{page.stem}]({page.name}) | {title} | {weighs} |"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Turn the links of one page from paths in the repository to paths in the site."""
    at_top = page.file.src_uri in PAGES.values()
    here = (DOCS / page.file.src_uri).parent
    folder = ROOT if at_top else here

    def turned(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        if ":" in target:
            return found[0]
        path = (folder / target).resolve()
        if path.is_dir():
            path /= "index.md" if path == DOCS / "rules" else "README.md"
        if path.parent == ROOT and path.name in PAGES:
            path = DOCS / PAGES[path.name]
        elif not path.is_relative_to(DOCS):
            return text  # a file of the repository that is no page is named, not linked
        return f"[{text}]({os.path.relpath(path, here)}{anchor})"

    return _LINK.sub(turned, markdown)
