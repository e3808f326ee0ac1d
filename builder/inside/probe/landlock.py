"""Keeps a process and all it starts from changing folders and killing others, where namespaces are refused.

Landlock needs no privilege (Linux 5.13; https://docs.kernel.org/userspace-api/landlock.html).
"""

from __future__ import annotations

import ctypes
import os
import stat

from .. import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SYS_CREATE_RULESET, SYS_ADD_RULE, SYS_RESTRICT_SELF = 444, 445, 446
"""The same numbers on every architecture."""
VERSION = 1
"""Flag that asks for the version of the interface only."""
SIGNALS_SINCE = 6
SIGNALS = 1 << 1
"""Scope: signals reach only what stands under the same rules."""
PATH_BENEATH = 1
OF_FILES = 1 << 1
"""Writing to a file."""
OF_FOLDERS = sum(1 << bit for bit in range(4, 13))
"""Removing and making folders, files, sockets, pipes, links and devices."""


def protect(guarded: list[str]) -> bool:
    """Forbid changes below these folders, and signals to others, for ever; False where the kernel cannot."""
    libc = kernel.libc()
    version = libc.syscall(SYS_CREATE_RULESET, None, ctypes.c_size_t(0), VERSION)
    scoped = version >= SIGNALS_SINCE
    handled = (ctypes.c_uint64 * 3)(OF_FILES | OF_FOLDERS, 0, SIGNALS if scoped else 0)
    size = ctypes.c_size_t(24 if scoped else 8)
    rules = libc.syscall(SYS_CREATE_RULESET, ctypes.byref(handled), size, 0) if version > 0 else -1
    if rules < 0:
        return False
    try:
        for path in outside("/", [os.path.realpath(folder) for folder in guarded]):
            allow(libc, rules, path)
        return kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1) and libc.syscall(SYS_RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def outside(folder: str, guarded: list[str]) -> list[str]:
    """The largest trees below a folder that hold nothing of what is guarded: rules can only allow."""
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if path in guarded or os.path.islink(path):
            continue
        if any(each.startswith(path + "/") for each in guarded):
            found += outside(path, guarded)
        else:
            found.append(path)
    return found


def allow(libc: Any, rules: int, path: str) -> None:
    """Everything that is handled may be done below a path."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        rule = PathRule(OF_FILES | OF_FOLDERS if is_folder else OF_FILES, fd)
        libc.syscall(SYS_ADD_RULE, rules, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(fd)


class PathRule(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _layout_ = "ms"  # what `_pack_` has always meant; Python 3.14 wants it said
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]
