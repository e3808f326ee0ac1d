"""The parts of a check have one name each: in the Makefile, in CI, and on the pages that people read."""

import pathlib
import re

import pytest

from tests.support.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
TOLD = set(re.findall(r"^# make ([a-z-]+)  ", MAKEFILE, re.MULTILINE))
CI = re.findall(r"^part (\S+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
PAGES = [page for name in ("README.md", "CONTRIBUTING.md") if (page := ROOT / name).exists()]


def prerequisites(target: str) -> set[str]:
    """What a target needs made before, near and far."""
    found = re.search(rf"^{target}: (.*)$", MAKEFILE, re.MULTILINE)
    near = set(found[1].split()) & TARGETS if found else set()
    return near.union(*map(prerequisites, near))


def test_the_head_of_the_makefile_tells_what_there_is() -> None:
    assert TOLD <= TARGETS
    assert {"quick", "rest", "test", "pythons", "coverage"} <= TOLD


def test_ci_runs_all_that_people_run_with_the_cheap_first() -> None:
    assert set(CI) <= TARGETS
    assert prerequisites("test") == {"quick", "rest", "lint"}
    # `make coverage` runs the tests of `make quick` on the newest Python.
    assert [part for part in CI if part in {"quick", "coverage", "rest"}] == ["quick", "coverage", "rest"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_what_can_be_made(page: pathlib.Path) -> None:
    """As a program or a word of code: `make quick`, or a line of a block."""
    named = set(re.findall(r"(?:`|^ +)make ([a-z-]+)(?=`|  )", page.read_text(), re.MULTILINE))
    assert named
    assert named <= TARGETS
