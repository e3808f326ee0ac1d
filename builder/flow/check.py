"""Verification of a built environment: the judge's verdict, and the payload's trial."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from builder.backends.port import Backend
from builder.judge import judge_subject, trial
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.verdict import Verdict
from envspec.spec.model import Spec
from envspec.system import rules
from envspec.system.finding import Finding
from envspec.system.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrialResult:
    """How the payload's trial went."""

    facts: Mapping[str, Any] | None
    """What was measured; None when nothing was tried."""
    findings: tuple[Finding, ...]


def judge_environment(
    spec: Spec, plan: Plan, backend: Backend, environment: Environment, *, fast: bool, progress: Progress
) -> Verdict:
    """The judge's verdict, which knows nothing of the payload. Raises `OutsideError`."""
    if environment.foreign:
        return _not_run(plan, environment)
    progress.step("verify")
    subject = backend.subject(environment)
    verdict = judge_subject(subject, lock=plan.pins, smoke=spec.smoke, fast=fast, progress=progress)
    counting = tuple(  # who begins has little code, and who names a source knows which package it is
        found
        for found in verdict.findings
        if found.rule != rules.PLACEHOLDER.id or found.where not in plan.sources
    )
    return dataclasses.replace(verdict, findings=counting)


def try_environment(
    spec: Spec, backend: Backend, environment: Environment, progress: Progress
) -> TrialResult:
    """The payload started and asked once; nothing where there is none, or where nothing can run."""
    if spec.service is None or environment.foreign:
        return TrialResult(facts=None, findings=())
    progress.step("try the payload")
    facts = trial.try_payload(backend, environment, spec.service)
    return TrialResult(facts=facts, findings=tuple(trial.judge_trial(facts, spec.service)))


def _not_run(plan: Plan, environment: Environment) -> Verdict:
    """Of an environment of another processor, whose lock has been proved and nothing else."""
    found = rules.NOT_RUN.finding(
        f"the image is for {environment.foreign}, which this machine cannot run: nothing in it was imported",
        hint="build or verify it once on such a machine, or set up an emulator (qemu-user-static)",
    )
    return Verdict(
        target=environment.reference,
        findings=(found,),
        python=plan.python,
        platform=f"linux-{plan.machine}, glibc {'.'.join(map(str, plan.glibc))}",
        distributions=(),
        counts={},
        timings={},
    )
