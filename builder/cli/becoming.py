"""Turns this process into a program of a spec's virtual environment: signals and exit code are its own."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from collections.abc import Sequence
from typing import NoReturn

from builder.backends.virtualenv import VirtualenvBackend
from builder.cli.bars import shown_progress
from builder.flow.pipeline import build_environment
from builder.report import terminal
from builder.report.model import Report
from builder.report.scrubbing import Private
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from builder.values.request import Request
from envspec.system.errors import UsageError
from envspec.system.interruption import undo_all


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An environment of this machine, and what may be started in it."""

    plan: Plan
    environment: Environment


def build_here(request: Request, *, quiet: bool) -> Built | Report:
    """The virtual environment of a spec, built where it is missing; the report where that cannot be."""
    with shown_progress(quiet=quiet) as progress:
        report, plan = build_environment(request, progress)
    if not report.sound or report.environment is None or plan is None:
        sys.stderr.write(terminal.render(report, Private.here()))
        return report
    return Built(plan=plan, environment=report.environment)


def become(built: Built, words: Sequence[str], program: PlannedProgram | None = None) -> NoReturn:
    """Become a command: as that program is started, or any, with the main one's variables and folder.

    What this process has in its own variables goes along. Raises `UsageError` where there is no such command.
    """
    environment = built.environment
    variables = _inherited() | VirtualenvBackend.variables(_seen(built, program))
    folder = VirtualenvBackend.folder(environment, program or built.plan.main)
    if folder is not None:
        os.chdir(folder)
    found = shutil.which(words[0], path=variables["PATH"])
    if found is None:
        raise UsageError(
            f"{words[0]} is no program of the environment, nor of this machine",
            hint="a package of the spec must bring it",
        )
    undo_all()  # nobody comes back to it
    os.execve(found, list(words), variables)  # noqa: S606 - no shell is wanted


def _seen(built: Built, program: PlannedProgram | None) -> Environment:
    """The environment with the variables that a program has, rather than those of the main one."""
    plan, environment = built.plan, built.environment
    if program is None or program == plan.main:
        return environment
    mains = plan.main.env if plan.main else {}
    others = {name: value for name, value in environment.variables.items() if name not in mains}
    own = plan.variables(environment.reference, program)
    return dataclasses.replace(environment, variables={**others, **own})


def _inherited() -> dict[str, str]:
    """Variables of this process itself, but for those by which an interpreter would look elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
