"""What glibc's heaps keep that nobody uses: with other libraries, all of this does nothing."""

from __future__ import annotations

import contextlib
import ctypes

ARENA_MAX, MMAP_THRESHOLD = -8, -3
"""Parameters of `mallopt`, as glibc's malloc.h has them."""
MOST_ARENAS = 2
LARGE = 1 << 20
"""Bytes from which on a block is the kernel's own, and goes back to it at once."""


def keep_heaps_small() -> None:
    """Have threads share few heaps: with one for each, what they free serves nobody else."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(ARENA_MAX, MOST_ARENAS)
        libc.mallopt(MMAP_THRESHOLD, LARGE)


def give_back_memory() -> None:
    """Give free memory back to the kernel."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
