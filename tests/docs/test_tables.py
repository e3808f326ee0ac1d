"""The tables of the pages are complete: commands, backends, forms of the report, keys of a spec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bench.__main__ import BENCHMARKS
from builder.backends.choose import BACKENDS
from builder.cli.main import COMMANDS
from builder.report.forms import FILES
from envspec.spec.model import spec_schema
from tests.docs.markdown import read
from tests.support.paths import ROOT

README = read(ROOT / "README.md")
DOCS = ROOT / "docs"


def rows(text: str, cells: str) -> list[Any]:
    """What a pattern finds in the rows of a page's tables."""
    return re.findall(rf"^\| {cells}", text, re.MULTILINE)


def test_every_command_has_a_row_in_the_readme() -> None:
    assert sorted(rows(README, r"`envspec (\w+)")) == sorted(COMMANDS)


def test_every_backend_has_a_row_in_the_readme() -> None:
    assert set(BACKENDS) <= set(rows(README, r"`(\w+)` \|"))


def test_every_form_of_the_report_is_told() -> None:
    assert dict(rows(read(DOCS / "reports.md"), r"`(\w+)` \| `([\w.]+)`")) == FILES
    told = re.search(r"`--format ([\w|]+)`", README)
    assert told
    assert {"text", *told[1].split("|")} == set(FILES)


def test_every_benchmark_is_told() -> None:
    page = read(DOCS / "measured.md")
    assert [name for name in BENCHMARKS if f"`{name}`" not in page] == []


def keys(part: dict[str, Any]) -> Iterator[str]:
    """The keys of every table that a spec may have."""
    for name, inner in part.get("properties", {}).items():
        yield name
        yield from keys(inner)
    for inner in part.get("$defs", {}).values():
        yield from keys(inner)


def test_every_key_of_a_spec_is_told() -> None:
    page = read(DOCS / "spec.md")
    told = set(re.findall(r"[a-z][a-z0-9-]*", " ".join(re.findall(r"`[^`\n]+`", page))))
    assert sorted(set(keys(spec_schema())) - told) == []


def test_every_decision_has_a_row_with_its_title_and_date() -> None:
    told = []
    for page in sorted((DOCS / "decisions").glob("0*.md")):
        text = read(page)
        head = re.match(r"# (\d{4}): (.*)\n\n(\d{4}-\d\d-\d\d)\. (.*)\.\n", text)
        assert head, page
        told.append((head[1], page.name, head[2], head[3], head[4].lower()))
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Rejected",
            "Consequences",
        ]
    index = read(DOCS / "decisions" / "README.md")
    assert rows(index, r"\[(\d{4})\]\((.*?)\) \| (.*?) \| (.*?) \| (.*?) \|$") == told
