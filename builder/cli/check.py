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
@click.option(
    "--static", is_flag=True, help="Only read the wheels: try no import, whatever this machine can."
)
@lock_options
@strict_option
@report_options
def check(form: str, folder: pathlib.Path | None, quiet: bool, static: bool, **wanted: Any) -> int:
    """Say what is wrong with SPEC before anything is installed.

    It reads the spec, writes a lock beside it where none is there that fits (never with --locked), and proves
    from the locked wheels what will fail. Where this machine can run the target, the imports are made as
    well, in a sandbox and in an environment that is thrown away again. No image is made.

    SPEC may also be what `envspec init` reads, such as uv.lock or requirements.txt: then nothing is written.
    """
    return carry_out(Request(stop_after="prove", rehearse=not static, **wanted), form, folder, quiet=quiet)
