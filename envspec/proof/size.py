"""What each stage adds, compressed and installed, and the budget that a spec may set."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping

from envspec.lockfile.lock import Lock
from envspec.spec.model import Spec
from envspec.supply.wheel import Wheel
from envspec.system import rules
from envspec.system.finding import Finding
from envspec.system.pattern import matcher
from envspec.system.quoting import shown

_SHOWN = 3
"""Packages of a stage, and of the whole, that a line names."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What one package adds."""

    name: str
    stage: str
    packed: int
    """Bytes of its wheel."""
    installed: int
    """Bytes of its files, without those that the spec removes."""


def added(spec: Spec, lock: Lock, wheels: Mapping[str, Wheel]) -> tuple[Added, ...]:
    """Every locked package, the largest first."""
    removed = matcher(spec.remove.files)
    found = [
        Added(
            name=entry.name,
            stage=entry.stage,
            packed=entry.installed.size,
            installed=_installed(wheels[entry.name], removed),
        )
        for entry in lock.artifact
    ]
    return tuple(sorted(found, key=lambda each: (-each.installed, each.name)))


def _installed(wheel: Wheel, removed: Callable[[str], bool]) -> int:
    sizes = {entry.name: entry.size for entry in wheel.entries}
    left_out = {name for path, name in wheel.library.items() if removed(path)}
    return sum(size for name, size in sizes.items() if name not in left_out)


def size_findings(spec: Spec, packages: tuple[Added, ...]) -> Iterator[Finding]:
    """EV150: what each stage adds, the largest first. EV151: it is more than the budget."""
    stages: dict[str, list[Added]] = {}
    for each in packages:
        stages.setdefault(each.stage, []).append(each)
    largest_first = sorted(stages.items(), key=lambda item: -_total(item[1]))
    lines = [f"{name} {shown(_total(own))} ({_largest(own)})" for name, own in largest_first if _total(own)]
    packed = sum(each.packed for each in packages)
    yield rules.SIZE.finding(
        f"the stages add {shown(_total(packages))} from {shown(packed)} of wheels: " + "; ".join(lines),
    )
    budget = spec.base.budget_bytes
    if budget is not None and _total(packages) > budget:
        over = shown(_total(packages) - budget)
        yield rules.SIZE_OVER_BUDGET.finding(
            f"the stages add {shown(_total(packages))}, {over} more than the budget of {spec.base.budget}",
            hint=f"the largest are {_largest(packages)}; leave out what is not used, or trim files with "
            "[remove] files",
            where="base.budget",
        )


def _total(packages: Iterable[Added]) -> int:
    return sum(each.installed for each in packages)


def _largest(packages: Iterable[Added]) -> str:
    return ", ".join(f"{each.name} {shown(each.installed)}" for each in list(packages)[:_SHOWN])
