"""The report for a terminal: a summary that fits a screen and can be read without colour."""

from __future__ import annotations

import dataclasses
import functools
import io
import itertools
import textwrap
from collections.abc import Callable, Iterable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from builder.report import gpu
from builder.report.families import tally
from builder.report.model import Report
from builder.report.programs import program_lines
from builder.report.scrubbing import Private, clean_report
from builder.report.source import Place
from envspec.system.finding import Finding, Severity
from envspec.system.foreign import no_commands, readable
from envspec.system.quoting import shown

ROOM = 24
"""Lines that findings may take; every other form has all of them."""

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_WRAPPED = {Severity.ERROR: 3, Severity.WARNING: 2, Severity.INFO: 1}
"""Lines that a message or a hint may take."""
_QUOTED = {Severity.ERROR: 12, Severity.WARNING: 2, Severity.INFO: 0}
"""Lines of what a program said, which follows a message's first line, that are shown below it."""
_LAST_WORDS = 16
"""Lines of what a failed program said."""
Placed = Callable[[Finding], Place | None]

_LONGEST = 1_000
"""Characters of one of them."""


def render(report: Report, private: Private, *, width: int = 100, colour: bool = False) -> str:
    """The text, at most `width` columns wide."""
    page = io.StringIO()
    console = Console(
        file=page,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
    )
    for part in _parts(clean_report(report, private), width):
        console.print(part)
    return no_commands("".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines()))


def _parts(report: Report, width: int) -> Iterator[Text | Table | Padding]:
    """What is printed; nothing of it is markup, for most of it was written by others."""
    title = f"{report.name} ({report.variant})" if report.variant else report.name
    yield Text(title, style="bold")
    if report.occasion is not None:
        yield Text(_wrapped(report.occasion.line(), width, 1)[0], style="dim")
    if report.stages:
        yield _stages(report)
    for copy in report.copies:
        ignored = f", {copy.ignored:,} ignored" if copy.ignored else ""
        files = "one file" if copy.files == 1 else f"{copy.files:,} files"
        line = f"copy {copy.source} to {copy.to}: {files}, {shown(copy.size)}{ignored}"
        yield Text(_wrapped(line, width, 1)[0])
    if report.gpu is not None:
        for line in gpu.summary(report.gpu):
            yield Text(_wrapped(line, width, 1)[0])
    yield from finding_lines(report.findings, width=width, place=report.place)
    for program in program_lines(report):
        yield Text(_wrapped(f"program {program.name}: {program.words}", width, 1)[0])
    if report.environment:
        kept = " (unchanged)" if report.environment.reused else ""
        yield Text(f"{report.environment.backend}: {report.environment.reference}{kept}")
    for file in report.files:
        yield Text(f"wrote: {file}")
    for line in report.said:
        yield Text(line)
    if report.changes is not None:
        yield Text(report.changes.words())
    yield _conclusion(report)
    if report.failure:
        said = [readable(line, _LONGEST) for line in report.failure.message.splitlines()]
        if len(said) > _LAST_WORDS:
            said = [said[0], "…", *said[2 - _LAST_WORDS :]]
        yield Padding(Text("\n".join(said)), (0, 0, 0, 2))
        if report.failure.hint:
            yield Padding(Text(f"hint: {report.failure.hint}"), (0, 0, 0, 2))


def _stages(report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, header_style="dim")
    table.add_column("stage", no_wrap=True)
    table.add_column("packages", justify="right", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("pins", overflow="ellipsis", no_wrap=True, ratio=1)
    for stage in report.stages:
        pins = " ".join(f"{name} {version}" for name, version in stage.packages.items())
        table.add_row(Text(stage.name), str(len(stage.packages)), f"{stage.size / 1e6:.1f}", Text(pins))
    return table


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    """One finding, or several infos of one rule; `lines` makes its lines, once there is room for them."""

    severity: Severity
    count: int
    lines: Callable[[], Iterable[Text]]


def finding_lines(
    found: Iterable[Finding], *, width: int = 100, room: int = ROOM, place: Placed = lambda _: None
) -> Iterator[Text]:
    """Findings as at most `room` lines with their hints, the heaviest first; what is left is counted.

    `place` knows the line of the spec that a finding speaks of.
    """
    blocks = list(_blocks(found, width, place))
    taken, shown = 0, 0
    for block in blocks:
        last = shown == len(blocks) - 1
        lines = list(block.lines())
        if taken + len(lines) > room - (0 if last else 1):
            break
        yield from lines
        taken += len(lines)
        shown += 1
    if left := blocks[shown:]:
        counts = {
            severity: sum(block.count for block in left if block.severity is severity)
            for severity in Severity
        }
        rest = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
        yield Text(f"… and more: {rest} (--report DIR writes all)", style="dim")


def _blocks(found: Iterable[Finding], width: int, place: Placed) -> Iterator[_Block]:
    """A block for each error and warning, and one for each rule that has infos."""
    ordered = list(found)
    for finding in ordered:
        if finding.severity is not Severity.INFO:
            lines = functools.partial(_lines, finding, width, place)
            yield _Block(severity=finding.severity, count=1, lines=lines)
    infos = [finding for finding in ordered if finding.severity is Severity.INFO]
    for rule, group in itertools.groupby(infos, key=lambda finding: finding.rule):
        first, *more = group
        times = f" ({len(more) + 1}×)" if more else ""
        lines = functools.partial(_info, first, f"info {rule}{times} ", width)
        yield _Block(severity=Severity.INFO, count=len(more) + 1, lines=lines)


def _info(finding: Finding, head: str, width: int) -> Iterator[Text]:
    yield Text.assemble((head, "dim"), _wrapped(finding.message, width - len(head), 1)[0])


def _lines(finding: Finding, width: int, place: Placed) -> Iterator[Text]:
    style = _STYLE[finding.severity]
    head = f"{finding.severity} {finding.rule}"
    spot = place(finding)
    where = _wrapped(f"{finding.where} ({spot})" if spot else finding.where, width - len(head) - 1, 1)[0]
    yield Text.assemble((head, style), (f" {where}" if where else "", "dim"))
    for line in _message(finding, width - 2):
        yield Text(f"  {line}")
    if finding.hint:
        for line in _hint(finding.hint, width - 2, _WRAPPED[finding.severity]):
            yield Text(f"  {line}")


def _message(finding: Finding, width: int) -> list[str]:
    """A message's first line, and the end of what a program said, which stands below it."""
    first, _, said = finding.message.partition("\n")
    lines, rows = [line for line in said.splitlines() if line.strip()], _WRAPPED[finding.severity]
    lines = lines[max(len(lines) - _QUOTED[finding.severity], 0) :]
    quoted = [part for line in lines[:-1] for part in _wrapped(line, width - 2, 1)]
    quoted += [part for line in lines[-1:] for part in _wrapped(line, width - 2, rows)]
    return [*_wrapped(first, width, rows), *(f"  {line}" for line in quoted)]


def _hint(hint: str, width: int, most: int) -> list[str]:
    """A hint in at most `most` lines; of what a program said, which follows the first one, its end."""
    first, _, said = hint.partition("\n")
    if not said or most < 2:
        return _wrapped(f"hint: {hint}", width, most)
    last = textwrap.wrap(said[-4 * width * most :], width, break_on_hyphens=False)
    shown = last if len(last) < most else ["… " + last[1 - most][: width - 2], *last[len(last) - most + 2 :]]
    return [*_wrapped(f"hint: {first}", width, 1), *shown]


def _wrapped(text: str, width: int, most: int) -> list[str]:
    """The text in at most `most` lines; an ellipsis stands for what is cut."""
    width = max(width, 20)
    text = text[: 4 * width * most]  # what could not be shown need not be wrapped
    return textwrap.wrap(text, width, max_lines=most, placeholder=" …", break_on_hyphens=False) or [""]


def _conclusion(report: Report) -> Text:
    style = "bold green" if report.sound else "bold red"
    total = f" in {sum(report.seconds.values()):.1f} s" if report.seconds else ""
    return Text.assemble((f"verdict: {report.sentence}", style), f" ({tally(report.findings)}){total}")
