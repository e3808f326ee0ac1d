"""Judges declared requirements: what is violated with everything working is a warning."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from builder.judge.facts import Facts, within
from envspec.system import rules
from envspec.system.finding import Finding


def judge_requirements(facts: Facts) -> Iterator[Finding]:
    """Findings about Requires-Dist and Requires-Python of every distribution."""
    here = facts.by_name()
    for each in here.values():
        for requirement in each.requires:
            found = here.get(canonicalize_name(requirement.name))
            text = f"{requirement.name}{requirement.specifier}"
            if found is None:
                yield rules.REQUIREMENT_MISSING.finding(
                    f"{each.name} {each.version} requires {text}, which is not installed",
                    hint=f"install {text}",
                    where=each.name,
                )
            elif not within(found.version, requirement.specifier):
                yield rules.REQUIREMENT_VERSION.finding(
                    f"{each.name} {each.version} requires {text}, and {found.version} is installed",
                    hint=f"install {text}, or a version of {each.name} that suits {found.version}",
                    where=each.name,
                )
        if not _supports(each.requires_python, facts.python["version"]):
            yield rules.PYTHON_VERSION.finding(
                f"{each.name} {each.version} supports Python {each.requires_python}, "
                f"and this is {facts.python['version']}",
                hint=f"take a version of {each.name} for this Python",
                where=each.name,
            )


def _supports(requires_python: str, version: str) -> bool:
    try:
        return not requires_python or SpecifierSet(requires_python).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True
