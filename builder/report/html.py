"""The report as one HTML page that needs nothing but itself: no script to be read, no asset from outside."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import importlib.metadata
import importlib.resources
import itertools
from collections.abc import Iterator
from typing import Any

from packaging.utils import canonicalize_name

from builder.report import gpu
from builder.report.commands import line_pieces, pieces
from builder.report.families import counts, tally, title_of
from builder.report.matrix import COLUMNS, matrix
from builder.report.model import PHASES, Report
from builder.report.pages import page_html
from builder.report.programs import program_lines
from builder.report.relations import relations
from builder.report.scrubbing import Private, clean_report
from builder.report.treemap import treemap
from envspec.spec.program import MAIN
from envspec.system.finding import Finding, Severity

_COLOURS = 8
"""Colours of stages in the style sheet: after the last comes the first again."""
_SHAPES = {"wide": (1000, 440), "tall": (360, 520)}
"""Width and height of the treemap on a desk and on a telephone."""
_OPEN_UNTIL = 12
"""A group of warnings with more findings is closed at first; errors never are."""
_FEW = 6
"""Findings in all that are shown at once, information too."""
_STOPPERS = 5
"""Errors that the page repeats where it says what stopped the run."""
MINUS = "\N{MINUS SIGN}"
_NO_STAGE = "not in the lock"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FindingGroup:
    """Findings of one rule and severity, with their index in the report."""

    rule: str
    severity: Severity
    title: str
    findings: tuple[tuple[int, Finding], ...]
    open: bool
    """Whether the findings are shown before anybody asks."""
    page: str
    """What the rule's page says, as HTML; empty for an id that nobody knows."""


def render(report: Report, private: Private) -> str:
    """The page."""
    report = clean_report(report.bounded(), private)
    style, script = _resource("report.css"), _resource("report.js")
    page: str = _template().render(
        report=report,
        style=style,
        script=script,
        policy=policy(style, script),
        tool=f"envspec {importlib.metadata.version('envspec')}",
        stoppers=_stoppers(report),
        changes=report.changes,
        numbers={finding: number for number, finding in enumerate(report.findings)},
        counts=counts(report.findings),
        tally=tally(report.findings),
        groups=_groups(report.findings),
        facts=tuple(_facts(report)),
        stages=tuple(_stages(report)),
        total=sum(stage.size for stage in report.stages),
        phases=_phases(report),
        maps={shape: treemap(_sizes(report), width, height) for shape, (width, height) in _SHAPES.items()},
        shapes=_SHAPES,
        largest=_largest(report),
        colours=_colours(report),
        matrix=(found := matrix(report)),
        concerned=sum(row.concerned for row in found.rows),
        relations=(related := relations(report)),
        met=all(
            each.numpy_state != "error" and all(need.state == "ok" for need in each.needs) for each in related
        ),
        headings=COLUMNS,
        gpu=_gpu(report),
    )
    return page


def policy(style: str, script: str) -> str:
    """The page's Content-Security-Policy: its own style and script by their hashes, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@functools.cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        size=size, seconds=seconds, growth=growth, pieces=pieces, line_pieces=line_pieces
    )
    return environment.from_string(_resource("report.html"))


def _resource(name: str) -> str:
    return (importlib.resources.files("builder.report") / "resources" / name).read_text(encoding="utf-8")


def size(count: float) -> str:
    """A number of bytes for people: `53.5 MB`."""
    for unit, worth in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= worth:
            return f"{count / worth:.2f} {unit}" if unit == "GB" else f"{count / worth:.1f} {unit}"
    return f"{count:.0f} B"


def growth(before: int, after: int) -> str:
    """How a size changed, for people: `+2.1 MB`."""
    if before == after:
        return "unchanged"
    return f"{'+' if after > before else MINUS}{size(abs(after - before))}"


def seconds(time: float) -> str:
    """A time for people: `12 ms`, `3.4 s`, `2 min 5 s`."""
    if time >= 60:
        return f"{int(time // 60)} min {time % 60:.0f} s"
    return f"{time:.1f} s" if time >= 1 else f"{time * 1000:.0f} ms"


def _stoppers(report: Report) -> tuple[tuple[int, Finding], ...]:
    """The errors that stopped the run, with their index, where findings did and nothing from outside."""
    if report.failure is None or report.failure.exit_code != 1:
        return ()
    errors = [pair for pair in enumerate(report.findings) if pair[1].severity is Severity.ERROR]
    return tuple(errors[:_STOPPERS])


def _groups(findings: tuple[Finding, ...]) -> tuple[FindingGroup, ...]:
    numbered = enumerate(findings)
    grouped = itertools.groupby(numbered, key=lambda pair: (pair[1].severity, pair[1].rule))
    return tuple(
        _group(rule, severity, tuple(found), few=len(findings) <= _FEW) for (severity, rule), found in grouped
    )


def _group(
    rule: str, severity: Severity, found: tuple[tuple[int, Finding], ...], *, few: bool
) -> FindingGroup:
    short = severity is Severity.WARNING and len(found) <= _OPEN_UNTIL
    return FindingGroup(
        rule=rule,
        severity=severity,
        title=title_of(rule),
        findings=found,
        open=few or short or severity is Severity.ERROR,
        page=page_html(rule),
    )


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    """What the page says beside the verdict: a name and a value each."""
    if report.occasion is not None:
        yield "Made", report.occasion.day
        yield "By", f"envspec {importlib.metadata.version('envspec')} on {report.occasion.python}"
        yield "System", f"{report.occasion.system}; {report.occasion.processor}"
        if report.occasion.state:
            yield "Commit", report.occasion.state
    if report.verdict is not None:
        yield "Python", report.verdict.python
        yield "Platform", report.verdict.platform
        installed = sum(each.size for each in report.verdict.distributions)
        yield "Distributions", f"{len(report.verdict.distributions)}, {size(installed)} installed"
        looked = report.verdict.counts
        if "imports" in looked:
            yield "Modules imported", f"{looked['imports']}, {looked.get('extensions', 0)} of them compiled"
        if "total" in report.verdict.timings:
            how = ", the fast way" if report.verdict.fast else ""
            yield "Judged in", seconds(report.verdict.timings["total"]) + how
        if "files" in looked:
            yield "Files checked", f"{looked['files']:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    elif report.stages:
        count = sum(len(stage.packages) for stage in report.stages)
        yield "Distributions", f"{count} locked"
    yield from _programs(report)
    if report.environment is not None:
        yield "Built by", report.environment.backend + (" (unchanged)" if report.environment.reused else "")
        yield "Environment", report.environment.reference
    if report.lock:
        yield "Lock", report.lock
    if report.plan:
        yield "Plan", report.plan
    if report.source is not None:
        yield "Spec", report.source.file
    for file in report.files:
        yield "Wrote", file


def _programs(report: Report) -> Iterator[tuple[str, str]]:
    """What was seen of each program that was tried."""
    for line in program_lines(report):
        yield "Program" if line.name == MAIN else f"Program {line.name}", line.words
        for answer in report.trials[line.name].get("trials", ()):
            if "rate" in (audio := answer.get("audio") or {}):
                yield "Trial", f"{audio['seconds']:.1f} s of audio at {audio['rate']} Hz"


def _gpu(report: Report) -> dict[str, Any] | None:
    """The GPU panel: cards across, packages down; None where nothing has to do with cards."""
    proof = report.gpu
    if proof is None or not proof.rows:
        return None
    return {
        "target": gpu.target_words(proof),
        "driver": proof.driver,
        "floor": proof.floor,
        "raising": proof.raising,
        "cards": gpu.shown_cards(proof),
        "rows": [
            (row, [gpu.cell(each) for each in row.served], gpu.code_of(row) or "by release")
            for row in proof.rows
        ],
        "unserved": sum(1 for _ in gpu.unserved(proof)),
    }


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One stage on the timeline: where its share of the whole begins and how wide it is, in per cent."""

    stage: Any
    start: float
    width: float
    colour: int


def _stages(report: Report) -> Iterator[Bar]:
    total = sum(stage.size for stage in report.stages) or 1
    before = 0
    for number, stage in enumerate(report.stages):
        yield Bar(
            stage=stage,
            start=100 * before / total,
            width=100 * stage.size / total,
            colour=number % _COLOURS,
        )
        before += stage.size


def _phases(report: Report) -> tuple[tuple[str, float, float], ...]:
    """Name, seconds and share of the longest, in per cent."""
    times = {phase: report.seconds[phase] for phase in PHASES if phase in report.seconds}
    longest = max(times.values(), default=0.0) or 1.0
    return tuple((phase, time, 100 * time / longest) for phase, time in times.items())


def _colours(report: Report) -> dict[str, int]:
    return {stage.name: number % _COLOURS for number, stage in enumerate(report.stages)}


def _sizes(report: Report) -> dict[str, dict[str, int]]:
    """Sizes of distributions by stage; those of the stages' wheels where nothing was verified."""
    if report.verdict is None:
        return {stage.name: {"wheels": stage.size} for stage in report.stages}
    stage_of = {canonicalize_name(name): stage.name for stage in report.stages for name in stage.packages}
    sizes: dict[str, dict[str, int]] = {}
    for each in report.verdict.distributions:
        stage = stage_of.get(canonicalize_name(each.name), _NO_STAGE if stage_of else "distributions")
        sizes.setdefault(stage, {})[each.name] = each.size
    return sizes


def _largest(report: Report) -> tuple[tuple[str, int], ...]:
    flat = [
        (name if report.verdict else stage, count)
        for stage, sizes in _sizes(report).items()
        for name, count in sizes.items()
        if count
    ]
    return tuple(sorted(flat, key=lambda pair: -pair[1])[:5])
