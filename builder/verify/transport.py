"""Carries the probe into a target as text and brings its facts back."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

from builder.verify.target import Target
from envspec.errors import OutsideError

PACKAGE = "_envspec_probe"
"""What the probe is called where it runs, so that nobody takes it for an installed module."""
ORDER = (
    "child",
    "importing",
    "elf",
    "distributions",
    "files",
    "startup",
    "shape",
    "shadows",
    "sandbox",
    "group",
    "standard",
    "reading",
    "reaching",
    "screening",
    "programs",
    "usage",
    "runtimes",
    "exchange",
    "jobs",
    "main",
)
"""The probe's modules, each after those it uses."""
MARK = "\x1e"
"""Stands before the facts; what a starting interpreter prints by itself comes before it."""
GRACE = 120.0
"""Seconds that the probe has beyond its own deadline."""


def bundle(options: dict[str, Any]) -> tuple[str, str]:
    """The loader, to be run with `python -c`, and what it reads from standard input."""
    sources = importlib.resources.files("builder.probe")
    loader = sources.joinpath("loader.py").read_text("utf-8")
    texts = [(name, sources.joinpath(f"{name}.py").read_text("utf-8")) for name in ORDER]
    return loader, json.dumps(
        {"package": PACKAGE, "entry": "main", "loader": loader, "sources": texts, "options": options}
    )


def look(target: Target, options: dict[str, Any]) -> dict[str, Any]:
    """Run the probe in the target and return its facts.

    Raises `OutsideError` when the interpreter cannot run it.
    """
    loader, text = bundle(options)
    completed = target.run(
        [target.python, "-I", "-S", "-c", loader], stdin=text, timeout=float(options["deadline"]) + GRACE
    )
    _, mark, facts = completed.stdout.rpartition(MARK)
    if not mark:
        raise OutsideError(
            f"{target.label} could not be judged: its interpreter "
            + ("did not answer in time" if completed.timed_out else f"ended with {completed.code}")
            + (f"\n{completed.tail}" if completed.tail else ""),
            hint="check that it is a Python 3.7 or newer that can run `python -I -S -c 'import json'`",
        )
    parsed: dict[str, Any] = json.loads(facts)
    return parsed
