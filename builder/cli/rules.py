"""`envspec rules`: the pages of rules in the terminal, or the list of all."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import click

from builder.cli.completing import offer_rules
from builder.cli.streams import say_text
from builder.report.families import family_of
from envspec.system.errors import UsageError
from envspec.system.quoting import shortened
from envspec.system.rule_pages import rule_page
from envspec.system.rules import RULES


@click.command()
@click.argument("ids", metavar="[RULE]...", nargs=-1, shell_complete=offer_rules)
def rules(ids: tuple[str, ...]) -> None:
    """Show what a RULE such as EV101 finds, how, and what to do; without one, list them all.

    `[smoke] ignore` in a spec leaves a rule out, everywhere or at one place.
    """
    wanted = [word.upper() for word in ids]
    if unknown := [word for word in wanted if word not in RULES]:
        raise UsageError(f"there is no rule {shortened(unknown[0])}", hint="`envspec rules` lists them all")
    say_text("\n\n".join(_shown(rule) for rule in wanted) or "\n".join(_listed()))


def _listed() -> Iterator[str]:
    """All rules below the titles of their families."""
    title = ""
    for rule in RULES.values():
        if (family := family_of(rule.id).title) != title:
            yield from ("",) * bool(title)
            title = family
            yield title
        yield f"  {rule.id}  {rule.severity:<7}  {rule.title}"


def _shown(rule: str) -> str:
    """A page: set for a terminal, and as it is written for anything else."""
    text = rule_page(rule).strip()
    if not (sys.stdout and sys.stdout.isatty()):
        return text
    from rich.console import Console
    from rich.markdown import Markdown

    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    console = Console(width=width, file=sys.stdout)
    with console.capture() as captured:
        console.print(Markdown(text, hyperlinks=False))
    return captured.get().strip("\n")
