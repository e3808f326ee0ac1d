"""`envspec init`: a first spec from what others describe environments with."""

from __future__ import annotations

import os
import pathlib

import click

from builder.cli.options import PLACE
from builder.cli.streams import say_text
from envspec.ingest import read, write
from envspec.system.errors import UsageError
from envspec.system.home import disk_refusals, write_atomic


@click.command()
@click.argument("source", type=PLACE)
@click.option(
    "--output",
    type=PLACE,
    default=pathlib.Path("envspec.toml"),
    show_default=True,
)
@click.option("--force", is_flag=True, help="Write over a spec that is there.")
def init(source: pathlib.Path, output: pathlib.Path, force: bool) -> None:
    """Make a first spec from SOURCE: a requirements.txt, Dockerfile, cog.yaml or interpreter.

    It writes envspec.toml, or what --output names, and nothing else; a file is read and not run.
    """
    if os.path.lexists(output) and not force:  # of a name that no file can have, the disk will say it
        raise UsageError(f"{output} is there already", hint="--force writes over it, --output names another")
    draft = read.read_description(source)
    if not any(install.requirements for install in draft.installs):
        raise UsageError(f"{source} installs nothing with pip")
    with disk_refusals(output, setting="--output"):
        write_atomic(output, write.spec_text(draft))
    for note in draft.notes:
        say_text(f"note: {note}", aside=True)
    say_text(f"wrote: {output}")
