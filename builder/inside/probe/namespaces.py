"""Packages whose folder several distributions share, as their own files say it."""

from __future__ import annotations

import re

DECLARED = re.compile(rb"extend_path|declare_namespace")
HEAD = 1 << 20
"""Bytes of a file in which it says so, if it does."""


def declares_namespace(path: str) -> bool:
    """Whether an `__init__.py` says that others may add to its package, or cannot be read."""
    try:
        with open(path, "rb") as stream:
            return DECLARED.search(stream.read(HEAD)) is not None
    except OSError:
        return True
