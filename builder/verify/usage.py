"""Judges code in use: names and arguments that other installed distributions do not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from builder.verify import rules
from builder.verify.facts import Facts
from builder.verify.imports import short
from envspec.finding import Finding, Severity


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about uses without a way out that were confirmed by importing what uses them."""
    for job in facts.raw["usage"]:
        for each in job.get("missing", []):
            if each.get("confirmed"):
                yield _missing(each, facts)
        for each in job.get("refused", []):
            yield _refused(each, facts)


def _place(each: Mapping[str, Any], facts: Facts) -> str:
    return f"{short(each['path'], facts)}:{each['line']}"


def _provider(name: str, facts: Facts) -> str:
    owner = facts.owner(name)
    return f"{owner.name} {owner.version}" if owner else f"Python {facts.python['version']}"


def _missing(each: Mapping[str, Any], facts: Facts) -> Finding:
    return rules.NAME_GONE.finding(
        f"{each['module']} uses {each['name']}, which {_provider(each['name'], facts)} does not have "
        f"({_place(each, facts)})",
        hint=f"take another version of {_provider(each['name'], facts).partition(' ')[0]}, or of what uses it",
        where=each["module"],
        severity=None if each["hot"] or not each["deep"] else Severity.WARNING,
    )


def _refused(each: Mapping[str, Any], facts: Facts) -> Finding:
    return rules.ARGUMENT.finding(
        f"{each['module']} passes {each['argument']!r} to {each['name']}, which "
        f"{_provider(each['name'], facts)} does not accept ({_place(each, facts)})",
        hint=f"take another version of {_provider(each['name'], facts).partition(' ')[0]}, or of what uses it",
        where=each["module"],
    )
