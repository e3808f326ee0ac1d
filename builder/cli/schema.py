"""`envspec schema`: the JSON schema of envspec.toml."""

from __future__ import annotations

import json

import click

from envspec.spec import model


@click.command()
def schema() -> None:
    """Print the JSON schema of envspec.toml, for editors."""
    click.echo(json.dumps(model.spec_schema(), indent=2, ensure_ascii=False))
