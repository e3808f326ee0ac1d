"""A warden: a process beside ours that outlives it by a moment, and ends the programs that we left running.

A SIGKILL lets nobody clean up. The warden learns of it all the same, for it reads a pipe that only we write.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import struct
import time
from collections.abc import Iterator

_WORD = struct.Struct("q")
"""A process group that began, or, negative, one that has ended."""

_PATIENCE = 0.5
"""Seconds that a warden gets to leave."""

_DYING = 0.3
"""Seconds that what was killed gets to be gone."""

_IMMUNE = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE")


class _Post:
    """Where this process has its warden."""

    def __init__(self) -> None:
        self.warden = 0
        self.pipe = -1


_POST = _Post()


def post_warden() -> None:
    """Have a warden from now on, if there is room for one. For programs, before they start a thread."""
    with contextlib.suppress(OSError):
        read, write = os.pipe()
        warden = os.fork()
        if warden == 0:
            _keep_watch(read)
        os.close(read)
        _POST.warden, _POST.pipe = warden, write
        atexit.register(dismiss_warden)


def dismiss_warden() -> None:
    """Have the warden end what still runs, and leave: before this process ends or becomes another."""
    if _POST.pipe < 0:
        return
    pipe, _POST.pipe = _POST.pipe, -1
    os.close(pipe)
    end = time.monotonic() + _PATIENCE
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(_POST.warden, os.WNOHANG) == (0, 0) and time.monotonic() < end:
            time.sleep(0.001)


@contextlib.contextmanager
def watched(leader: int) -> Iterator[None]:
    """Have the warden end this process group if our process dies within the block."""
    _tell(leader)
    try:
        yield
    finally:
        _tell(-leader)


def end_family(leader: int) -> None:
    """Kill a process group by its leader's number, and what the leader's children started in other groups.

    Comes back when they are gone, or a moment later: a machine may be too busy to let them die.
    """
    if not hasattr(os, "killpg"):  # Windows has no groups, and nothing but an end for a process
        with contextlib.suppress(OSError):
            os.kill(leader, signal.SIGTERM)
        return
    family = _below(leader)
    with contextlib.suppress(OSError):
        os.killpg(leader, signal.SIGKILL)
    for number in family:
        with contextlib.suppress(OSError):
            os.kill(number, signal.SIGKILL)
    end = time.monotonic() + _DYING
    while any(_lives(number) for number in family) and time.monotonic() < end:
        time.sleep(0.001)


def _below(leader: int) -> list[int]:
    """The numbers of all processes below one; none where /proc does not tell."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - the warden loads nothing that it can do without
            if name.isdigit():
                children.setdefault(_state_and_parent(int(name))[1], []).append(int(name))
    found = children.get(leader, [])
    for number in found:
        found += children.get(number, [])
    return found


def _lives(number: int) -> bool:
    return _state_and_parent(number)[0] not in {b"Z", b"X", b""}


def _state_and_parent(number: int) -> tuple[bytes, int]:
    """Of a process, as proc(5) has it; nothing where there is none."""
    try:
        with open(f"/proc/{number}/stat", "rb") as stream:  # noqa: PTH123
            state, parent = stream.read().rpartition(b")")[2].split()[:2]
    except (OSError, ValueError):
        return b"", 0
    return state, int(parent)


def _tell(word: int) -> None:
    if _POST.pipe >= 0:
        with contextlib.suppress(OSError):  # somebody has ended the warden: the program goes on without
            os.write(_POST.pipe, _WORD.pack(word))


def _keep_watch(pipe: int) -> None:
    """The warden's whole life; it never returns."""
    try:
        for name in _IMMUNE:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        os.setsid()
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        os.closerange(3, pipe)
        os.closerange(pipe + 1, 1 << 20)
        running: set[int] = set()
        while block := os.read(pipe, 512 * _WORD.size):
            for (word,) in _WORD.iter_unpack(block):
                running.add(word) if word > 0 else running.discard(-word)
        for leader in running:
            end_family(leader)
    finally:
        os._exit(0)
