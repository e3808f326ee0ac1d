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
    "Environment": "values.environment",
    "Plan": "values.plan",
    "Report": "report.model",
    "Verdict": "values.verdict",
    "build": "api",
    "plan": "api",
    "verify": "api",
}
"""Module of each public name, loaded once it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
