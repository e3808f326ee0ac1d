"""The report as JUnit XML: a test case for each phase of the run, stage, family of rules and program."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator

from builder.report.families import FAMILIES, OTHER, Family, not_looked_at, of_family, tally
from builder.report.model import PHASES, Report, StageReport
from builder.report.programs import NOT_RUN, ProgramLine, program_lines
from builder.report.scrubbing import Private, clean_report
from envspec.system.finding import Finding, Severity, must_fix

_RESULTS = ("error", "failure", "skipped")


def render(report: Report, private: Private) -> str:
    """One `testsuites` document. Errors are failures, what stopped the run an error, the rest output."""
    report = clean_report(report.bounded(), private)
    root = ET.Element("testsuites", name=f"envspec {report.name}")
    for name, cases in (
        ("phases", _phases(report)),
        ("stages", (_stage(report, stage) for stage in report.stages)),
        ("checks", _checks(report)),
        ("programs", map(_program, program_lines(report))),
    ):
        root.append(_suite(name, list(cases)))
    for counted in ("tests", "failures", "errors", "skipped"):
        root.set(counted, str(sum(int(suite.get(counted, "0")) for suite in root)))
    root.set("time", f"{sum(report.seconds.values()):.3f}")
    if report.occasion is not None:
        for suite in root:
            suite.set("timestamp", report.occasion.date)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(name: str, cases: list[ET.Element]) -> ET.Element:
    suite = ET.Element("testsuite", name=f"envspec.{name}", tests=str(len(cases)))
    held = [{child.tag for child in case} for case in cases]
    for result, attribute in zip(_RESULTS, ("errors", "failures", "skipped"), strict=True):
        suite.set(attribute, str(sum(result in tags for tags in held)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    suite.extend(cases)
    return suite


def _phases(report: Report) -> Iterator[ET.Element]:
    """The phases that the run began, and the one that stopped it as an error.

    Findings stop a run as well, but they fail the case of their family.
    """
    for phase in PHASES:
        if phase in report.seconds or phase == report.phase:
            case = _case("phases", phase, report.seconds.get(phase, 0.0))
            if report.failure is not None and phase == report.phase:
                text = f"{report.failure.message}\n\nhint: {report.failure.hint}".removesuffix("\n\nhint: ")
                _child(case, "error", text, report.failure.message)
            yield case


def _stage(report: Report, stage: StageReport) -> ET.Element:
    case = _case("stages", stage.name)
    if report.environment is None:
        _child(case, "skipped", "", "nothing was built")
    pins = "\n".join(f"{name}=={version}" for name, version in stage.packages.items())
    _child(case, "system-out", f"{stage.why}\n{stage.size} bytes of wheels\n{pins}".strip())
    return case


def _checks(report: Report) -> Iterator[ET.Element]:
    for family in (*FAMILIES, OTHER):
        found = of_family(family, report.findings)
        if family is not OTHER or found:
            yield _check(report, family, found)


def _check(report: Report, family: Family, found: tuple[Finding, ...]) -> ET.Element:
    case = _case("checks", family.title)
    if (why := not_looked_at(family, report)) is not None:
        _child(case, "skipped", "", why)
    if must_fix(found):
        errors = [finding for finding in found if finding.severity is Severity.ERROR]
        _child(case, "failure", _text(errors), tally(found))
    if rest := [finding for finding in found if finding.severity is not Severity.ERROR]:
        _child(case, "system-out", _text(rest))
    return case


def _program(program: ProgramLine) -> ET.Element:
    case = _case("programs", program.name, program.seconds)
    if not program.well:
        errors = [finding for finding in program.findings if finding.severity is Severity.ERROR]
        _child(case, "failure", _text(errors), tally(program.findings))
    elif program.words == NOT_RUN:
        _child(case, "skipped", "", "; ".join(finding.message for finding in program.findings))
    _child(case, "system-out", program.words)
    return case


def _case(suite: str, name: str, seconds: float = 0.0) -> ET.Element:
    return ET.Element("testcase", classname=f"envspec.{suite}", name=name, time=f"{seconds:.3f}")


def _child(case: ET.Element, tag: str, text: str, message: str = "") -> None:
    child = ET.SubElement(case, tag)
    if tag in _RESULTS:
        child.set("message", message.partition("\n")[0])
    if tag in ("error", "failure"):
        child.set("type", "envspec")
    child.text = text or None


def _text(findings: Iterable[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.severity} {finding.rule} {finding.where}".rstrip())
        lines.append(f"  {finding.message}")
        if finding.hint:
            lines.append(f"  hint: {finding.hint}")
    return "\n".join(lines)
