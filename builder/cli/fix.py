"""`envspec fix`: the smallest change after which a spec builds and verifies."""

from __future__ import annotations

import pathlib

import click

from builder.cli.bars import shown_progress
from builder.cli.options import quiet_option, spec_argument
from builder.cli.streams import say_text
from builder.fix import search
from envspec.spec.load import find_spec
from envspec.system.machine import want_linux


@click.command()
@spec_argument
@click.option(
    "--budget", type=click.FloatRange(1), default=1200.0, show_default=True, help="Seconds to search."
)
@click.option("--dry-run", is_flag=True, help="Show the change and leave the spec as it is.")
@quiet_option
def fix(spec: pathlib.Path | None, budget: float, dry_run: bool, quiet: bool) -> None:
    """Search for the smallest change after which SPEC builds and verifies, and make it.

    It changes the spec and its lock, and keeps comments and order; --dry-run shows the change alone. What
    is tried is really locked, built and verified, which takes its time; the next call goes on where it ended.
    """
    want_linux(
        "what is tried is built and verified in virtual environments, which are for Linux",
        hint="run it on Linux, in a container or in WSL; `envspec check` works here and says what is wrong",
    )
    with shown_progress(quiet=quiet) as progress:
        found = search.search_fix(find_spec(spec), budget=budget, write=not dry_run, progress=progress)
    for edit in found.edits:
        say_text(f"changed {edit}")
    say_text(found.diff.removesuffix("\n") or "nothing to fix: it builds and verifies as it stands")
    say_text(f"verified in {found.seconds} s")
