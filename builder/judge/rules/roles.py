"""What the failure of a module means to the people who installed it: the role that the module plays."""

from __future__ import annotations

import enum
from collections.abc import Callable

from builder.judge.facts import Facts
from builder.judge.smoke import attributes_by_module
from envspec.spec.model import Smoke


class Role(enum.Enum):
    """The part that a module plays for whoever uses the environment."""

    DECLARED = "declared"
    """The spec's smoke checks name it."""
    ROOT = "root"
    """It is what a distribution offers that somebody wants for itself."""
    COMMAND = "command"
    """A command of a wanted distribution begins in it."""
    TRANSITIVE = "transitive"
    """It is what a distribution offers that is there for others, which may well work without it."""
    SURFACE = "surface"
    """It stands directly in a wanted package whose `__init__` is empty."""
    INSIDE = "inside"
    """It stands deeper in a package."""

    @property
    def is_inner(self) -> bool:
        """Whether the module may fail without its package being useless."""
        return self in (Role.SURFACE, Role.INSIDE)

    @property
    def is_wanted(self) -> bool:
        """Whether somebody counts on the module itself."""
        return self in (Role.DECLARED, Role.ROOT, Role.COMMAND)


def roles(facts: Facts, smoke: Smoke) -> Callable[[str], Role]:
    """A function that tells the role of each module, by its dotted name."""
    declared = {*smoke.imports, *attributes_by_module(smoke)}
    wanted = {each["name"] for each in facts.raw["loose"]}
    transitive: set[str] = set()
    for each in facts.distributions:
        (wanted if facts.is_wanted(each) else transitive).update(each.roots)

    surface = {
        module for root, modules in facts.raw["surface"].items() if root in wanted for module in modules
    }

    commands = {module for module, door in facts.raw["doors"].items() if door["command"]}
    known = (
        (Role.DECLARED, declared),
        (Role.ROOT, wanted - surface),
        (Role.COMMAND, commands),
        (Role.SURFACE, surface),
        (Role.TRANSITIVE, transitive),
    )

    def role(module: str) -> Role:
        return next((role for role, modules in known if module in modules), Role.INSIDE)

    return role
