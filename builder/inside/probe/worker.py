"""How a process that carries out jobs of the probe serves them, and within which limits."""

from __future__ import annotations

import json
import os
import sys

from .. import kernel
from . import child

try:
    import resource
except ImportError:
    pass  # on Windows, where the probe is read, to be sent elsewhere, and never run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def limit(timeout: float) -> None:
    """Bound what one import may take: processor time, file sizes, no core dumps."""
    bound(resource.RLIMIT_CORE, 0)
    bound(resource.RLIMIT_FSIZE, 1 << 30)
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + 8 * timeout) + 1)


def bound(kind: int, value: int) -> None:
    """Set a soft limit, never above the hard one."""
    hard = resource.getrlimit(kind)[1]
    try:
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    except (OSError, ValueError):
        pass


def serve(work: Callable[[dict[str, Any], Callable[[dict[str, Any]], None]], None]) -> None:
    """Carry out this process's job and report on it, line by line, to the pipe that it was given."""
    job, report = child.job(), int(sys.argv[3])
    os.set_inheritable(report, False)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)

    def say(line: dict[str, Any]) -> None:
        os.write(report, json.dumps(line).encode("utf-8", "replace") + b"\n")

    say({"started": True})
    work(job, say)
    say({"done": True})
