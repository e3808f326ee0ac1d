"""`envspec check`: what is wrong with a spec, before anything is installed."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from builder.cli.deliver import carry_out
from builder.cli.options import lock_options, report_options, spec_argument, strict_option, variant_option
from builder.values.request import Request


@click.command()
@spec_argument
@variant_option
@click.option("--fresh", is_flag=True, help="Prove again what was proved before.")
@lock_options
@strict_option
@report_options
def check(form: str, folder: pathlib.Path | None, quiet: bool, **wanted: Any) -> int:
    """Say what is wrong with SPEC before anything is installed.

    It reads the spec, writes a lock beside it where none is there that fits (never with --locked), and proves
    from the locked wheels what will fail. Nothing is installed, and no image is made.

    SPEC may also be what `envspec init` reads, such as uv.lock or requirements.txt: then nothing is written.
    """
    return carry_out(Request(stop_after="prove", **wanted), form, folder, quiet=quiet)
