"""`envspec schema`: the JSON schema of envspec.toml."""

from __future__ import annotations

import json

import click

from builder.cli.streams import say_document
from envspec.spec import model


@click.command()
def schema() -> None:
    """Print the JSON schema of envspec.toml, for editors."""
    say_document(json.dumps(model.spec_schema(), indent=2, ensure_ascii=False) + "\n")
