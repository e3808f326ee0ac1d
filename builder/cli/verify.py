"""`envspec verify`: the judge pointed at an environment that may come from anywhere."""

from __future__ import annotations

import os
import pathlib
import time
from typing import Any

import click

from builder.cli.bars import shown_progress
from builder.cli.deliver import deliver
from builder.cli.options import PLACE, report_options, strict_option, variant_option
from builder.flow.project import open_project
from builder.judge import InterpreterSubject, Subject, judge_subject
from builder.report.model import Report
from builder.values.variables import expanded
from envspec.lockfile import lock as locks
from envspec.spec import load
from envspec.spec.model import Smoke, Spec
from envspec.system import finding
from envspec.system.errors import Problem, SpecError, UsageError
from envspec.system.progress import Progress


@click.command()
@click.option("--python", "interpreter", type=PLACE, help="An interpreter.")
@click.option("--image", help="An image of the Docker engine, also one built elsewhere.")
@click.option("--venv", type=PLACE, help="A virtual environment's folder.")
@click.option("--spec", type=PLACE, help="Take smoke tests and lock from this spec.")
@variant_option
@click.option("--fast", is_flag=True, help="Only the static part and the top-level imports.")
@strict_option
@report_options
def verify(form: str, folder: pathlib.Path | None, quiet: bool, **wanted: Any) -> int:
    """Judge any Python environment: may it ship, why not, and what to do.

    Its modules are imported in a sandbox, which leaves the environment as it is; EV292 says where the kernel
    does not allow all of it.
    """
    with shown_progress(quiet=quiet) as progress:
        report = verify_environment(progress=progress, **wanted)
    return deliver(report, form, folder)


def verify_environment(
    *,
    interpreter: pathlib.Path | None,
    venv: pathlib.Path | None,
    image: str | None,
    spec: pathlib.Path | None,
    variant: str | None,
    fast: bool,
    strict: bool,
    progress: Progress,
) -> Report:
    """The report on one environment.

    Raises `UsageError` unless exactly one is named, `OutsideError` when it cannot be run at all.
    """
    if sum(place is not None for place in (interpreter, venv, image)) != 1:
        raise UsageError("name one thing to judge: --python PATH, --venv DIR or --image NAME")
    wanted, lock = _expectations(spec, variant, progress)
    began = time.monotonic()
    subject = _subject(interpreter, venv, image, wanted)
    verdict = judge_subject(
        subject,
        lock=lock.pins if lock else None,
        smoke=wanted.smoke if wanted else Smoke(),
        fast=fast,
        progress=progress,
    )
    found = finding.weigh_strictly(verdict.findings) if strict else verdict.findings
    report = Report(
        name=str(image or venv or interpreter),
        variant=variant,
        phase="verify",
        lock=lock.digest if lock else None,
        verdict=verdict,
    )
    return report.having(*found, seconds={"verify": round(time.monotonic() - began, 3)})


def _subject(
    interpreter: pathlib.Path | None, venv: pathlib.Path | None, image: str | None, spec: Spec | None
) -> Subject:
    if image is not None:
        from builder.backends.docker.subject import DockerSubject

        return DockerSubject(image)  # it has the variables of its spec in itself
    python = interpreter or _python_of(venv or pathlib.Path())
    folder = pathlib.Path(os.path.abspath(python)).parent.parent  # noqa: PTH100 - a link to the interpreter stays
    env = expanded(spec.env, str(folder), spec.python_wish.line) if spec else {}
    return InterpreterSubject(python, env)


def _python_of(venv: pathlib.Path) -> pathlib.Path:
    python = venv / "bin" / "python"
    if not python.exists():
        raise UsageError(f"{venv} is no virtual environment: it has no bin/python")
    return python


def _expectations(
    spec: pathlib.Path | None, variant: str | None, progress: Progress
) -> tuple[Spec | None, locks.Lock | None]:
    """A spec and its lock; none of both where none is named."""
    if spec is None:
        return None, None
    file = load.find_spec(spec)
    wanted = load.load_spec(file, variant)
    lock = locks.read_lock(locks.lock_file(file, variant))
    if lock is None:
        problem = Problem(path="", message="it has no lock to compare with")
        raise SpecError(str(file), (problem,), hint="`envspec lock` makes its lock")
    if lock.trees:  # which version they are, only they themselves tell
        lock = open_project(spec, variant).needed_lock(progress)
    return wanted, lock
