"""Who needs whom in a solution, and which stage a package belongs to."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.spec.target import Target
from envspec.supply.core_metadata import WheelMetadata

Node = tuple[str, frozenset[str]]
"""A package by canonical name, with the extras it is taken with."""


def needed(node: Node, solution: Mapping[str, WheelMetadata], target: Target) -> Iterator[Requirement]:
    """The requirements of a package that count on the target."""
    name, extras = node
    if name in solution:
        for requirement in map(_parsed, solution[name].requires):
            if target.wants(requirement.marker, extras):
                yield requirement


@functools.cache
def _parsed(text: str) -> Requirement:
    return Requirement(text)


def closure(
    roots: Iterable[Requirement],
    solution: Mapping[str, WheelMetadata],
    target: Target,
    *,
    without: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Names of everything that `roots` need, themselves included, in the order found.

    What is in `without` is left out, and so is what only that needs.
    """
    return _reached(roots, solution, target, without, set())


def _reached(
    roots: Iterable[Requirement],
    solution: Mapping[str, WheelMetadata],
    target: Target,
    without: frozenset[str],
    seen: set[Node],
) -> tuple[str, ...]:
    """The closure of `roots` beyond the nodes in `seen`, to which all that are met are added."""
    found: dict[str, None] = {}
    waiting = deque(requirement for requirement in roots if target.wants(requirement.marker))
    while waiting:
        requirement = waiting.popleft()
        node = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if node in seen or node[0] in without:
            continue
        seen.add(node)
        if node[0] in solution:
            found[node[0]] = None
        waiting.extend(needed(node, solution, target))
    return tuple(found)


def assign(
    stages: Sequence[tuple[str, Sequence[Requirement]]],
    solution: Mapping[str, WheelMetadata],
    target: Target,
    *,
    without: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """The stage of every package: the first that needs it, itself or through others.

    The first need decides even over a later stage that names the package, so that what a stage installs can
    always work with what stands before it.
    """
    placed: dict[str, str] = {}
    seen: set[Node] = set()  # what a node needs is placed with it: no later stage goes that way again
    for stage, requirements in stages:
        for name in _reached(requirements, solution, target, without, seen):
            placed.setdefault(name, stage)
    return placed


def chain(
    name: str, roots: Iterable[Requirement], solution: Mapping[str, WheelMetadata], target: Target
) -> tuple[str, ...]:
    """The shortest way from a root to `name`, as requirement texts; empty when nothing needs it."""
    waiting: deque[tuple[Requirement, tuple[str, ...]]] = deque((root, ()) for root in roots)
    seen: set[Node] = set()
    while waiting:
        requirement, before = waiting.popleft()
        node = canonicalize_name(requirement.name), frozenset(requirement.extras)
        path = (*before, str(requirement))
        if node[0] == name:
            return path
        if node in seen:
            continue
        seen.add(node)
        waiting.extend((needs, path) for needs in needed(node, solution, target))
    return ()
