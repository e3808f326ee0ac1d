"""Verification of a built environment: the judge's verdict, and the trial of its programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from builder.backends.port import Backend
from builder.judge import judge_subject
from builder.judge.smoke import without_ignored
from builder.judge.trial import try_program
from builder.judge.tried import called, judge_trials
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.release import release_findings
from builder.values.verdict import Verdict
from envspec.spec.model import Spec
from envspec.spec.program import MAIN, module_run
from envspec.spec.target import libc_words
from envspec.system import rules
from envspec.system.finding import Finding, order_findings
from envspec.system.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrialResult:
    """How the trial of the programs went."""

    facts: Mapping[str, Mapping[str, Any]]
    """What was measured of each, by its name; empty when nothing was tried."""
    findings: tuple[Finding, ...]


def judge_environment(
    spec: Spec,
    plan: Plan,
    backend: Backend,
    environment: Environment,
    *,
    fast: bool,
    label: str = "",
    besides: Sequence[str] = (),
    progress: Progress,
) -> Verdict:
    """The judge's verdict, which knows nothing of the payload. Raises `OutsideError`.

    `label` is what it is called, `besides` are modules to import whatever they are.
    """
    if environment.foreign:
        return _not_run(plan, environment)
    progress.step("verify")
    subject = backend.subject(environment)
    verdict = judge_subject(
        subject,
        label=label,
        lock=plan.pins,
        smoke=spec.smoke,
        folder=environment.folder or environment.payload,
        fast=fast,
        besides=besides,
        progress=progress,
    )
    counting = [found for found in verdict.findings if _counts(found, plan)]
    other = release_findings(plan, verdict.python)
    return dataclasses.replace(verdict, findings=order_findings([*other, *counting]))


def _counts(found: Finding, plan: Plan) -> bool:
    """Whether a finding of the judge says something of this plan.

    Who begins has little code, and who names a source knows which package it is. What a program runs as a
    script need not be importable: the program's own trial shows whether it works.
    """
    if found.rule == rules.PLACEHOLDER.id:
        return found.where not in plan.sources
    return found.rule != rules.IMPORT_FAILS.id or found.where not in _scripts(plan)


def _scripts(plan: Plan) -> set[str]:
    """Modules that programs run by `python -m`, as far as they are run before anything ships."""
    tried = (program for program in plan.programs if program.lasting or program.trials)
    return {module for program in tried if (module := module_run(program.command))}


def try_environment(
    spec: Spec,
    plan: Plan,
    backend: Backend,
    environment: Environment,
    progress: Progress,
    *,
    online: bool = True,
) -> TrialResult:
    """Each program started and used; nothing where there is none, or where nothing can run.

    `online` says whether trials that need a network may have one.
    """
    if environment.foreign:
        return TrialResult(facts={}, findings=())
    facts = {}
    for program in plan.programs:
        payload = plan.service is not None and program.name == MAIN
        progress.step(f"try {called(program.name, payload=payload)}")
        facts[program.name] = try_program(backend, environment, plan, program, online=online)
    return TrialResult(facts=facts, findings=without_ignored(judge_trials(plan, facts), spec.smoke))


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
        platform=f"linux-{plan.machine}, {libc_words(plan.glibc, plan.musl)}",
        distributions=(),
        counts={},
        timings={},
    )
