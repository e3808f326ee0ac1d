"""The judge's one pass: look at a target, put every rule to the facts, make a verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from builder.judge import transport
from builder.judge.facts import Facts
from builder.judge.rules import (
    abi,
    binaries,
    exchange,
    files,
    imports,
    programs,
    requirements,
    surroundings,
    usage,
    wheels,
)
from builder.judge.rules import lock as lock_rules
from builder.judge.smoke import SmokeChecks
from builder.judge.target import Target
from builder.values.verdict import Verdict
from envspec.proof.stdlib import lost_names
from envspec.system import finding
from envspec.system.finding import Finding
from envspec.system.progress import SILENT, Progress

NO_CHECKS = SmokeChecks()


def verify(
    target: Target,
    *,
    lock: Mapping[str, str] | None = None,
    smoke: SmokeChecks = NO_CHECKS,
    fast: bool = False,
    timeout: float = 60.0,
    deadline: float = 900.0,
    strict: bool = False,
    progress: Progress = SILENT,
) -> Verdict:
    """Judge an environment; it is not changed by that.

    `lock` maps names to locked versions. `fast` leaves out compiled modules, hashes, use and exchange.
    `timeout` bounds one import, `deadline` all of them, in seconds. `strict` raises warnings to errors.

    Raises `OutsideError` when the target's interpreter cannot run the probe.
    """
    began = time.monotonic()
    progress.step(f"verify {target.label}")
    facts = Facts.from_dict(transport.look(target, _options(smoke, fast, timeout, deadline), progress))
    progress.step("judge")
    built = abi.read(facts, target.root)
    read = [*abi.judge(facts, built), *binaries.judge(facts, target.root)]
    found = smoke.kept([*findings(facts, lock=lock, smoke=smoke), *read])
    kept = finding.strict(found) if strict else found
    return Verdict(
        target=target.label,
        findings=finding.ordered(kept),
        python=facts.python["version"],
        platform=", ".join(part for part in (facts.python["platform"], facts.python["libc"]) if part),
        distributions=facts.installed({key: abi.wants(each) for key, each in built.items()}),
        counts=_counts(facts),
        timings={**facts.raw["timings"], "total": round(time.monotonic() - began, 3)},
        fast=fast,
    )


def findings(facts: Facts, *, lock: Mapping[str, str] | None, smoke: SmokeChecks) -> Iterable[Finding]:
    """Every rule put to the facts."""
    yield from imports.judge(facts, smoke)
    yield from wheels.judge(facts)
    yield from files.judge(facts)
    yield from surroundings.judge(facts)
    yield from usage.judge(facts)
    yield from programs.judge(facts)
    yield from exchange.judge(facts)
    yield from requirements.judge(facts)
    if lock is not None:
        yield from lock_rules.judge(facts, lock)


def _options(smoke: SmokeChecks, fast: bool, timeout: float, deadline: float) -> dict[str, object]:
    return {
        "fast": fast,
        "timeout": timeout,
        "deadline": deadline,
        "imports": list(smoke.imports),
        "attributes": smoke.attributes_by_module(),
        "budget": 15.0,
        "gone": lost_names(),
        "exchange": smoke.exchange and not fast,
    }


def _counts(facts: Facts) -> dict[str, int]:
    compiled = {module for each in facts.distributions for module in each.extensions}
    tried = [each.module for each in facts.imports if not each.late]
    return {
        "distributions": len(facts.distributions),
        "imports": len(tried),
        "extensions": sum(module in compiled for module in tried),
        "files": facts.raw["files"]["checked"],
        "bytes": facts.raw["files"]["bytes"],
    }
