"""What an environment should be, and what can be proved of it without building it.

What `__all__` names is for everybody and is described in docs/api.md; everything else is private.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = (
    False  # as `typing` has it, whose loading is half of what the programs do before Ctrl-C has an answer
)
if TYPE_CHECKING:
    from typing import Any

    from envspec.api import lock, prove
    from envspec.lockfile.lock import Lock, lock_file, read_lock, write_lock
    from envspec.spec.lint import lint_spec as lint
    from envspec.spec.load import load_spec as load
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
    "BuildError": "system.errors:BuildError",
    "EnvspecError": "system.errors:EnvspecError",
    "Finding": "system.finding:Finding",
    "FindingsError": "system.errors:FindingsError",
    "Lock": "lockfile.lock:Lock",
    "OutsideError": "system.errors:OutsideError",
    "Problem": "system.errors:Problem",
    "Progress": "system.progress:Progress",
    "Severity": "system.finding:Severity",
    "Spec": "spec.model:Spec",
    "SpecError": "system.errors:SpecError",
    "UsageError": "system.errors:UsageError",
    "lint": "spec.lint:lint_spec",
    "load": "spec.load:load_spec",
    "lock": "api:lock",
    "lock_file": "lockfile.lock:lock_file",
    "prove": "api:prove",
    "read_lock": "lockfile.lock:read_lock",
    "write_lock": "lockfile.lock:write_lock",
}
"""Module and name of each public name, loaded once it is asked for: solvers are slow to load."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, own = _HOMES[name].partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), own)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
