"""Compares what is installed with what was locked: drift is an error even where every import works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from builder.judge.facts import Facts
from envspec.system import rules
from envspec.system.finding import Finding

INSTALLERS = frozenset({"pip", "setuptools", "wheel", "uv"})
"""What an environment may hold besides its lock: the tools that made it."""


def judge_drift(facts: Facts, lock: Mapping[str, str]) -> Iterator[Finding]:
    """Findings about every distribution that is not as the lock (name to version) has it."""
    here = facts.by_name()
    wanted = {str(canonicalize_name(name)): (name, version) for name, version in lock.items()}
    for wanted_key, (name, version) in sorted(wanted.items()):
        found = here.get(wanted_key)
        if found is None:
            yield rules.NOT_INSTALLED.finding(
                f"{name} {version} is locked and not installed", hint=f"install {name}=={version}", where=name
            )
        elif not _same(found.version, version):
            yield rules.DRIFT.finding(
                f"{name} {found.version} is installed and {version} is locked",
                hint=f"install {name}=={version}, and look for the later step that moved it",
                where=name,
            )
    for key, extra in sorted(here.items()):
        if key not in wanted and key not in INSTALLERS:
            yield rules.NOT_LOCKED.finding(
                f"{extra.name} {extra.version} is installed and not in the lock",
                hint="lock it, or leave it out",
                where=extra.name,
            )


def _same(left: str, right: str) -> bool:
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return left == right
