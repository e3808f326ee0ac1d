"""The report as SARIF 2.1.0, the form that code scanners and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
"""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import urllib.parse
from typing import Any

from builder.report.families import family_of, title_of
from builder.report.model import Report
from builder.report.scrubbing import Private, clean_report
from envspec.system.finding import Finding, Severity
from envspec.system.rules import RULES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: Report, private: Private) -> str:
    """One SARIF log with one run."""
    report = clean_report(report.bounded(), private)
    rules = sorted({finding.rule for finding in report.findings})
    run = {
        "tool": {
            "driver": {
                "name": "envspec",
                "version": importlib.metadata.version("envspec"),
                "rules": [_rule(rule, report) for rule in rules],
            }
        },
        "automationDetails": {"id": f"envspec/{report.name}/{report.variant or ''}"},
        "invocations": [_invocation(report)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules, report) for finding in report.findings],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: str, report: Report) -> dict[str, Any]:
    found = [finding for finding in report.findings if finding.rule == rule]
    severity = RULES[rule].severity if rule in RULES else found[0].severity
    page = f"docs/rules/{rule}.md"
    hint = next((finding.hint for finding in found if finding.hint), "")
    advice = f"{title_of(rule)}. {hint + '. ' if hint else ''}See {page}."
    return {
        "id": rule,
        "shortDescription": {"text": title_of(rule)},
        "fullDescription": {"text": f"{family_of(rule).title}: {title_of(rule)}"},
        "help": {"text": advice},
        "defaultConfiguration": {"level": _LEVEL[severity]},
        "properties": {"tags": [family_of(rule).key], "problem.severity": _PROBLEM[severity]},
    }


_PROBLEM = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
"""What code scanning on GitHub sorts by."""


def _invocation(report: Report) -> dict[str, Any]:
    invocation: dict[str, Any] = {
        "executionSuccessful": report.failure is None or report.failure.exit_code == 1,
        "exitCode": report.exit_code,
    }
    if report.occasion is not None:
        invocation |= {"commandLine": report.occasion.command, "endTimeUtc": report.occasion.date}
    if report.failure is not None:
        hint = f"\nhint: {report.failure.hint}" if report.failure.hint else ""
        said = {"level": "error", "message": {"text": f"{report.failure.message}{hint}"}}
        invocation["toolExecutionNotifications"] = [said]
    return invocation


def _result(finding: Finding, rules: list[str], report: Report) -> dict[str, Any]:
    hint = f"\nhint: {finding.hint}" if finding.hint else ""
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVEL[finding.severity],
        "message": {"text": f"{finding.message}{hint}"},
        "partialFingerprints": {"envspec/v1": f"{finding.rule}:{finding.where}"},
    }
    if location := _location(finding, report):
        result["locations"] = [location]
    return result


def _location(finding: Finding, report: Report) -> dict[str, Any]:
    """The line of the spec where it speaks of the place, and the place itself."""
    location: dict[str, Any] = {}
    if report.source is not None:
        uri = urllib.parse.quote(pathlib.PurePath(report.source.file).as_posix())
        physical: dict[str, Any] = {"artifactLocation": {"uri": uri}}
        physical["region"] = {"startLine": report.source.line(finding.where) or 1}
        location["physicalLocation"] = physical
    if finding.where:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.where, "kind": _kind(finding)}]
    return location


def _kind(finding: Finding) -> str:
    """`member` is SARIF's word for a key of a document, `module` and `package` are what they say."""
    family = family_of(finding.rule).key
    return {"spec": "member", "imports": "module", "use": "module"}.get(family, "package")
