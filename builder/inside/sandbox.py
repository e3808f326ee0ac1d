"""Runs a command in a tree of files as in a container: own root, own processes, no network. Needs no root.

Its words are JSON and the command: `{"layers": [folder], "root": folder, "env": {}, "cwd": path,
"user": number, "out": folder or null, "volumes": [path], "shown": [folder]}`. Volumes can be written to,
and begin with what the layers have there, as new ones of an engine do. What is shown can be written to at the
path that it has outside, which one of the layers must have, unless it is below /tmp. It talks to the kernel
itself, so no other program is needed. It ends as the command ended; with 125 and a line on standard error
where the kernel refuses.

Source: pid_namespaces(7), overlayfs in the kernel's documentation.
"""
# Paths here are those of another root.
# ruff: noqa: PTH101, PTH102, PTH103, PTH113, PTH118, PTH123, PTH208, PTH211, S108, S606

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import struct
import sys
import warnings  # noqa: F401 - `os.execvpe` wants it once the files of this Python are out of sight
from typing import Any

from . import kernel

REFUSED = 125
"""Exit code when there is no way to make the sandbox here."""

OUT = "/tmp/out"
"""Where the folder `out` stands inside: the one place of this machine that can be written to."""

_NAMESPACES = (
    kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
)
_PLAIN = kernel.MS_NOSUID | kernel.MS_NODEV
_UP = 0x1
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914
_DEVICES = ("full", "null", "random", "urandom", "zero")


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
    _enter(_NAMESPACES, 0)
    _loopback()
    told, tell = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(told)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        _end_with(lambda: _first(wanted, command, tell))
    os.close(tell)
    with os.fdopen(told, "rb") as stream:
        said = stream.read()
    os.waitpid(first, 0)
    if len(said) != 4:
        raise OSError(said.decode("utf-8", "replace") or "its first process died")
    return int(struct.unpack("i", said)[0])


def _end_with(body: Any) -> None:
    """End this child process with the exit code that the function gives, or with `REFUSED`."""
    try:
        os._exit(body())
    except BaseException:  # noqa: BLE001 - nothing of the parent may run here
        os._exit(REFUSED)


def _first(wanted: dict[str, Any], command: list[str], tell: int) -> int:
    """Process 1 of the sandbox: makes the root, starts the command, and collects what it leaves."""
    try:
        _make_root(wanted)
        _enter(0, wanted["user"])
    except OSError as error:
        os.write(tell, str(error).encode())
        return REFUSED
    child = os.fork()
    if child == 0:
        os.close(tell)
        _end_with(lambda: _become(wanted, command))
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
    kernel.mount_private()
    _overlay(wanted["layers"], root)
    try:
        kernel.mount("proc", f"{root}/proc", "proc", _PLAIN)
    except OSError:  # inside containers that hide parts of theirs
        kernel.mount("/proc", f"{root}/proc", None, kernel.MS_BIND | kernel.MS_REC)
    kernel.mount("tmpfs", f"{root}/tmp", "tmpfs", _PLAIN, "mode=1777")
    if wanted.get("out"):
        os.mkdir(root + OUT)
        kernel.mount(wanted["out"], root + OUT, None, kernel.MS_BIND)
    kernel.mount("tmpfs", f"{root}/run", "tmpfs", _PLAIN, "mode=755")
    kernel.mount("tmpfs", f"{root}/dev", "tmpfs", kernel.MS_NOSUID, "mode=755")
    for name in _DEVICES:
        os.close(os.open(f"{root}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        kernel.mount(f"/dev/{name}", f"{root}/dev/{name}", None, kernel.MS_BIND)
    os.mkdir(f"{root}/dev/shm")
    kernel.mount("tmpfs", f"{root}/dev/shm", "tmpfs", _PLAIN, "mode=1777")
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{root}/dev/{name}")
    for volume in wanted.get("volumes", ()):
        _volume(root, volume)
    for folder in wanted.get("shown", ()):
        os.makedirs(root + folder, exist_ok=True)  # below /tmp, which is new
        kernel.mount(folder, root + folder, None, kernel.MS_BIND)
    kernel.change_root(root)


def _volume(root: str, path: str) -> None:
    """Lay a writable folder over a path, with a copy of what is there; a file stays as it is."""
    path = path.rstrip("/")
    place = root + path
    if os.path.isfile(place):
        return
    os.makedirs(place, exist_ok=True)  # below what is new here, such as /run
    if os.path.realpath(place) != os.path.realpath(root) + path:  # a link may lead out of the root
        kernel.mount("tmpfs", place, "tmpfs", _PLAIN, "mode=1777")
        return
    below = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        kernel.mount("tmpfs", place, "tmpfs", _PLAIN, "mode=1777")
        for folder, _, _, here in os.fwalk(".", dir_fd=below):
            for name in os.listdir(here):
                _copy(name, here, os.path.join(place, folder, name))
    finally:
        os.close(below)


def _copy(name: str, folder: int, goal: str) -> None:
    """Copy one entry of an open folder; of folders the contents come later. Devices and the like are left."""
    about = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(about.st_mode):
        os.symlink(os.readlink(name, dir_fd=folder), goal)
    elif stat.S_ISDIR(about.st_mode):
        os.mkdir(goal, stat.S_IMODE(about.st_mode) | stat.S_IRWXU)
    elif stat.S_ISREG(about.st_mode):
        with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as source, open(goal, "xb") as copy:
            shutil.copyfileobj(source, copy)
        os.chmod(goal, stat.S_IMODE(about.st_mode) | stat.S_IRUSR | stat.S_IWUSR)


def _overlay(layers: list[str], root: str) -> None:
    """Lay the folders over each other, lowest first in `layers`; one alone is bound read-only."""
    if len(layers) == 1:
        kernel.bind_read_only(layers[0], root)
        return
    above = os.path.commonpath(layers)
    os.chdir(above)  # short names: all options together must fit into one page
    names = ":".join(os.path.relpath(layer, above) for layer in reversed(layers))
    kernel.mount("overlay", root, "overlay", kernel.MS_RDONLY, f"lowerdir={names}")


def _enter(kinds: int, user: int) -> None:
    """Leave for new namespaces of these kinds and of users, in which this process is `user`."""
    outside = (os.geteuid(), os.getegid())
    kernel.unshare(kinds | kernel.CLONE_NEWUSER)
    kernel.map_ids(outside, (user, user))


def _loopback() -> None:
    """Bring up `lo`, so that a service can be asked from inside."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _GET_FLAGS, request), 16)
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))
