"""Starts a program where it cannot harm the environment: own processes, read-only files, a process limit.

Linux namespaces where the kernel allows them (as root, or through a user namespace); otherwise Landlock keeps
the files, and the processes have a session of their own. What was tried is told by the witness.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys

from . import child, landlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
SYS_MOUNT_SETATTR = 442
"""The same number on every architecture (Linux 5.12)."""
AT_FDCWD = -100
AT_RECURSIVE = 0x8000
PROCESSES = 400
"""More processes than this below one import is a fork bomb; threads do not count."""
TASKS = 4096
"""Processes and threads that the kernel gives one import at most."""
BOMB = 86
"""Exit code that tells of one."""
PULSE = 0.05
"""Seconds between two looks at the process count."""


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Run a command in isolation; exits as it does. Job keys: `command`, `guarded`, `report` (a pipe)."""
    job = child.job()
    child.prctl(child.PR_SET_PDEATHSIG, signal.SIGKILL)
    libc = ctypes.CDLL(None, use_errno=True)
    own = unshare(libc)
    pid = os.fork()
    if pid == 0:
        child.prctl(child.PR_SET_PDEATHSIG, signal.SIGKILL)
        if own:
            protect(libc, job["guarded"])
        else:
            landlock.protect(job["guarded"])
        os._exit(keep(job["command"], int(job["report"])))
    os.close(int(job["report"]))
    _, status = os.waitpid(pid, 0)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def unshare(libc: Any) -> bool:
    """Leave the shared namespaces of mounts and processes; False where neither way is allowed."""
    if libc.unshare(CLONE_NEWNS | CLONE_NEWPID) == 0:
        return True
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) != 0:
        return False
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", "%d %d 1" % (user, user)),
        ("gid_map", "%d %d 1" % (group, group)),
    ):
        try:
            with open("/proc/self/" + name, "w") as stream:
                stream.write(text)
        except OSError:
            continue
    return True


def protect(libc: Any, guarded: list[str]) -> None:
    """Own /proc, and `guarded` folders read-only, for this mount namespace only."""
    libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    libc.mount(b"proc", b"/proc", b"proc", 0, None)
    bound_processes()
    for folder in guarded:
        path = os.fsencode(folder)
        if libc.mount(path, path, None, MS_BIND | MS_REC, None) == 0:
            read_only(libc, path)


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


def go_first() -> None:
    """Run before everything else, where allowed: thousands of processes must not hold up the watch."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        return


def read_only(libc: Any, path: bytes) -> None:
    """Make one mount read-only, with those below it where the kernel can."""
    attributes = (ctypes.c_uint64 * 4)(1, 0, 0, 0)
    done = libc.syscall(
        ctypes.c_long(SYS_MOUNT_SETATTR),
        ctypes.c_int(AT_FDCWD),
        ctypes.c_char_p(path),
        ctypes.c_uint(AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    if done != 0:
        libc.mount(path, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None)


def keep(command: list[str], report: int) -> int:
    """Run the command as first process: collect orphans, count, and take everything down at its end."""
    os.setsid()
    child.prctl(child.PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    go_first()
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
    status = watch(pid, processes() + PROCESSES)
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
            if processes() > most:
                return BOMB
            signal.sigtimedwait([signal.SIGCHLD], PULSE)


def processes() -> int:
    """How many processes there are in this namespace, or below this one where it has none of its own."""
    if os.getpid() == 1:
        return sum(name.isdigit() for name in os.listdir("/proc"))
    return len(child.descendants(os.getpid()))
