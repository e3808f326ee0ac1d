"""What a shell is offered for a word: names of variants, packages and rules, as far as they are known."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from envspec.system.errors import EnvspecError

PROGRAMS = ("envspec", "build-image")

Offer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def variable_of(program: str) -> str:
    """The variable by which a shell asks a program for its offers, as click names it."""
    return f"_{program.replace('-', '_')}_COMPLETE".upper()


def is_asked() -> bool:
    """Whether this process runs because somebody pressed a key in a shell, who waits for it."""
    return any(variable_of(program) in os.environ for program in PROGRAMS)


def _offered(find: Callable[[click.Context], Iterable[tuple[str, str]]]) -> Offer:
    """An offer of names, each with words about it; nothing where they cannot be read, for nobody asked."""

    def offer(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            found = sorted(find(ctx))
        except (EnvspecError, OSError):
            return []
        return [CompletionItem(name, help=words) for name, words in found if name.startswith(incomplete)]

    return offer


def _variants(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from envspec.spec import load

    return [(name, "") for name in load.load_spec(ctx.params.get("spec") or ctx.params.get("place")).variant]


def _programs(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from envspec.spec import load
    from envspec.spec.program import MAIN

    spec = load.load_spec(load.find_spec(ctx.params.get("spec")))
    main = [(MAIN, "what [service] names")] if spec.service else []
    return [*main, *((name, " ".join(each.command)) for name, each in spec.programs.items())]


def _packages(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from envspec.lockfile import lock as locks
    from envspec.spec import load

    file = load.find_spec(ctx.params.get("spec"))
    lock = locks.read_lock(locks.lock_file(file, ctx.params.get("variant")))
    return lock.pins.items() if lock is not None else ()


def _stages(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from envspec.spec import load

    spec = load.load_spec(ctx.params.get("spec"))
    overlay = spec.variant.get(ctx.params.get("variant") or "")
    stages = spec.stage if overlay is None else overlay.stage
    return [(stage.name, stage.why) for stage in stages]


def _named(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from envspec.spec import load

    stages = load.load_spec(ctx.params.get("spec")).stage
    return [(name, f"in stage {stage.name}") for stage in stages for name in stage.names]


def _rules(_: click.Context) -> Iterable[tuple[str, str]]:
    from envspec.system.rules import RULES

    return ((rule.id, rule.title) for rule in RULES.values())


offer_variants = _offered(_variants)
"""The variants of the spec that was named, or of this folder's."""
offer_programs = _offered(_programs)
"""The programs of the spec, with their commands."""
offer_packages = _offered(_packages)
"""The packages of its lock, with their versions."""
offer_stages = _offered(_stages)
"""The stages of the spec, with why they stand there."""
offer_named = _offered(_named)
"""The packages that its stages name, each with its stage."""
offer_rules = _offered(_rules)
"""The ids of all rules, with their titles."""
