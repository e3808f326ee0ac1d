"""The site of the documentation: it builds without a broken link, and asks nobody for anything."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there(site: pathlib.Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    made = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}
    index = {page.parent / "index" if page.name == "README" else page for page in pages}
    assert index <= made
    assert {pathlib.Path("index"), pathlib.Path("contributing"), pathlib.Path("changelog")} <= made


def test_nothing_is_fetched_when_a_page_is_read(site: pathlib.Path) -> None:
    fetched = re.compile(
        r"""(?:<(?:script|img|iframe|source)\b[^>]*\bsrc|<link\b[^>]*\bhref)=["']?https?://[^"'\s>]+"""
    )
    found = {
        match for page in site.rglob("*.html") for match in fetched.findall(page.read_text(encoding="utf-8"))
    }
    assert {match for match in found if "canonical" not in match} == set()


def test_the_index_of_rules_has_each_rule_once(site: pathlib.Path) -> None:
    index = (site / "rules" / "index.html").read_text(encoding="utf-8")
    rules = sorted(page.stem for page in (ROOT / "docs" / "rules").glob("EV*.md"))
    assert sorted(re.findall(r'<td><a href="(EV\d{3})\.html">', index)) == rules
