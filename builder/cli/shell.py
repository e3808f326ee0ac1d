"""`envspec shell`: becomes a shell in the virtual environment built for a spec."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from builder.cli.becoming import become, build_here
from builder.cli.options import quiet_option, spec_argument, variant_option
from builder.report.model import Report
from builder.values.request import Request


@click.command()
@spec_argument
@variant_option
@quiet_option
def shell(quiet: bool, **wanted: Any) -> int:
    """Start a shell in the virtual environment built for SPEC; `exit` leaves it.

    It is the one that $SHELL names, with the environment's programs first on PATH and its variables set.
    """
    built = build_here(Request(backend="virtualenv", **wanted), quiet=quiet)
    if isinstance(built, Report):
        return built.exit_code
    if sys.stderr.isatty() and not quiet:
        sys.stderr.write(f"a shell in {built.environment.reference}; `exit` leaves it\n")
    return become(built, [os.environ.get("SHELL") or "sh"])
