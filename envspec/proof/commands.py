"""EV306 before the build: commands of programs that nothing in the lock brings, as far as that can be told.

What the base has is not known by its name alone, so a word is told only where a package brings one that is
nearly the same; a module of `python -m` comes from a package, the library, or a file that is copied.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping

from envspec.spec.model import Spec
from envspec.spec.program import Program, module_run
from envspec.supply.wheel import Wheel
from envspec.system import rules
from envspec.system.finding import Finding, Severity

_PATHS = ("PYTHONPATH", "PYTHONHOME")


def command_findings(spec: Spec, wheels: Mapping[str, Wheel]) -> Iterator[Finding]:
    """Warnings about the commands of a spec's programs, their health and their trials."""
    scripts = {name for wheel in wheels.values() for name in (*wheel.scripts, *_own_scripts(wheel))}
    modules = {
        path.partition("/")[0].partition(".")[0] for wheel in wheels.values() for path in wheel.library
    }
    for name, program in spec.programs.items():
        where = "run" if program is spec.run else f"run.{name}"
        for command in dict.fromkeys(_commands(program)):
            if told := _missing(command, scripts, modules, open_to_files=_finds_files(spec, program)):
                what, hint = told
                yield rules.PROGRAM_MISSING.finding(what, hint=hint, where=where, severity=Severity.WARNING)


def _commands(program: Program) -> Iterator[tuple[str, ...]]:
    yield program.command
    if program.health and program.health.command:
        yield program.health.command
    yield from (trial.command for trial in program.trial if trial.command)


def _missing(
    command: tuple[str, ...], scripts: set[str], modules: set[str], *, open_to_files: bool
) -> tuple[str, str] | None:
    """What is missing for a command, and what to write instead."""
    if module := module_run(command):
        top = module.partition(".")[0]
        if open_to_files or top in modules or top in sys.stdlib_module_names:
            return None
        near = difflib.get_close_matches(top, modules, n=1)
        said = f"no package of the lock brings the module {top}, which `python -m {module}` runs"
        return said, f"did you mean {near[0]}?" if near else "install the package that brings it"
    if "/" in command[0] or command[0] in scripts or command[0].startswith("python"):
        return None
    near = difflib.get_close_matches(command[0], scripts, n=1, cutoff=0.8)
    return (
        (f"no package of the lock brings the program {command[0]}", f"did you mean {near[0]}?")
        if near
        else None
    )


def _own_scripts(wheel: Wheel) -> Iterator[str]:
    """Programs that a wheel brings as files."""
    for entry in wheel.entries:
        top, _, rest = entry.name.partition("/")
        if top.endswith(".data") and rest.startswith("scripts/"):
            yield rest.removeprefix("scripts/")


def _finds_files(spec: Spec, program: Program) -> bool:
    """Whether a module may be a file that is copied or mounted: Python looks in its folder first."""
    paths = any(name in {**spec.env, **program.env} for name in _PATHS)
    return bool(spec.copies or spec.service or program.workdir or program.volumes or paths)
