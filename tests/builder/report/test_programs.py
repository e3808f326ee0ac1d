"""What reports say of programs: a line each, a case each, and the end of their last words."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from typing import Any

from builder.report import html, junit, terminal
from builder.report.programs import program_lines
from builder.report.scrubbing import Private
from envspec.system import rules
from tests.builder.report.samples import SHIPS

NOBODY = Private(secrets=(), hosts=())
TRIED: dict[str, dict[str, Any]] = {
    "main": {
        "ready": True,
        "ready_seconds": 1.25,
        "memory": 40e6,
        "trials": [{"status": 200, "seconds": 0.5}],
    },
    "worker": {"ready": False, "ended": 1},
    "train": {"trials": [{"exit": 0, "seconds": 2.0}, {"lacks": "gpu"}]},
    "nightly": {"found": True},
}
WORDS = "\n".join(f"line {number} of what the worker said before it ended" for number in range(9))
ENDED = rules.PROGRAM_ENDS.finding("it ends", hint=f"its last words:\n{WORDS}", where="run.worker")
NOT_RUN = rules.TRIAL_LEFT_OUT.finding("it was not run", where="run.nightly")
TRAINED = rules.TRIAL_LEFT_OUT.finding("no card", where="run.train.trial[1]")
REPORT = dataclasses.replace(SHIPS, findings=(), trials=TRIED).having(ENDED, NOT_RUN, TRAINED)


def test_each_program_has_a_line() -> None:
    lines = {line.name: (line.words, line.well) for line in program_lines(REPORT)}
    assert lines == {
        "main": ("ready after 1.2 s, 40 MB, 1 of 1 trial made", True),
        "worker": ("must be fixed", False),
        "train": ("ends as it should, 1 of 2 trials made", True),
        "nightly": ("not run", True),
    }


def test_each_program_has_a_case() -> None:
    root = ET.fromstring(junit.render(REPORT, NOBODY))
    cases = {case.get("name"): case for case in root.findall("testsuite[@name='envspec.programs']/testcase")}
    assert list(cases) == list(TRIED)
    assert [name for name, case in cases.items() if case.find("failure") is not None] == ["worker"]
    assert [name for name, case in cases.items() if case.find("skipped") is not None] == ["nightly"]
    assert cases["main"].get("time") == "1.750"


def test_people_see_them() -> None:
    text = terminal.render(REPORT, NOBODY)
    assert "\nprogram main: ready after 1.2 s, 40 MB, 1 of 1 trial made\n" in text
    assert "Program worker" in html.render(REPORT, NOBODY)


def test_of_what_a_build_said_the_end_is_shown_line_by_line() -> None:
    said = "\n".join(f"    line {number}" for number in range(30)) + "\nerror: 'zz' undeclared"
    unbuilt = rules.SOURCE_UNBUILDABLE.finding(f"no wheel could be built from ./core\n{said}", hint="mend it")
    lines = terminal.render(dataclasses.replace(SHIPS, findings=(unbuilt,)), NOBODY).splitlines()
    place = lines.index("  no wheel could be built from ./core")
    assert lines[place + 11 : place + 14] == [
        "        line 29",
        "    error: 'zz' undeclared",
        "  hint: mend it",
    ]
    assert "line 18" not in "".join(lines)


def test_of_last_words_the_end_is_shown() -> None:
    lines = terminal.render(REPORT, NOBODY).splitlines()
    place = lines.index("  hint: its last words:")
    assert lines[place + 1].startswith("  … ")
    shown = " ".join(lines[place + 1 : place + 3])
    assert ("line 8 of" in shown, "line 0 of" in shown) == (True, False)
