"""Runs a command in a tree of files as in a container: own root, own processes, no network. Needs no root.

`python sandbox.py JSON [WORD ...]` with `{"layers": [folder], "root": folder, "env": {}, "cwd": path,
"user": number, "out": folder or null}`. Only the standard library: it talks to the kernel itself, so no other
program is needed. It ends as the command ended; with 125 and a line on standard error when the kernel does
not allow it.

Source: user_namespaces(7), mount_namespaces(7), pivot_root(2), overlayfs in the kernel's documentation.
"""
# Paths here are those of another root.
# ruff: noqa: PTH102, PTH123, PTH211, S108, S606

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from typing import Any

REFUSED = 125
"""Exit code when there is no way to make the sandbox here."""

OUT = "/tmp/out"
"""Where the folder `out` stands inside: the one place of this machine that can be written to."""

_NEWNS, _NEWUTS, _NEWIPC = 0x20000, 0x4000000, 0x8000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _REMOUNT = 1, 2, 4, 32
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_DIE_WITH_PARENT = 1
_UP = 0x1
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914
_DEVICES = ("full", "null", "random", "urandom", "zero")

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> int:
    """The program: see the head of the file."""
    wanted = json.loads(arguments[0])
    try:
        status = _outside(wanted, arguments[1:])
    except OSError as error:
        sys.stderr.write(f"no sandbox can be made here: {error}\n")
        return REFUSED
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        signal.signal(number, signal.SIG_DFL) if number not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), number)
    return os.waitstatus_to_exitcode(status)


def _outside(wanted: dict[str, Any], command: list[str]) -> int:
    """Enter the namespaces, start their first process, and give the command's wait status."""
    _enter(_NEWUSER | _NEWNS | _NEWPID | _NEWNET | _NEWIPC | _NEWUTS, "0")
    _loopback()
    told, tell = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(told)
        _prctl_die()
        _run(lambda: _first(wanted, command, tell))
    os.close(tell)
    with os.fdopen(told, "rb") as stream:
        said = stream.read()
    os.waitpid(first, 0)
    if len(said) != 4:
        raise OSError(said.decode("utf-8", "replace") or "its first process died")
    return int(struct.unpack("i", said)[0])


def _run(body: Any) -> None:
    """Do it in this child process, which never returns."""
    try:
        os._exit(body())
    except BaseException:  # noqa: BLE001 - nothing of the parent may run here
        os._exit(REFUSED)


def _first(wanted: dict[str, Any], command: list[str], tell: int) -> int:
    """Process 1 of the sandbox: makes the root, starts the command, and buries what it leaves behind."""
    try:
        _make_root(wanted)
        _enter(_NEWUSER, str(wanted["user"]))
    except OSError as error:
        os.write(tell, str(error).encode())
        return REFUSED
    child = os.fork()
    if child == 0:
        os.close(tell)
        _run(lambda: _become(wanted, command))
    while True:
        done, status = os.wait()
        if done == child:
            os.write(tell, struct.pack("i", status))
            return 0


def _become(wanted: dict[str, Any], command: list[str]) -> int:
    try:
        os.chdir(wanted["cwd"])
    except OSError:
        os.chdir("/")
    try:
        os.execvpe(command[0], command, wanted["env"])
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        return 127


def _make_root(wanted: dict[str, Any]) -> None:
    root = wanted["root"]
    _mount(None, "/", None, _REC | _PRIVATE)
    _overlay(wanted["layers"], root)
    try:
        _mount("proc", f"{root}/proc", "proc", _NOSUID | _NODEV)
    except OSError:  # inside containers that hide parts of theirs
        _mount("/proc", f"{root}/proc", None, _BIND | _REC)
    _mount("tmpfs", f"{root}/tmp", "tmpfs", _NOSUID | _NODEV, "mode=1777")
    if wanted.get("out"):
        os.mkdir(root + OUT)
        _mount(wanted["out"], root + OUT, None, _BIND)
    _mount("tmpfs", f"{root}/run", "tmpfs", _NOSUID | _NODEV, "mode=755")
    _mount("tmpfs", f"{root}/dev", "tmpfs", _NOSUID, "mode=755")
    for name in _DEVICES:
        os.close(os.open(f"{root}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        _mount(f"/dev/{name}", f"{root}/dev/{name}", None, _BIND)
    os.mkdir(f"{root}/dev/shm")
    _mount("tmpfs", f"{root}/dev/shm", "tmpfs", _NOSUID | _NODEV, "mode=1777")
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{root}/dev/{name}")
    os.chdir(root)
    _check(_libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")


def _overlay(layers: list[str], root: str) -> None:
    """Lay the folders over each other, lowest first in `layers`; one alone is bound read-only."""
    if len(layers) == 1:
        _mount(layers[0], root, None, _BIND | _REC)
        _mount(None, root, None, _BIND | _REMOUNT | _RDONLY)
        return
    above = os.path.commonpath(layers)
    os.chdir(above)  # short names: all options together must fit into one page
    names = ":".join(os.path.relpath(layer, above) for layer in reversed(layers))
    _mount("overlay", root, "overlay", _RDONLY, f"lowerdir={names}")


def _enter(kinds: int, user: str) -> None:
    """Leave for new namespaces in which this process is `user`."""
    own, group = os.geteuid(), os.getegid()
    _check(_libc.unshare(kinds), "unshare")
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {own} 1"),
        ("gid_map", f"{user} {group} 1"),
    ):
        with open(f"/proc/self/{file}", "w") as stream:
            stream.write(text)


def _loopback() -> None:
    """Bring up `lo`, so that a service can be asked from inside."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _GET_FLAGS, request), 16)
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))


def _prctl_die() -> None:
    _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = [part.encode() if part is not None else None for part in (source, target, kind)]
    _check(_libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
