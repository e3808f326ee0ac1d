"""`envspec init`: a first spec from what others describe environments with."""

from __future__ import annotations

import pathlib

import click

from envspec.ingest import read, write
from envspec.system.errors import UsageError
from envspec.system.home import disk_refusals, write_atomic


@click.command()
@click.argument("source", type=click.Path(path_type=pathlib.Path))
@click.option(
    "--output",
    type=click.Path(path_type=pathlib.Path),
    default=pathlib.Path("envspec.toml"),
    show_default=True,
)
@click.option("--force", is_flag=True, help="Write over a spec that is there.")
def init(source: pathlib.Path, output: pathlib.Path, force: bool) -> None:
    """Make a first spec from SOURCE: a requirements.txt, Dockerfile, cog.yaml or interpreter."""
    if output.exists() and not force:
        raise UsageError(f"{output} is there already", hint="--force writes over it, --output names another")
    draft = read.read_description(source)
    if not draft.installs:
        raise UsageError(f"{source} installs nothing with pip")
    with disk_refusals(output, setting="--output"):
        write_atomic(output, write.spec_text(draft))
    for note in draft.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"wrote: {output}")
