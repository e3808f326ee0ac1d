"""Starts the programs, whatever `$PYTHONPATH` holds.

It may hold modules that shadow the standard library, and a judge must not fall over what it is to report: so
the program is started again without looking there. Its children still see the variable.
"""

import gc
import os
import subprocess
import sys

from builder.cli.at_once import answered_at_once
from envspec.system.interruption import answer_signals, hold_signals
from envspec.system.own_code import keep_own_code


def start_program(program: str) -> None:
    """Run `envspec` or `build-image` in this process, or in one that sees no `$PYTHONPATH`, and exit."""
    if os.environ.get("PYTHONPATH") and not sys.flags.ignore_environment:
        command = [sys.executable, "-E", "-P", "-m", "builder.cli.launch", program, *sys.argv[1:]]
        hold_signals()
        if os.name == "nt":  # where a process cannot become another one
            sys.exit(subprocess.call(command))
        os.execv(sys.executable, command)  # noqa: S606
    if answered_at_once(program):
        sys.exit(0)
    gc.disable()  # what is imported stays: looking through it again and again is a tenth of a short run
    from builder.cli.main import run_program

    gc.freeze()
    gc.enable()
    sys.argv[0] = program
    run_program(program)


if __name__ == "__main__":
    keep_own_code()
    answer_signals()
    sys.argv.pop(0)
    start_program(sys.argv[0])
