"""What an environment should be, and what can be proved of it without building it.

What `__all__` names is for everybody and is described in docs/api.md; everything else is private.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envspec.api import lock, prove
    from envspec.lockfile.lock import Lock, lock_file, read_lock, write_lock
    from envspec.spec.lint import lint
    from envspec.spec.load import load
    from envspec.spec.model import Spec
    from envspec.system.errors import (
        BuildError,
        EnvspecError,
        FindingsError,
        OutsideError,
        Problem,
        SpecError,
        UsageError,
    )
    from envspec.system.finding import Finding, Severity
    from envspec.system.progress import Progress

__all__ = [
    "BuildError",
    "EnvspecError",
    "Finding",
    "FindingsError",
    "Lock",
    "OutsideError",
    "Problem",
    "Progress",
    "Severity",
    "Spec",
    "SpecError",
    "UsageError",
    "lint",
    "load",
    "lock",
    "lock_file",
    "prove",
    "read_lock",
    "write_lock",
]

_HOMES = {
    "api": ("lock", "prove"),
    "lockfile.lock": ("Lock", "lock_file", "read_lock", "write_lock"),
    "spec.lint": ("lint",),
    "spec.load": ("load",),
    "spec.model": ("Spec",),
    "system.errors": (
        "BuildError",
        "EnvspecError",
        "FindingsError",
        "OutsideError",
        "Problem",
        "SpecError",
        "UsageError",
    ),
    "system.finding": ("Finding", "Severity"),
    "system.progress": ("Progress",),
}
"""The module that each public name is loaded from, once it is asked for: solvers are slow to load."""


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
