"""How much of the bad days a run of the tests makes."""

import os


def amount(choice: int, whole: int) -> int:
    """How many of a trial's cases to make: all of them where `ENVSPEC_DAYS=all`, else a choice."""
    return whole if os.environ.get("ENVSPEC_DAYS") == "all" else choice
