"""How much of the bad days a run of the tests makes."""

import os

ALL = os.environ.get("ENVSPEC_DAYS") == "all"
"""Whether every case is tried, as `make days` does; else a choice of them."""


def amount(choice: int, whole: int) -> int:
    """How many of a trial's cases to make: all of them where that is wished for, else a choice."""
    return whole if ALL else choice
