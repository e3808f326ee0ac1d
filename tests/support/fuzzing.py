"""Runs the product's programs by the thousand: one process has loaded it, and forks a child for each run.

A child is all that a user would start, but for the loading and for asking pip: arguments, folder, exit code.
It ends after a minute, by force if need be, and what it needed is measured.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.paths import ROOT

MINUTE = 60
"""Seconds that a run may take."""

MEMORY = 1 << 30
"""Bytes that a run, and whatever it starts, may hold at once."""

OUTPUT = 1 << 20
"""Characters that a run may say: a form for programs has 500 findings of a rule."""

_LOADED = (
    "builder.cli.check",
    "builder.cli.deliver",
    "builder.cli.lock",
    "builder.cli.main",
    "builder.report.github",
    "builder.report.html",
    "builder.report.json_form",
    "builder.report.junit",
    "builder.report.sarif",
    "builder.report.terminal",
    "envspec.proof.prove",
    "envspec.resolve.resolver",
    "envspec.supply.pip_settings",
    "envspec.supply.sources",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    code: int
    """Exit code; negative is the signal that ended it."""
    seconds: float
    memory: int
    """Bytes that the largest of its processes held."""
    said: str

    @property
    def fault(self) -> str:
        """What is wrong with how it ended; empty when a user would have nothing to say."""
        if self.code not in range(5):
            return f"exit {self.code}"
        # A report may name such an error, of a module that cannot be imported: "demo: RecursionError: ...".
        if found := re.search(r"Traceback|^\s*(?:RecursionError|MemoryError)", self.said, re.MULTILINE):
            return found[0].strip()
        if self.code and not re.search(r"[a-z]{3}", self.said):
            return "no words"
        if self.seconds > MINUTE or self.memory > MEMORY or len(self.said) > OUTPUT:
            return f"{self.seconds:.1f} s, {self.memory >> 20} MiB, {len(self.said)} characters"
        return ""


class Forks:
    """A process that has loaded the product; see `forks`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, arguments: Sequence[str], folder: pathlib.Path) -> Outcome:
        """Run `envspec ARGUMENTS` in a folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"arguments": list(arguments), "folder": str(folder)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def forks(variables: Mapping[str, str]) -> Iterator[Forks]:
    """A process that stands ready for the length of the block, with variables besides those of this one."""
    command = [sys.executable, "-m", "tests.support.fuzzing"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **variables},
    ) as process:
        yield Forks(process)


def _serve() -> None:
    for module in _LOADED:
        importlib.import_module(module)
    importlib.import_module("envspec.supply.pip_settings").ask_pip()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_forked(json.loads(line))) + "\n")
        sys.stdout.flush()


def _forked(asked: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        child = os.fork()
        if not child:
            _be(asked, said.fileno())
        _, status, used = os.wait4(child, 0)
        seconds = time.monotonic() - began
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # whatever a run that was ended had started
        said.seek(0)
        text = said.read().decode(errors="replace")
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "memory": used.ru_maxrss << 10,
        "said": text,
    }


def _be(asked: dict[str, Any], output: int) -> None:
    """Be the program, to its end."""
    os.setsid()
    signal.alarm(MINUTE + 5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (8 * MEMORY, 8 * MEMORY))  # addresses, many of them never used
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(asked["folder"])
    sys.argv = ["envspec", *asked["arguments"]]
    code: Any = 1
    try:
        from builder.cli.main import run_program

        run_program("envspec")
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as Python does at the end of a program
        traceback.print_exc()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    _serve()
