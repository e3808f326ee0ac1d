"""`envspec init`: a first spec from what others describe environments with."""

from __future__ import annotations

import os
import pathlib

import click

from builder.cli.options import PLACE
from builder.cli.streams import say_text
from envspec.ingest import read, write
from envspec.ingest.draft import Wish
from envspec.spec.python import parse_python
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
@click.option(
    "--python", metavar="VERSION", help="Python of the spec, such as 3.12, where SOURCE leaves it open."
)
@click.option("--force", is_flag=True, help="Write over a spec that is there.")
def init(source: pathlib.Path, output: pathlib.Path, python: str | None, force: bool) -> None:
    """Make a first spec from SOURCE: what a project has already, such as its pyproject.toml.

    It writes envspec.toml, or what --output names; nothing is run, and what a spec cannot say is told.
    """
    if os.path.lexists(output) and not force:  # of a name that no file can have, the disk will say it
        raise UsageError(f"{output} is there already", hint="--force writes over it, --output names another")
    draft = read.read_description(source, Wish(python=wished_python(python), folder=output.absolute().parent))
    if not any(install.requirements for install in draft.installs):
        for note in draft.notes:
            say_text(f"note: {note}", aside=True)
        raise UsageError(f"{source} names nothing that a spec could install")
    with disk_refusals(output, setting="--output"):
        write_atomic(output, write.spec_text(draft))
    for note in draft.notes:
        say_text(f"note: {note}", aside=True)
    say_text(f"wrote: {output}")


def wished_python(text: str | None) -> str | None:
    """The Python that the user asks for. Raises `UsageError` for what is none."""
    if text is None:
        return None
    try:
        parse_python(text)
    except ValueError as error:
        raise UsageError(f"--python: {error}") from error
    return text
