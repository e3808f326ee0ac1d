"""What the tests of the documentation read out of Markdown: files, links, anchors and blocks of code."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import subprocess
from collections.abc import Iterator

from tests.support.paths import ROOT

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*) *(?P<word>[\w-]*)[^\n]*\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_INDENTED = re.compile(r"(?:(?<=\n\n)|^)((?: {4}[^\n]*\n|\n(?= {4}))+)")
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One block of code in a page."""

    page: pathlib.Path
    line: int
    language: str
    """Word after the fence; empty where there is none, and for blocks that are indented."""
    word: str
    """What stands after the language, such as `no-run`."""
    text: str
    before: str
    """The line above the block, such as `<!-- needs: network -->`."""

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@functools.cache
def pages() -> tuple[pathlib.Path, ...]:
    """Every Markdown file of the project: those that git knows or would take in, else those of the docs."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return tuple(
            ROOT / name for name in sorted(listed.stdout.split("\0")) if name and (ROOT / name).exists()
        )
    return tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]))


@functools.cache
def read(page: pathlib.Path) -> str:
    """A page's text."""
    return page.read_text(encoding="utf-8")


def blocks(page: pathlib.Path) -> Iterator[Block]:
    """The blocks of code of a page, fenced and indented."""
    text = read(page)
    for found in _FENCE.finditer(text):
        above = text[: found.start()].rstrip("\n").rpartition("\n")[2]
        inner = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        yield Block(
            page=page,
            line=_line(text, found),
            language=found["language"],
            word=found["word"],
            text=inner,
            before=above,
        )
    unfenced = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    for found in _INDENTED.finditer(unfenced):
        if not _in_list(unfenced, found.start()):
            inner = re.sub(r"^ {4}", "", found[1], flags=re.MULTILINE)
            yield Block(page=page, line=_line(unfenced, found), language="", word="", text=inner, before="")


def prose(page: pathlib.Path) -> str:
    """A page's text without its fenced blocks."""
    return _FENCE.sub("", read(page))


def code_words(page: pathlib.Path) -> list[str]:
    """What stands between backticks in a page's prose."""
    return _CODE.findall(prose(page))


def links(page: pathlib.Path) -> list[str]:
    """The targets of a page's links; what only looks like one inside code is none."""
    return _LINK.findall(_CODE.sub("", prose(page)))


def headings(page: pathlib.Path) -> list[str]:
    """A page's headings."""
    return _HEADING.findall(prose(page))


@functools.cache
def anchors(page: pathlib.Path) -> frozenset[str]:
    """The anchors that a page's headings make, as code forges and mkdocs both spell them."""
    return frozenset(map(_anchor, headings(page)))


def _anchor(heading: str) -> str:
    words = re.sub(r"[^\w\s-]", "", _LINK.sub("", heading).lower()).strip()
    return re.sub(r"\s", "-", words)


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1


def _in_list(text: str, start: int) -> bool:
    above = text[:start].rstrip("\n").rpartition("\n")[2]
    return bool(re.match(r" *(\d+\.|[-*]) ", above))
