"""Verification of a built environment: the judge's verdict, and the payload's trial."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from builder.backends.port import Backend
from builder.backends.virtualenv import VirtualenvBackend
from builder.judge import SmokeChecks, trial, verify
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.verdict import Verdict
from envspec.spec.model import Spec
from envspec.system import process, rules
from envspec.system.finding import Finding
from envspec.system.process import Completed
from envspec.system.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BuiltTarget:
    """An environment of a backend, as the judge sees targets: without the payload's code on its path."""

    backend: Backend
    environment: Environment

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.environment.reference

    @property
    def python(self) -> str:
        """The interpreter's path, as seen inside."""
        return self.environment.python

    @property
    def root(self) -> pathlib.Path | None:
        """The root of its files on this machine, where they stand there."""
        return pathlib.Path("/") if isinstance(self.backend, VirtualenvBackend) else None

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        """Run a command inside."""
        bare = dataclasses.replace(self.environment, payload=None)
        return self.backend.run(bare, command, stdin=stdin, timeout=timeout)

    def follow(
        self, command: Sequence[str], *, stdin: str, timeout: float, on_line: Callable[[str], None]
    ) -> Completed:
        """Run a command inside; what stands on this machine says how far it is."""
        if not isinstance(self.backend, VirtualenvBackend):
            return self.run(command, stdin=stdin, timeout=timeout)
        env = self.backend.variables(self.environment)
        return process.run(command, env=env, input_text=stdin, timeout=timeout, on_line=on_line)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """How the payload's trial went."""

    facts: Mapping[str, Any] | None
    """What was measured; None when nothing was tried."""
    findings: tuple[Finding, ...]


def smoke_checks(spec: Spec) -> SmokeChecks:
    """What a spec wants tried, in the judge's words."""
    smoke = spec.smoke
    return SmokeChecks(
        imports=smoke.imports, attributes=smoke.attributes, exchange=smoke.exchange, ignore=smoke.ignore
    )


def judged(
    spec: Spec, plan: Plan, backend: Backend, environment: Environment, *, fast: bool, progress: Progress
) -> Verdict:
    """The judge's verdict, which knows nothing of the payload. Raises `OutsideError`."""
    if environment.foreign:
        return _not_run(plan, environment)
    progress.step("verify")
    target = BuiltTarget(backend=backend, environment=environment)
    return verify(target, lock=plan.pins, smoke=smoke_checks(spec), fast=fast, progress=progress)


def tried(spec: Spec, backend: Backend, environment: Environment, progress: Progress) -> Tried:
    """The payload started and asked once; nothing where there is none, or where nothing can run."""
    if spec.service is None or environment.foreign:
        return Tried(facts=None, findings=())
    progress.step("try the payload")
    facts = trial.run(backend, environment, spec.service)
    return Tried(facts=facts, findings=tuple(trial.judge(facts, spec.service)))


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
