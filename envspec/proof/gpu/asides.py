"""Files of wheels that no program of a user's runs: tests, benchmarks, examples, documentation."""

from __future__ import annotations

import re

_ASIDE = re.compile(r"(^|/)(tests?|testing|benchmarks?|examples?|docs?)/|(^|/)(lib)?test_")


def is_aside(path: str) -> bool:
    """Whether a file below site-packages is one of them, by its folders and its name."""
    return _ASIDE.search(path) is not None
