"""What Linux is asked for beyond Python's own modules: attributes of processes, namespaces, mounts.

Where it runs, `ctypes` may be broken: it is loaded when something is asked, and not before.
Source: prctl(2), unshare(2), user_namespaces(7), mount(2), mount_setattr(2), pivot_root(2).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
AT_FDCWD = -100
AT_RECURSIVE = 0x8000
SYS_MOUNT_SETATTR = 442
"""The same number on every architecture (Linux 5.12)."""
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


def libc() -> Any:
    """The C library of this process, which keeps the number of the last error."""
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> bool:
    """Set an attribute of this process; False where that is impossible."""
    try:
        return bool(libc().prctl(option, value, 0, 0, 0) == 0)
    except Exception:
        return False


def unshare(kinds: int) -> None:
    """Leave the shared namespaces of these kinds. Raises OSError."""
    check(libc().unshare(kinds), "unshare")


def map_ids(outside: tuple[int, int], inside: tuple[int, int]) -> None:
    """In a new user namespace, be this user and group, who outside has the other numbers.

    Raises OSError with the first of the three writes that failed; the others are done all the same.
    """
    failure = None  # type: OSError | None
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", "%d %d 1" % (inside[0], outside[0])),
        ("gid_map", "%d %d 1" % (inside[1], outside[1])),
    ):
        try:
            with open("/proc/self/" + name, "w") as stream:
                stream.write(text)
        except OSError as error:
            failure = failure or error
    if failure is not None:
        raise failure


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount something, or change a mount. Raises OSError."""
    import ctypes

    words = [None if part is None else os.fsencode(part) for part in (source, target, kind)]
    check(libc().mount(*words, ctypes.c_ulong(flags), options.encode() or None), "mount " + target)


def mount_private() -> None:
    """Keep to this namespace what is mounted from now on. Raises OSError."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)


def bind_read_only(source: str, target: str) -> None:
    """Show a folder at a place, with what is mounted below it, so that nobody can write there.

    Raises OSError where it cannot be shown.
    """
    import ctypes

    mount(source, target, None, MS_BIND | MS_REC)
    attributes = (ctypes.c_uint64 * 4)(MS_RDONLY, 0, 0, 0)
    done = libc().syscall(
        ctypes.c_long(SYS_MOUNT_SETATTR),
        ctypes.c_int(AT_FDCWD),
        ctypes.c_char_p(os.fsencode(target)),
        ctypes.c_uint(AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    if done != 0:  # an older kernel: what is mounted below stays as it is
        mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY)


def change_root(folder: str) -> None:
    """Make a mounted folder the root, and let go of the old one. Raises OSError."""
    library = libc()
    os.chdir(folder)
    check(library.syscall(SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    check(library.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def check(result: int, what: str) -> None:
    """Raise OSError with the reason where a call has failed."""
    if result != 0:
        import ctypes

        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))
