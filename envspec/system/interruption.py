"""Ctrl-C, SIGTERM and a terminal that is gone: answered at once, in whatever phase the programs are.

Nothing is raised: an exception waits for whatever the main thread waits for, and whoever catches all of them
swallows it. A thread of its own undoes what is under way and ends the process. What a run has completed stays
as it is, since it has to be right after a SIGKILL too.

This is the first module that the programs load, and it loads next to nothing. Windows has no such signals:
Ctrl-C stays the exception there that it is, and what a run leaves is swept by a later one.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator

from envspec.system.descriptors import fill_standard_streams
from envspec.system.warden import dismiss_warden, post_warden

HAVE_MASKS = hasattr(signal, "pthread_sigmask")
"""Whether signals can be made to wait."""

ANSWERED = {
    getattr(signal, name): words
    for name, words in {
        "SIGINT": "interrupted",
        "SIGTERM": "ended by SIGTERM",
        "SIGHUP": "ended, for the terminal is gone",
    }.items()
    if hasattr(signal, name)
}
"""The signals that end a program, each with how its answer begins."""

_GRACE = 5.0
"""Seconds after which the process ends with whatever could not be undone: the next run sweeps that."""

_UNDO: dict[object, Callable[[], object]] = {}
"""What undoes the blocks that are under way, in the order in which they began."""

_SCREEN: list[Callable[[], str]] = []
"""What makes the terminal whole again, if anything is drawn on it."""

_ending: list[int] = []
"""The exit code, once the end has begun."""


@contextlib.contextmanager
def undoing(undo: Callable[[], object]) -> Iterator[None]:
    """Have `undo` called if a signal ends the program within the block: maybe twice, by another thread.

    It has to be quick and to wait for no lock. Nothing is begun any more once the end has begun.
    """
    key = object()
    _UNDO[key] = undo
    if _ending:
        _stand_still()
    try:
        yield
    finally:
        _UNDO.pop(key, None)


@contextlib.contextmanager
def drawing(restored: Callable[[], str]) -> Iterator[None]:
    """Have the answer to a signal within the block begin with what makes the terminal whole again."""
    _SCREEN.append(restored)
    try:
        yield
    finally:
        _SCREEN.remove(restored)


def answer_signals() -> None:
    """Answer signals from now on, and have a warden for a SIGKILL. What is ignored stays ignored.

    For programs, in their main thread, before they start another.
    """
    fill_standard_streams()
    if not HAVE_MASKS:
        return
    post_warden()
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in ANSWERED:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, and shells without job control
            signal.signal(number, _signalled)
    _thread.start_new_thread(_answer, (read,))
    # What comes when all is done changes nothing: while Python ends it would be answered as by no handler.
    atexit.register(signal.pthread_sigmask, signal.SIG_BLOCK, ANSWERED)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ANSWERED)


def hold_signals() -> None:
    """Have signals wait while this process becomes one that answers them again."""
    if HAVE_MASKS:
        signal.pthread_sigmask(signal.SIG_BLOCK, ANSWERED)
    dismiss_warden()


def undo_all() -> None:
    """Undo all that is under way: before this process ends, or becomes another program."""
    for pause in (0.005, 0.0):  # what another thread was just beginning is found by the second look
        for undo in reversed([*_UNDO.values()]):
            with contextlib.suppress(Exception):
                undo()
        time.sleep(pause)
    dismiss_warden()


def _signalled(number: int, _frame: object) -> None:
    """The main thread's part: to touch nothing any more, while the other thread undoes and ends."""
    if sys.is_finalizing():  # there is no other thread any more, and nothing to undo
        os._exit(128 + number)
    for each in ANSWERED:
        signal.signal(each, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    _stand_still()


def _stand_still() -> None:
    while True:
        time.sleep(60)


def _answer(read: int) -> None:
    while True:
        for number in os.read(read, 64):
            if number in ANSWERED:
                _end(signal.Signals(number))


def _end(number: signal.Signals) -> None:
    _ending.append(128 + number)
    _thread.start_new_thread(_end_late, (128 + number,))
    with contextlib.suppress(OSError):
        _say(f"{ANSWERED[number]}; nothing half-made is left behind\n")
    undo_all()
    os._exit(128 + number)


def _end_late(code: int) -> None:
    time.sleep(_GRACE)
    os._exit(code)


def _say(words: str) -> None:
    """Say it as the last that is seen of this process, unless whoever has to read it does not."""
    with contextlib.suppress(Exception):
        words = "".join(restored() for restored in _SCREEN) + words
    stderr = os.dup(2)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):  # threads that still work may draw bars or tell of programs that were ended
        os.dup2(null, stream)
    ready = select.poll()
    ready.register(stderr, select.POLLOUT)
    if any(event & select.POLLOUT for _, event in ready.poll(0)):
        os.write(stderr, words.encode("utf-8", "replace"))
