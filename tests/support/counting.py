"""Counts what a call costs in steps, which are the same on every machine, instead of in seconds."""

import sys
from collections.abc import Callable
from types import FrameType


def steps_of(call: Callable[[], object]) -> int:
    """How many functions of Python and C a call calls, all in all."""
    count = 0

    def note(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return count


def is_linear(cost: Callable[[int], Callable[[], object]], size: int) -> bool:
    """Whether what `cost` gives for twice the size, and for four times, costs no more than in proportion.

    A tenth is granted for what is done once in so many steps; a square would double each time.
    """
    once, twice, fourfold = (steps_of(cost(size * times)) for times in (1, 2, 4))
    return twice <= 2.2 * once and fourfold <= 4.4 * once
