"""Facts as the probe tells them, made by hand: a wanted distribution, one that it needs, and a namesake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from builder.judge.facts import Facts

SITE = "/env/lib/python3.11/site-packages"
STDLIB = "/usr/lib/python3.11"


def distribution(name: str, version: str, roots: Sequence[str], **changes: object) -> dict[str, Any]:
    """One distribution's facts."""
    return {
        "name": name,
        "version": version,
        "folder": SITE,
        "entry": f"{name}-{version}.dist-info",
        "roots": list(roots),
        "extensions": [],
        "requires": [],
        "requires_python": "",
        "listed": True,
        "metadata": True,
        "stem_version": version,
        "summary": "",
        **changes,
    }


DISTRIBUTIONS = (
    distribution("wanted", "1.0", ["wanted"], requires=["helper", "absent-need>=2"], requested=True),
    distribution("helper", "2.0", ["helper"]),
    distribution("jot", "0.1", ["unlike"], requested=True),
)


def fault(kind: str, message: str, *, bases: Sequence[str] = (), **more: object) -> dict[str, Any]:
    """An exception's facts, raised in line 7 of the wanted distribution."""
    frames = [[f"{SITE}/wanted/__init__.py", 7, "<module>"]]
    return {"type": kind, "bases": [*bases, "Exception"], "message": message, "frames": frames, **more}


def facts(*imports: Mapping[str, Any], **raw: object) -> Facts:
    """The facts of an environment with these imports tried."""
    markers = {"python_version": "3.11", "implementation_name": "cpython", "platform_machine": "x86_64",
               "sys_platform": "linux"}  # fmt: skip
    report: Any = {
        "python": {
            "version": "3.11.7",
            "stdlib": STDLIB,
            "real_stdlib": STDLIB,
            "markers": markers,
            "free_threaded": False,
        },
        "distributions": list(DISTRIBUTIONS),
        "imports": list(imports),
        "loose": [],
        "surface": {},
        "doors": {},
        "usage": [],
        "plugins": [],
        "files": {"shared": [], "changed": []},
        "device": {"nodes": [], "driver": ""},
        **raw,
    }  # as much of the report as the rules of imports read
    return Facts.of(report)
