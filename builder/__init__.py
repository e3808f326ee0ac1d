"""Makes the environment that an envspec.toml describes, and judges what was made.

What `__all__` names is for everybody and is described in docs/api.md; everything else is private.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builder.api import build, plan, verify
    from builder.report.model import Report
    from builder.values.environment import Environment
    from builder.values.plan import Plan
    from builder.values.verdict import Verdict

__all__ = ["Environment", "Plan", "Report", "Verdict", "build", "plan", "verify"]

_HOMES = {
    "api": ("build", "plan", "verify"),
    "report.model": ("Report",),
    "values.environment": ("Environment",),
    "values.plan": ("Plan",),
    "values.verdict": ("Verdict",),
}
"""The module that each public name is loaded from, once it is asked for."""


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
