"""The report: one object, its words, its exit code, and its forms."""

import dataclasses
import json
import re

import pytest

from builder.report.forms import FILES, FORMS
from builder.report.model import Report, StageReport
from builder.report.terminal import render
from builder.values.verdict import Verdict
from envspec.system.errors import BuildError, FindingsError, OutsideError
from envspec.system.finding import Finding, Severity
from tests.builder.report.samples import NOBODY
from tests.support.fakes import environment


def finding(severity: Severity = Severity.ERROR, **changes: str) -> Finding:
    as_it_was = Finding(rule="EV001", severity=severity, message="it floats", hint="pin it", where="stage[0]")
    return dataclasses.replace(as_it_was, **changes)  # type: ignore[arg-type]


VERDICT = Verdict(
    target="x", findings=(), python="3.11.7", platform="linux", distributions=(), counts={}, timings={}
)
EMPTY = Report(name="demo")
SHIPS = dataclasses.replace(EMPTY, verdict=VERDICT, phase="verify")


@pytest.mark.parametrize(
    ("report", "words", "code", "ships"),
    [
        (EMPTY, "sound so far", 0, False),
        (SHIPS, "ships", 0, True),
        (SHIPS.having(finding(Severity.WARNING)), "ships", 0, True),
        (SHIPS.having(finding()), "must be fixed", 1, False),
        (dataclasses.replace(EMPTY, failure=FindingsError("x", ())), "must be fixed", 1, False),
        (dataclasses.replace(EMPTY, failure=BuildError("x")), "failed", 3, False),
        (dataclasses.replace(SHIPS.having(finding()), failure=OutsideError("x")), "failed", 4, False),
    ],
)
def test_the_verdict_in_words(report: Report, words: str, code: int, ships: bool) -> None:
    assert (report.words, report.exit_code, report.ships) == (words, code, ships)
    assert f"verdict: {words}" in render(report, NOBODY)


def test_a_base_that_was_not_read_is_no_pass_without_a_word() -> None:
    report = EMPTY.having(finding(Severity.INFO, rule="EV134"))
    assert (report.words, report.exit_code) == ("sound so far", 0)
    assert "verdict: sound so far, but its base was not read" in render(report, NOBODY)


def test_errors_stand_first() -> None:
    report = EMPTY.having(finding(Severity.INFO, rule="EV900"), finding(rule="EV999"))
    assert [each.rule for each in report.findings] == ["EV999", "EV900"]


def test_what_a_run_did_not_come_to_is_left_out() -> None:
    body = EMPTY.as_dict()
    assert body["findings"] == []
    assert not {"lock", "plan", "environment", "failure", "stages"} & body.keys()


def test_json_is_read_back() -> None:
    body = json.loads(FORMS["json"](SHIPS.having(finding(message="漢字 \u2028 \x1b[31m")), NOBODY))
    assert (body["version"], body["ships"]) == (2, False)
    assert body["findings"][0]["message"] == r"漢字 \u2028 \x1b[31m"


def test_variables_of_the_environment_are_never_reported() -> None:
    report = dataclasses.replace(SHIPS, environment=environment(variables={"TOKEN": "t0k3n-v4lue"}))
    for render_form in FORMS.values():
        assert "t0k3n-v4lue" not in render_form(report, NOBODY)


def test_every_form_has_a_file_and_ends_with_a_line() -> None:
    full = dataclasses.replace(SHIPS.having(finding()), environment=environment())
    assert FORMS.keys() == FILES.keys()
    for render_form in FORMS.values():
        assert render_form(full, NOBODY).endswith("\n")


def test_the_terminal_form_fits_its_width() -> None:
    long = finding(message="word " * 100, where="x" * 30)
    lines = render(EMPTY.having(long), NOBODY, width=60).splitlines()
    assert max(map(len, lines)) <= 60


def test_without_colour_there_are_no_escapes() -> None:
    assert "\x1b" not in render(SHIPS.having(finding()), NOBODY)
    assert "\x1b" in render(SHIPS.having(finding()), NOBODY, colour=True)


def test_square_brackets_are_text_not_markup() -> None:
    said = render(
        EMPTY.having(finding(message="a[b] [red] [/] torch[cpu]", where="stage[0].install[1]")), NOBODY
    )
    assert "a[b] [red] [/] torch[cpu]" in said
    assert "stage[0].install[1]" in said


def test_long_lists_are_counted() -> None:
    many = [finding(rule=f"EV{number:03}", where=str(number)) for number in range(100)]
    said = render(EMPTY.having(*many), NOBODY)
    shown, hidden = said.count("it floats"), re.findall(r"more: (\d+) error", said)
    assert 0 < shown < 100
    assert shown + sum(map(int, hidden)) == 100


def test_stages_are_a_table() -> None:
    table = StageReport(name="numeric", why="first", packages={"numpy": "1.23.5"}, size=17_056_806)
    (line,) = [
        each
        for each in render(dataclasses.replace(EMPTY, stages=(table,)), NOBODY).splitlines()
        if "numeric" in each
    ]
    assert line.split() == ["numeric", "1", "17.1", "numpy", "1.23.5"]
