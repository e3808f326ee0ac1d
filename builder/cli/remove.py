"""`envspec remove`: packages taken out of a spec, proved first."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from builder.cli.add import say_change, split_words
from builder.cli.bars import shown_progress
from builder.cli.completing import offer_named
from builder.cli.options import change_options
from builder.fix import change
from builder.values.request import Request


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="NAME... [SPEC]", shell_complete=offer_named)
@change_options
def remove(
    words: tuple[str, ...], spec: pathlib.Path | None, *, dry_run: bool, quiet: bool, **wanted: Any
) -> int:
    """Take packages out of all stages of SPEC, and out of its lock what only they needed.

    What others still need stays in the lock, and who that is is said. Nothing else moves, and nothing is
    written that `envspec check` would refuse. Comments and order stay.
    """
    names, spec = split_words(words, spec)
    with shown_progress(quiet=quiet) as progress:
        done = change.remove_packages(
            Request(spec=spec, **wanted), names, write=not dry_run, progress=progress
        )
    return say_change(done)
