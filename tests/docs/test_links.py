"""Every link between the project's pages leads somewhere; every path and module that they name is there."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

from tests.docs.markdown import anchors, blocks, code_words, headings, links, pages
from tests.support.paths import ROOT

TOP = ["bench", "builder", "docs", "envspec", "examples", "scripts", "service", "tests"]
_PATH = re.compile(rf"(?:{'|'.join(TOP)})/[\w./*\-{{}},]*")
_MODULE = re.compile(rf"(?<=python -m )(?:{'|'.join(TOP)})[\w.]*")

PRESENT = [page for page in pages() if page.name != "CHANGELOG.md"]
"""The pages that tell of what is; the changelog tells of what was."""


def broken(page: pathlib.Path) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    for link in links(page):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def test_every_link_leads_somewhere() -> None:
    found = {str(page.relative_to(ROOT)): list(broken(page)) for page in pages()}
    assert {page: links for page, links in found.items() if links} == {}


def test_every_heading_has_an_anchor_of_its_own() -> None:
    """But for the changelog, whose headings are the same in each release."""
    for page in PRESENT:
        assert len(headings(page)) == len(anchors(page)), page


def test_every_path_of_the_tree_that_is_named_is_there() -> None:
    named = {word: page for page in PRESENT for word in code_words(page) if _PATH.fullmatch(word)}
    assert {word: str(page.relative_to(ROOT)) for word, page in named.items() if not _there(word)} == {}


def _there(name: str) -> bool:
    if re.search(r"[A-Z]{4}|nnn", name):  # such as `builder/report/NAME.py`
        return True
    if found := re.search(r"\{([^}]*)\}", name):
        return all(_there(name.replace(found[0], part)) for part in found[1].split(","))
    return any(ROOT.glob(name.rstrip("/")))


def test_every_module_that_is_run_is_there() -> None:
    shown = [
        text for page in PRESENT for text in (*code_words(page), *(block.text for block in blocks(page)))
    ]
    modules = {name.rstrip(".") for text in shown for name in _MODULE.findall(text)}
    assert {name for name in modules if not _runs(name)} == set()


def _runs(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()


def test_every_target_of_make_that_is_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    there = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) | {".venv/ready"}
    shown = [line for page in PRESENT for block in blocks(page) for line in block.text.splitlines()]
    words = [*shown, *(word for page in PRESENT for word in code_words(page))]
    named = {
        found[1] for word in words if (found := re.match(r"(?:\$ )?make (?:[A-Z]+=\S+ )?(\S+)", word.strip()))
    }
    assert named - there == set()


def test_a_link_that_leads_nowhere_is_found(tmp_path: pathlib.Path) -> None:
    page = tmp_path / "page.md"
    text = (
        "# One\n\n[a](gone.md) [b](#one) [c](#two) [d](page.md#one) `[e](gone.md)` [f](https://x.example)\n"
    )
    page.write_text(text)
    assert list(broken(page)) == ["gone.md", "#two"]
