"""`build-image`: lock, prove, build, verify, report."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from builder.cli.at_once import BUILDING
from builder.cli.deliver import carry_out_once
from builder.cli.options import (
    EXIT_CODES,
    PLACE,
    lock_options,
    report_options,
    spec_argument,
    strict_option,
    variant_option,
)
from builder.report.model import PHASES
from builder.values.request import Request
from builder.values.shipping import Shipping


@click.command("build-image", epilog=EXIT_CODES)
@spec_argument
@variant_option
@click.option(
    "--backend",
    type=click.Choice(["auto", "docker", "virtualenv", "oci"]),
    default="auto",
    show_default=True,
    help="What carries out the plan.",
)
@click.option("--tag", help="Name of the image.")
@click.option("--output", type=PLACE, help="An OCI layout folder, or a .tar to load.")
@click.option("--push", is_flag=True, help="Push the image to the registry that its tag names.")
@click.option(
    "--stop-after", type=click.Choice(PHASES), help="Do no more than this phase and those before it."
)
@click.option("--fast", is_flag=True, help="Verify only the static part and the top-level imports.")
@click.option("--fresh", is_flag=True, help="Prove and verify again what was found good before.")
@lock_options
@strict_option
@report_options
@click.version_option(package_name="envspec")
def build_image(
    form: str,
    folder: pathlib.Path | None,
    quiet: bool,
    tag: str | None,
    output: pathlib.Path | None,
    push: bool,
    **wanted: Any,
) -> int:
    """Build the environment that SPEC describes, and prove that it works.

    SPEC is an envspec.toml, or the folder that holds one; left out, the current folder's.
    """
    shipping = Shipping(tag=tag, output=output, push=push)
    return carry_out_once(Request(shipping=shipping, report=folder, **wanted), form, BUILDING, quiet=quiet)
