"""Steps run in turn, A B C A B C …, so that a machine whose speed drifts is fair to all."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from bench.measured import Side

Step = Callable[[], float | None]
"""Something to measure. Its wall time counts, unless it gives back a number, which then counts instead."""


class StepError(Exception):
    """A step that did not do what is measured."""


def timed(step: Step) -> float:
    """Seconds that a step takes, or what it gives back."""
    began = time.perf_counter()
    told = step()
    return time.perf_counter() - began if told is None else told


def interleaved(steps: Mapping[str, Step], *, runs: int, warm_up: int = 1) -> tuple[Side, ...]:
    """Run all steps in turn; the first `warm_up` rounds do not count."""
    rounds = [[timed(step) for step in steps.values()] for _ in range(warm_up + runs)][warm_up:]
    return tuple(
        Side(name=name, values=values) for name, values in zip(steps, zip(*rounds, strict=True), strict=True)
    )


def command(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    folder: pathlib.Path | None = None,
    expected: Sequence[int] = (0,),
) -> Callable[[], None]:
    """A step that runs a command. It raises `StepError` when that ends with a code not expected."""

    def step() -> None:
        said(words, env=env, folder=folder, expected=expected)

    return step


def said(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    folder: pathlib.Path | None = None,
    expected: Sequence[int] = (0,),
) -> str:
    """What a command says on standard output. Raises `StepError` when it ends with a code not expected."""
    done = subprocess.run(words, check=False, env=env, cwd=folder, capture_output=True, text=True)
    if done.returncode not in expected:
        raise StepError(f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


_WATCH = """
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak(words: Sequence[str], *, env: Mapping[str, str] | None = None) -> Callable[[], float]:
    """A step that gives the largest memory (MB) of any one process of a command, named by its whole path.

    A small process starts it, for a program inherits its starter's size. Source: getrusage(2), ru_maxrss; the
    kernel counts a process's own peak and that of children it waited for.
    """

    def step() -> float:
        with tempfile.NamedTemporaryFile() as told:
            command([sys.executable, "-I", "-S", "-c", _WATCH, told.name, *words], env=env)()
            return int(told.read()) * 1024 / 1e6

    return step
