"""The last report is read back and compared with the new one, in what both looked at."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys

import pytest

from builder.cli.deliver import deliver
from builder.report import json_form
from builder.report.changes import Changes, Moved
from builder.report.last import LastReport, compare, read_last
from builder.report.model import Report
from envspec.system.finding import Severity

from .samples import (
    ERROR,
    FAILED,
    JUDGED,
    NOBODY,
    OCCASION,
    REPORTS,
    SHIPS,
    STAGES,
    UNSOUND,
    VERDICT,
    WARNING,
)

DESK = dataclasses.replace(UNSOUND, variant=None)


def last(report: Report) -> LastReport:
    return LastReport.model_validate_json(json_form.render(report, NOBODY))


def changes(before: Report, after: Report) -> Changes:
    found = compare(last(before), after)
    assert found is not None
    return found


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_a_report_and_itself_differ_in_nothing(report: Report) -> None:
    found = changes(report, report.bounded())
    assert not found
    assert found.words().endswith("nothing changed")


def test_what_is_new_gone_and_moved() -> None:
    before = dataclasses.replace(UNSOUND, occasion=OCCASION)
    stages = (dataclasses.replace(STAGES[0], packages={"numpy": "1.26.4", "six": "1.0"}), STAGES[1])
    other = dataclasses.replace(ERROR, where="numpy")
    after = dataclasses.replace(UNSOUND, stages=stages, findings=()).having(other, WARNING)
    found = changes(before, after)
    assert (found.new, [each.rule for each in found.gone]) == ((other,), ["EV203", "EV206"])
    assert found.moved == (
        Moved(name="numpy", before="1.23.5", after="1.26.4"),
        Moved(name="six", before="", after="1.0"),
    )
    assert found.since == OCCASION.date
    assert (
        found.words() == "since the report of 2026-01-31 09:05 UTC: 1 new finding, 2 gone, 2 packages moved"
    )


def test_other_numbers_make_no_other_finding_and_another_weight_does() -> None:
    ready = dataclasses.replace(WARNING, message="ready after 0.9 s and holds 62 MB")
    slower = dataclasses.replace(ready, message="ready after 1.25 s and holds 7 MB")
    assert not changes(SHIPS.having(ready), SHIPS.having(slower))
    heavy = dataclasses.replace(ready, severity=Severity.ERROR)
    found = changes(SHIPS.having(ready), SHIPS.having(heavy))
    assert (found.new, found.gone) == ((heavy,), (ready,))


def test_the_same_finding_twice_is_counted_twice() -> None:
    assert changes(SHIPS.having(WARNING), SHIPS.having(WARNING, WARNING)).new == (WARNING,)


def test_what_only_one_of_them_looked_at_is_neither_new_nor_gone() -> None:
    """A run that was stopped before the verification has mended nothing."""
    shorter = changes(DESK, FAILED)
    assert "EV203" not in {each.rule for each in shorter.gone}
    assert any("this run did not come to the verification" in each for each in shorter.aside)
    longer = changes(FAILED, DESK)
    assert "EV203" not in {each.rule for each in longer.new}
    assert any("the last run did not come to the verification" in each for each in longer.aside)


def test_sizes_are_those_of_what_both_know() -> None:
    fewer = dataclasses.replace(VERDICT, distributions=VERDICT.distributions[:1])
    assert changes(dataclasses.replace(JUDGED, verdict=fewer), JUDGED).sizes == (340_000, 64_040_000)
    assert changes(FAILED, SHIPS).sizes == (18_200_000, 18_200_000)


def test_a_report_of_something_else_is_not_compared() -> None:
    assert compare(last(SHIPS), dataclasses.replace(SHIPS, name="other")) is None
    assert compare(last(SHIPS), dataclasses.replace(SHIPS, variant="cuda")) is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"name": 1}', "[" * 100_000, "\x00", '{"findings": [{}]}']
)
def test_a_file_that_is_no_report_is_none(text: str, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    assert read_last(file) is None
    assert read_last(tmp_path / "none.json") is None


def test_a_folder_of_reports_says_what_changed(
    tmp_path: pathlib.Path,
    home: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/build-image", "a b"])
    deliver(SHIPS, "text", tmp_path)
    first = json.loads((tmp_path / "report.json").read_text())
    assert "changes" not in first
    assert first["run"]["command"] == "build-image 'a b'"
    deliver(UNSOUND, "text", tmp_path)
    assert "changes" not in json.loads((tmp_path / "report.json").read_text())  # of another variant
    deliver(dataclasses.replace(UNSOUND, findings=()), "text", tmp_path)
    second = json.loads((tmp_path / "report.json").read_text())["changes"]
    assert [each["rule"] for each in second["gone"]] == ["EV203", "EV001", "EV206"]
    assert "3 gone" in capsys.readouterr().out
