"""The report as annotations of GitHub Actions, to be printed by a step of a workflow.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from builder.report.families import tally
from builder.report.model import Report
from builder.report.scrubbing import Private, clean_report
from envspec.system.finding import Finding, Severity

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}

LIMIT = 10
"""Annotations of a kind that GitHub shows of one step; the last one here counts what is left out."""


def render(report: Report, private: Private) -> str:
    """A line an annotation, heaviest first, and at the end the verdict."""
    report = clean_report(report, private)
    lines = [line for severity in Severity for line in _of(severity, report)]
    return "".join(f"{line}\n" for line in [*lines, _verdict(report)])


def _of(severity: Severity, report: Report) -> Iterator[str]:
    found = [finding for finding in report.findings if finding.severity is severity]
    room = LIMIT - (_COMMAND[severity] == _verdicts_command(report))
    shown = found if len(found) <= room else found[: room - 1]
    for finding in shown:
        hint = f"\nhint: {finding.hint}" if finding.hint else ""
        yield _line(_COMMAND[severity], _title(finding), f"{finding.message}{hint}", _place(finding, report))
    if left := found[len(shown) :]:
        rules = ", ".join(sorted({finding.rule for finding in left}))
        yield _line(_COMMAND[severity], "envspec", f"{len(left)} more of severity {severity}: {rules}")


def _verdict(report: Report) -> str:
    text = f"verdict: {report.sentence} ({tally(report.findings)})"
    if report.failure is not None:
        hint = f"\nhint: {report.failure.hint}" if report.failure.hint else ""
        text = f"{text}\n{report.failure.message}{hint}"
    return _line(_verdicts_command(report), f"envspec {report.name}", text)


def _verdicts_command(report: Report) -> str:
    return "notice" if report.sound else "error"


def _title(finding: Finding) -> str:
    return f"{finding.rule} {finding.where}".rstrip()


def _place(finding: Finding, report: Report) -> dict[str, str]:
    if report.source is None or (line := report.source.line(finding.where)) is None:
        return {}
    return {"file": report.source.file, "line": str(line)}


def _line(command: str, title: str, message: str, place: dict[str, str] | None = None) -> str:
    properties = _properties({**(place or {}), "title": title}.items())
    return f"::{command} {properties}::{escaped(message)}"


def _properties(pairs: Iterable[tuple[str, str]]) -> str:
    return ",".join(f"{key}={escaped(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in pairs)


def escaped(text: str) -> str:
    """The text as a command's message: per cent signs and line breaks encoded, so that it stays one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
