"""Starts a program where it cannot harm the environment: own processes, read-only files, a process limit.

Linux namespaces where the kernel allows them (as root, or through a user namespace); otherwise Landlock keeps
the files, and the processes have a session of their own. What was tried is told by the witness.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys

from .. import kernel
from . import child, landlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

PROCESSES = 400
"""More processes than this below one import is a fork bomb; threads do not count."""
TASKS = 4096
"""Processes and threads that the kernel gives one import at most."""
TOO_MANY_PROCESSES = 86
"""Exit code that tells of a fork bomb."""
PAUSE = 0.05
"""Seconds between two looks at the process count."""


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Run a command in isolation; exits as it does. Job keys: `command`, `guarded`, `report` (a pipe)."""
    job = child.job()
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    code = in_namespaces(job)
    os._exit(behind_landlock(job) if code is None else code)


def in_namespaces(job: dict[str, Any]) -> int | None:
    """The exit code of the command in namespaces of its own; None where the kernel refuses one of them.

    They are entered in a child: numbers of processes mean nothing in a new namespace without a new /proc, and
    what has entered one cannot go back.
    """
    begun, begin = os.pipe()

    def enter() -> int:
        os.close(begun)
        if not unshare():
            return 0
        pid = started(first)
        os.close(begin)
        os.close(int(job["report"]))
        return ended(pid)

    def first() -> int:
        if not protect(job["guarded"]):
            return 0
        os.write(begin, b".")
        os.close(begin)
        return run_first(job["command"], int(job["report"]))

    pid = started(enter)
    os.close(begin)
    went = os.read(begun, 1) == b"."
    os.close(begun)
    if went:
        os.close(int(job["report"]))
    code = ended(pid)
    return code if went else None


def behind_landlock(job: dict[str, Any]) -> int:
    """The exit code of the command where Landlock keeps the files, if anything does."""

    def first() -> int:
        landlock.protect(job["guarded"])
        return run_first(job["command"], int(job["report"]))

    pid = started(first)
    os.close(int(job["report"]))
    return ended(pid)


def started(body: Callable[[], int]) -> int:
    """The number of a child that ends with its parent, and with the code that the body gives."""
    pid = os.fork()
    if pid == 0:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            os._exit(body())
        finally:
            os._exit(1)
    return pid


def ended(pid: int) -> int:
    """The exit code of a child, as a shell has it."""
    _, status = os.waitpid(pid, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def unshare() -> bool:
    """Leave the shared namespaces of mounts and processes; False where neither way is allowed."""
    wanted = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID
    with contextlib.suppress(OSError):
        kernel.unshare(wanted)
        return True
    own = (os.geteuid(), os.getegid())
    try:
        kernel.unshare(wanted | kernel.CLONE_NEWUSER)
    except OSError:
        return False
    with contextlib.suppress(OSError):
        kernel.map_ids(own, own)
    return True


def protect(guarded: list[str]) -> bool:
    """Own /proc, `guarded` folders and the kernel's settings read-only, for this mount namespace only.

    False where /proc cannot be its own.
    """
    try:
        kernel.mount_private()
        kernel.mount("proc", "/proc", "proc", 0)
    except OSError:
        return False
    bound_processes()
    for folder in [*guarded, "/proc/sys", "/proc/sysrq-trigger"]:
        with contextlib.suppress(OSError):
            kernel.bind_read_only(folder, folder)
    return True


def bound_processes() -> None:
    """A hard limit of processes for this namespace, where the kernel keeps one for each (6.14)."""
    release = [int(part) for part in re.findall(r"\d+", os.uname().release)[:2]]
    if os.getpid() != 1 or release < [6, 14]:  # on older kernels this would be the whole machine's limit
        return
    try:
        with open("/proc/sys/kernel/pid_max", "w") as stream:
            stream.write(str(TASKS))
    except OSError:
        return


def take_precedence() -> None:
    """Run before everything else, where allowed: thousands of processes must not hold up the watch."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        return


def run_first(command: list[str], report: int) -> int:
    """Run a command below this first process, which collects orphans, counts, and ends all that is left."""
    os.setsid()
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    take_precedence()
    # As first process of a namespace this one is immune to signals from within; the command is not.
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        os.set_inheritable(report, True)
        try:
            os.execv(command[0], command)
        except OSError as error:
            sys.stderr.write("%s\n" % error)
            os._exit(127)
    os.close(report)
    status = watch(pid, count_processes() + PROCESSES)
    for below in child.descendants(os.getpid()):
        child.kill(below)
    return status


def watch(pid: int, most: int) -> int:
    """Wait for the process; more than `most` processes end it all."""
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 0
        if ended == pid:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        if ended == 0:
            if count_processes() > most:
                return TOO_MANY_PROCESSES
            signal.sigtimedwait([signal.SIGCHLD], PAUSE)


def count_processes() -> int:
    """How many processes there are in this namespace, or below this one where it has none of its own."""
    if os.getpid() == 1:
        return sum(name.isdigit() for name in os.listdir("/proc"))
    return len(child.descendants(os.getpid()))
