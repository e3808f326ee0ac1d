"""Which system this machine runs: environments are for Linux, and only Linux runs what is in them."""

from __future__ import annotations

import sys

from envspec.system.errors import OutsideError

_NAMES = {"darwin": "macOS", "win32": "Windows", "cygwin": "Cygwin"}


def runs_linux() -> bool:
    """Whether this machine can run what is built for an environment, its processor aside."""
    return sys.platform == "linux"


def system_name() -> str:
    """The system of this machine, as people call it."""
    return _NAMES.get(sys.platform, sys.platform.capitalize())


def needs_linux(what: str) -> str | None:
    """Why something cannot be done here, in a sentence; None on Linux."""
    return None if runs_linux() else f"{what}, and this machine runs {system_name()}"


def want_linux(what: str, *, hint: str) -> None:
    """Raise `OutsideError` with what only Linux can do and what to do instead, on every other system."""
    if (why := needs_linux(what)) is not None:
        raise OutsideError(why, hint=hint)
