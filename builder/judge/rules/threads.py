"""Judges what a free-threaded build is for: no module turns the global interpreter lock on again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.judge.facts import Facts
from envspec.system import rules
from envspec.system.finding import Finding
from envspec.system.quoting import listed

SIGN = re.compile(r"global interpreter lock \(GIL\) has been enabled to load module '([^']+)'")
"""What the interpreter warns of, once a process. Source: CPython, Python/import.c; PEP 703."""

_NAMED = 3
"""Modules that a finding names."""


def judge_threads(facts: Facts) -> Iterator[Finding]:
    """Findings about distributions whose modules do not say that they can do without the lock."""
    if not facts.python["free_threaded"]:
        return
    locking: dict[str, set[str]] = {}
    for outcome in facts.imports:
        for warning in outcome.warnings:
            if said := SIGN.search(warning["message"]):
                owner = facts.owner(said[1])
                locking.setdefault(f"{owner.name} {owner.version}" if owner else said[1], set()).add(said[1])
    for name, modules in sorted(locking.items()):
        yield rules.GIL_ENABLED.finding(
            f"{name}: importing {listed(sorted(modules), most=_NAMED)} turns the global interpreter lock on "
            "again, and with it threads run one at a time",
            hint="take a version that declares itself safe without it, or trust it so: "
            '[env] PYTHON_GIL = "0"',
            where=name.partition(" ")[0],
        )
