"""Locks of open files, by which the processes of one home keep out of each other's way.

The kernel frees them when their owner dies. Windows has no such locks: nothing is locked there, so that two
runs at once may make the same thing twice, and what a killed one left is known by its age alone.
"""

from __future__ import annotations

try:
    import fcntl
except ImportError:  # Windows
    KNOWN = False
    """Whether this system locks files."""
else:
    KNOWN = True


def lock(handle: int, *, shared: bool = False, wait: bool = True) -> None:
    """Lock an open file or folder until it is closed.

    Raises `BlockingIOError` where somebody else has it and `wait` is false, `OSError` where its disk knows no
    locks.
    """
    if KNOWN:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
