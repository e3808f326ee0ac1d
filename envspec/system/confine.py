"""The program that runs a command on this machine where it can write to nothing but the folders it is given.

    python -I -S confine.py WORDS COMMAND...        WORDS are JSON: see `main`

Two ways, of which `kind` names one. `namespaces`: mounts, processes, sockets and network of its own, all
files read-only but those folders, the user's secrets out of sight; what the outer user namespace has mounted,
the inner one, in which the command runs, cannot undo. `landlock`: files alone are guarded, and TCP.

It stands alone, on the standard library, and talks to the kernel itself: no other program is needed.
Source: user_namespaces(7), mount_namespaces(7), pid_namespaces(7), mount_setattr(2), landlock(7), and
overlayfs in the kernel's documentation.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

REFUSED = 125
"""Exit code when the way that was asked for cannot be gone here."""

NAMESPACES = "namespaces"
LANDLOCK = "landlock"
NONE = "none"

TEMPORARY = ("/tmp", "/var/tmp")
"""Where programs write without asking: inside, what they write there is seen by nobody else."""

_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
_PDEATHSIG, _NO_NEW_PRIVS = 1, 38
_MOUNT_SETATTR, _LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 442, 444, 445, 446
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_SCRATCH = "mode=1777,size=50%"

_LIBC = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> int:
    """Run the command, or say which ways there are.

    Words: `kind`; `writable`, folders; `hidden`, folders and files that are to look empty; `cwd`;
    `variables` beside its own; `asks_itself` where the command talks over TCP with what it starts, which
    Landlock cannot tell from a talk with others; `fetches` where it is to reach the network after all;
    `nests` where it makes namespaces of its own, for which /proc must be whole. Ends as the command did, or
    with `REFUSED` and a line that begins with "no sandbox". With `check`, a folder, in the words the best
    kind is printed, and behind it why there is no better one.
    """
    words = json.loads(arguments[0])
    os.environ.update(words.get("variables", {}))
    if "check" in words:
        sys.stdout.write(" ".join(best_kind(words["check"])))
        return 0
    try:
        status = _run(words, arguments[1:])
    except OSError as error:
        sys.stderr.write(f"no sandbox can be made here: {error}\n")
        return REFUSED
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return os.waitstatus_to_exitcode(status)


def best_kind(folder: str) -> tuple[str, str]:
    """The best way that this machine allows, tried with one folder, and why there is no better one."""
    words = {"writable": [folder], "hidden": [], "cwd": "/"}
    reasons = []
    for kind in (NAMESPACES, LANDLOCK):
        try:
            status = _run({**words, "kind": kind}, [])
        except OSError as error:
            reasons.append(f"{kind}: {error}")
        else:
            if status == 0:
                return kind, "; ".join(reasons)
            reasons.append(f"{kind}: its first process died")
    return NONE, "; ".join(reasons)


def _run(words: dict[str, Any], command: list[str]) -> int:
    """The command's wait status. Raises OSError where the sandbox cannot be made."""
    make = _in_namespaces if words["kind"] == NAMESPACES else _behind_landlock
    return _told(lambda tell: make(words, command, tell))


# Processes: each level is a child that tells its parent how the command ended, or why it never began.


def _told(body: Callable[[int], None]) -> int:
    """Run the body in a child, which writes a wait status or a reason to the descriptor it is given."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _end_with(lambda: body(write))
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        said = stream.read()
    os.waitpid(child, 0)
    if len(said) != 4:
        raise OSError(said.decode("utf-8", "replace") or "its first process died")
    return int(struct.unpack("i", said)[0])


def _end_with(body: Callable[[], object]) -> None:
    """End this child with its parent, and after the body; nothing of the parent runs in it."""
    _LIBC.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        body()
    finally:
        os._exit(REFUSED)


def _telling(tell: int, body: Callable[[], int]) -> None:
    """Write what the body gives, or the reason why it could not."""
    try:
        status = body()
    except OSError as error:
        os.write(tell, str(error).encode("utf-8", "replace")[:4000].ljust(5))
    else:
        os.write(tell, struct.pack("i", status))


def _started(words: dict[str, Any], command: list[str], before: Callable[[], None], tell: int) -> int:
    """The wait status of the command, started after `before`; what it leaves behind is collected."""
    ready, mark = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready)
        os.close(tell)
        _end_with(lambda: _become(words, command, before, mark))
    os.close(mark)
    with os.fdopen(ready, "rb") as stream:
        said = stream.read()
    status = None
    while status is None:
        done, ended = os.wait()
        status = ended if done == child else None
    if said:
        raise OSError(said.decode("utf-8", "replace"))
    return status


def _become(words: dict[str, Any], command: list[str], before: Callable[[], None], mark: int) -> None:
    os.set_inheritable(mark, False)
    try:
        before()
        _check(_LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
        with contextlib.suppress(OSError):
            os.chdir(words["cwd"])
    except OSError as error:
        os.write(mark, str(error).encode("utf-8", "replace"))
        return
    if not command:
        os._exit(0)
    os.close(mark)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


# The first way: namespaces.


def _in_namespaces(words: dict[str, Any], command: list[str], tell: int) -> None:
    _telling(tell, lambda: _outer(words, command))


def _outer(words: dict[str, Any], command: list[str]) -> int:
    """Enter the namespaces and start their first process."""
    fetches = words.get("fetches")
    _enter(_NEWUSER | _NEWNS | _NEWPID | _NEWIPC | (0 if fetches else _NEWNET))
    if not fetches:
        _loopback()
    return _told(lambda told: _telling(told, lambda: _first(words, command, told)))


def _first(words: dict[str, Any], command: list[str], tell: int) -> int:
    """The first process: it makes the mounts, and the command cannot undo them from a namespace below."""
    os.setsid()
    _make_mounts(words["writable"], words["hidden"])
    if not words.get("nests"):
        _guard_kernel()
    return _started(words, command, lambda: _enter(_NEWUSER | _NEWNS), tell)


def _enter(kinds: int) -> None:
    """Leave for new namespaces in which every user that there is here has the same number as here.

    Only another process, which stays outside, may say so. Without privileges it may name this user alone.
    """
    entered, go = os.pipe()
    mapped, done = os.pipe()
    pid = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(go)
        _end_with(lambda: _map_users(pid, done) if os.read(entered, 1) else None)
    os.close(entered)
    os.close(done)
    try:
        _check(_LIBC.unshare(kinds), "unshare")
        os.write(go, b".")
        if os.read(mapped, 1) != b".":
            raise OSError("no user can be named in a namespace")
    finally:
        os.close(go)
        os.close(mapped)
        os.waitpid(helper, 0)


def _map_users(pid: int, done: int) -> None:
    folder = f"/proc/{pid}"
    own = {"uid": os.geteuid(), "gid": os.getegid()}
    try:
        for kind in ("uid", "gid"):
            with open(f"/proc/self/{kind}_map") as stream:
                known = [line.split() for line in stream]
            _write(f"{folder}/{kind}_map", "".join(f"{first} {first} {count}\n" for first, _, count in known))
    except OSError:
        _write(f"{folder}/setgroups", "deny")
        for kind, number in own.items():
            with contextlib.suppress(OSError):  # the one of the two that may have been written
                _write(f"{folder}/{kind}_map", f"{number} {number} 1\n")
    os.write(done, b".")


def _write(file: str, text: str) -> None:
    with open(file, "w") as stream:
        stream.write(text)


def _make_mounts(writable: list[str], hidden: list[str]) -> None:
    """Every file read-only but those of the writable folders, and what is hidden out of sight."""
    _mount(None, "/", None, _REC | _PRIVATE)
    places = _outermost(writable)
    for place in places:
        _mount(place, place, None, _BIND | _REC)
    _set_read_only("/", True)
    for place in places:
        with contextlib.suppress(OSError):  # what was read-only before stays so
            _set_read_only(place, False)
    for folder in TEMPORARY:
        _lay_over(folder, places)
    if os.path.isdir("/dev/shm"):
        _mount("tmpfs", "/dev/shm", "tmpfs", _NOSUID | _NODEV, _SCRATCH)
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV)
    for path in hidden:
        if not any(_is_below(place, path) for place in places):
            _hide(path)


def _lay_over(folder: str, places: list[str]) -> None:
    """Lay memory over a temporary folder; where the kernel cannot, it stays read-only.

    What is mounted below it, the writable folders too, is brought to light again.
    """
    if not os.path.isdir(folder) or folder in places:
        return
    below = _outermost([*(each for each in _mount_points() if _is_below(each, folder)), *places])
    opened = [(each, os.open(each, os.O_PATH)) for each in below if _is_below(each, folder)]
    try:
        _mount("tmpfs", "/dev", "tmpfs", _NOSUID | _NODEV, _SCRATCH)  # a place of this namespace alone
        try:
            for name in ("upper", "work"):
                os.mkdir(f"/dev/{name}")
            options = f"lowerdir={folder},upperdir=/dev/upper,workdir=/dev/work,userxattr"
            os.chmod("/dev/upper", stat.S_IMODE(os.stat(folder).st_mode))
            _mount("overlay", folder, "overlay", _NOSUID | _NODEV, options)
        finally:
            _check(_LIBC.umount2(b"/dev", 2), "umount")
        for each, handle in opened:
            _mount(f"/proc/self/fd/{handle}", each, None, _BIND | _REC)
    except OSError:
        return
    finally:
        for _, handle in opened:
            os.close(handle)


def _mount_points() -> Iterator[str]:
    with open("/proc/self/mountinfo", "rb") as stream:
        for line in stream:
            name = line.split(b" ")[4]
            yield os.fsdecode(name.decode("unicode_escape").encode("latin-1"))


def _guard_kernel() -> None:
    """Keep settings of the kernel as they are: in files they are root's, whatever namespace it is in."""
    for path in ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"):
        with contextlib.suppress(OSError):
            _mount(path, path, None, _BIND | _REC)
            _set_read_only(path, True)


def _hide(path: str) -> None:
    """Make a folder or file look empty, where it is there."""
    with contextlib.suppress(OSError):
        if os.path.isdir(path):
            _mount("tmpfs", path, "tmpfs", _RDONLY | _NOSUID | _NODEV, "size=4k,mode=755")
        elif os.path.exists(path):
            _mount("/dev/null", path, None, _BIND)


def _outermost(paths: list[str]) -> list[str]:
    """Those of the paths that are there and below no other, resolved."""
    real = sorted({os.path.realpath(path) for path in paths if os.path.exists(path)})
    return [path for path in real if not any(_is_below(path, other) for other in real)]


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = [None if part is None else os.fsencode(part) for part in (source, target, kind)]
    _check(_LIBC.mount(*words, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def _set_read_only(path: str, wanted: bool) -> None:
    """Of all that is mounted at a path and below it (Linux 5.12)."""
    attributes = (ctypes.c_uint64 * 4)(_RDONLY if wanted else 0, 0 if wanted else _RDONLY, 0, 0)
    done = _LIBC.syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(done, f"mount_setattr {path}")


def _loopback() -> None:
    """Bring up `lo`, so that a service can be asked from inside. Source: netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, 0x8913, request), 16)
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))


# The second way: Landlock.

_OF_FILES = 1 << 1
_OF_FOLDERS = sum(1 << bit for bit in range(4, 13))
_MOVE, _TRUNCATE = 1 << 13, 1 << 14
_CONNECT = 1 << 1
_SIGNALS = 1 << 1


def _behind_landlock(words: dict[str, Any], command: list[str], tell: int) -> None:
    _LIBC.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans end with this process
    _telling(tell, lambda: _started(words, command, lambda: _restrict(words), tell))
    _end_orphans()


def _end_orphans() -> None:
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as stream:
                left = [int(word) for word in stream.read().split()]
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            os.wait()
        except (OSError, ValueError):
            return


def _restrict(words: dict[str, Any]) -> None:
    """Let this process write below the folders alone, for ever. Raises OSError where the kernel cannot."""
    version = _LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    _check(min(version - 1, 0), "landlock")
    files = _OF_FILES | (_TRUNCATE if version >= 3 else 0)
    folders = files | _OF_FOLDERS | (_MOVE if version >= 2 else 0)
    asks = words.get("asks_itself") or words.get("fetches")
    connecting = _CONNECT if version >= 4 and not asks else 0
    handled = (ctypes.c_uint64 * 3)(folders, connecting, _SIGNALS if version >= 6 else 0)
    size = ctypes.c_size_t(24 if version >= 6 else 16 if version >= 4 else 8)
    rules = _LIBC.syscall(_LANDLOCK_CREATE, ctypes.byref(handled), size, 0)
    _check(min(rules, 0), "landlock")
    try:
        for path in (*words["writable"], "/dev/shm"):
            _allow(rules, path, folders)
        _allow(rules, "/dev", files)
        _check(_LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
        _check(_LIBC.syscall(_LANDLOCK_RESTRICT, rules, 0), "landlock")
    finally:
        os.close(rules)


def _allow(rules: int, path: str, allowed: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(path, os.O_PATH)
        try:
            rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, handle), 12)
            _check(_LIBC.syscall(_LANDLOCK_ADD, rules, 1, rule, 0), f"landlock {path}")
        finally:
            os.close(handle)


def _check(result: int, what: str) -> None:
    """Raise OSError with the reason where a call has failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
