"""The report for a terminal: a summary that fits a screen and can be read without colour."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from builder.report.model import Report
from envspec.finding import Finding, Severity

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_SHOWN = {Severity.ERROR: 30, Severity.WARNING: 8, Severity.INFO: 4}
"""Findings shown of each severity; the JSON form has all."""


def render(report: Report, *, width: int = 100, colour: bool = False) -> str:
    """The text, at most `width` columns wide."""
    page = io.StringIO()
    console = Console(
        file=page,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        emoji=False,
    )
    for part in _parts(report):
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())


def _parts(report: Report) -> Iterator[str | Table | Padding]:
    title = f"{report.name} ({report.variant})" if report.variant else report.name
    yield f"[bold]{escape(title)}[/bold]"
    if report.stages:
        yield _stages(report)
    yield from findings(report.findings)
    if report.environment:
        kept = " (unchanged)" if report.environment.reused else ""
        yield f"{report.environment.backend}: {escape(report.environment.reference)}{kept}"
    for file in report.files:
        yield f"wrote: {escape(file)}"
    for line in report.said:
        yield escape(line)
    yield _conclusion(report)
    if report.failure:
        yield Padding(escape(report.failure.message), (0, 0, 0, 2))
        if report.failure.hint:
            yield Padding(f"hint: {escape(report.failure.hint)}", (0, 0, 0, 2))


def _stages(report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, header_style="dim")
    table.add_column("stage", no_wrap=True)
    table.add_column("packages", justify="right", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("pins", overflow="ellipsis", no_wrap=True, ratio=1)
    for stage in report.stages:
        pins = " ".join(f"{name} {version}" for name, version in stage.packages.items())
        table.add_row(stage.name, str(len(stage.packages)), f"{stage.size / 1e6:.1f}", escape(pins))
    return table


def findings(found: Iterable[Finding]) -> Iterator[str | Padding]:
    """Findings as lines with their hints, the heaviest first; long tails are counted."""
    left = dict(_SHOWN)
    hidden = dict.fromkeys(Severity, 0)
    for finding in found:
        if not left[finding.severity]:
            hidden[finding.severity] += 1
            continue
        left[finding.severity] -= 1
        style = _STYLE[finding.severity]
        place = f" [dim]{escape(finding.where)}[/dim]" if finding.where else ""
        yield f"[{style}]{finding.severity} {finding.rule}[/{style}]{place}"
        yield Padding(escape(finding.message), (0, 0, 0, 2))
        if finding.hint and finding.severity is not Severity.INFO:
            yield Padding(f"hint: {escape(finding.hint)}", (0, 0, 0, 2))
    for severity, count in hidden.items():
        if count:
            yield f"[dim]… and {count} more of severity {severity}[/dim]"


def _conclusion(report: Report) -> str:
    counts = {
        severity: sum(finding.severity is severity for finding in report.findings) for severity in Severity
    }
    style = "bold green" if report.sound else "bold red"
    tally = ", ".join(
        f"{count} {severity}{'s' if count != 1 and severity != 'info' else ''}"
        for severity, count in counts.items()
    )
    total = f" in {sum(report.seconds.values()):.1f} s" if report.seconds else ""
    return f"[{style}]verdict: {report.words}[/{style}] ({tally}){total}"
