"""The judge's one pass: look at a subject, put every rule to the facts, make a verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from builder.judge import transport
from builder.judge.facts import Facts
from builder.judge.rules.abi import judge_numpy_builds, read_numpy_builds, wanted_numpy
from builder.judge.rules.binaries import judge_binaries
from builder.judge.rules.cards import judge_cards
from builder.judge.rules.exchange import judge_exchange
from builder.judge.rules.files import judge_files
from builder.judge.rules.imports import judge_imports
from builder.judge.rules.lock import judge_drift
from builder.judge.rules.plugins import judge_plugins
from builder.judge.rules.programs import judge_programs
from builder.judge.rules.requirements import judge_requirements
from builder.judge.rules.surroundings import judge_surroundings
from builder.judge.rules.threads import judge_threads
from builder.judge.rules.usage import judge_usage
from builder.judge.rules.wheels import judge_wheels
from builder.judge.smoke import attributes_by_module, without_ignored
from builder.values.subject import SandboxedSubject, Subject
from builder.values.verdict import Verdict
from envspec.proof.nvidia.driver import DRIVER_LIBRARY
from envspec.proof.stdlib import lost_names
from envspec.spec.model import Smoke
from envspec.system import finding, rules
from envspec.system.finding import Finding
from envspec.system.progress import SILENT, Progress

NO_CHECKS = Smoke()


def judge_subject(
    subject: Subject,
    *,
    label: str = "",
    lock: Mapping[str, str] | None = None,
    smoke: Smoke = NO_CHECKS,
    folder: str | None = None,
    fast: bool = False,
    timeout: float = 60.0,
    deadline: float = 900.0,
    besides: Sequence[str] = (),
    strict: bool = False,
    progress: Progress = SILENT,
) -> Verdict:
    """Judge an environment; it is not changed by that.

    `label` is what it is called, if not by the subject's own. `lock` maps names to locked versions.
    `folder` is where the environment's programs start, as seen inside: what cannot be imported elsewhere
    is tried there. `fast` leaves out compiled modules, hashes, use and exchange. `timeout` bounds one
    import, `deadline` all of them, in seconds; reading what code uses of others has half as much at
    least. `besides` names modules to import whatever they are; the verdict says of each whether it could
    be. `strict` raises warnings to errors.

    Raises `OutsideError` when the subject's interpreter cannot run the probe.
    """
    began = time.monotonic()
    called = label or subject.label
    progress.step(f"verify {called}")
    facts = Facts.of(
        transport.run_probe(
            subject,
            _options(smoke, folder, fast, timeout, deadline, besides, acts=_acts(subject)),
            progress,
        )
    )
    progress.step("judge")
    built = read_numpy_builds(facts, subject.root)
    read = [*judge_numpy_builds(facts, built), *judge_binaries(facts, subject.root)]
    found = [*judge_facts(facts, lock=lock, smoke=smoke), *read, *judge_sandbox(subject)]
    found = list(without_ignored(found, smoke))
    kept = finding.weigh_strictly(found) if strict else found
    return Verdict(
        target=called,
        findings=finding.order_findings(kept),
        python=facts.python["version"],
        platform=", ".join(part for part in (facts.python["platform"], facts.python["libc"]) if part),
        distributions=facts.installed({key: wanted_numpy(each) for key, each in built.items()}),
        counts=_counts(facts),
        timings={**facts.raw["timings"], "total": round(time.monotonic() - began, 3)},
        fast=fast,
        asked={
            each.module: not each.failed for each in facts.imports if each.module in besides and not each.late
        },
    )


def judge_facts(facts: Facts, *, lock: Mapping[str, str] | None, smoke: Smoke) -> Iterable[Finding]:
    """Every rule put to the facts."""
    yield from judge_imports(facts, smoke)
    yield from judge_wheels(facts)
    yield from judge_threads(facts)
    yield from judge_files(facts)
    yield from judge_surroundings(facts)
    yield from judge_usage(facts)
    yield from judge_programs(facts)
    yield from judge_exchange(facts)
    yield from judge_plugins(facts)
    yield from judge_cards(facts)
    yield from judge_requirements(facts)
    if lock is not None:
        yield from judge_drift(facts, lock)


def judge_sandbox(subject: Subject) -> Iterable[Finding]:
    """A finding where this machine could not keep what ran in the subject apart from everything else."""
    if isinstance(subject, SandboxedSubject) and (lacks := subject.sandbox.lacks):
        yield rules.UNCONFINED.finding(
            f"this machine allows no whole sandbox ({subject.sandbox.why}): what was verified {lacks}",
            hint="allow user namespaces, or verify where wheels may do so: in a container, or with `oci`",
        )


def _acts(subject: Subject) -> bool:
    """Whether commands are started and calls made on purpose: where nothing of this machine is in reach."""
    return not (isinstance(subject, SandboxedSubject) and subject.sandbox.lacks)


def _options(
    smoke: Smoke,
    folder: str | None,
    fast: bool,
    timeout: float,
    deadline: float,
    besides: Sequence[str],
    *,
    acts: bool,
) -> dict[str, object]:
    return {
        "folder": folder,
        "fast": fast,
        "acts": acts,
        "timeout": timeout,
        "deadline": deadline,
        "imports": [*smoke.imports, *besides],
        "attributes": attributes_by_module(smoke),
        "budget": 15.0,
        "gone": lost_names(),
        "exchange": smoke.exchange and not fast,
        "driver": DRIVER_LIBRARY,
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
