"""Arguments and options that several commands share."""

from __future__ import annotations

import errno
import os
import pathlib
from collections.abc import Callable
from typing import Any

import click

from builder.cli.completing import offer_variants
from builder.report.forms import FORMS
from envspec.system.quoting import shortened

EXIT_CODES = """
\b
Exit codes:
  0    fine
  1    findings that must be fixed
  2    the spec or the command line is wrong
  3    the build failed
  4    something outside is missing or unreachable
  130  interrupted; 143 ended by SIGTERM
"""


class Place(click.Path):
    """A path on the command line, whether or not there is anything; a name that none can have is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Fails where the system would refuse to look for it."""
        try:
            os.lstat(value)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                self.fail(f"{shortened(os.fsdecode(value))}: {error.strerror}", param, ctx)
        return super().convert(value, param, ctx)


PLACE = Place(path_type=pathlib.Path)

Decorator = Callable[[Any], Any]


def _all(*options: Decorator) -> Decorator:
    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


spec_argument = click.argument("spec", required=False, type=PLACE)
variant_option = click.option(
    "--variant", shell_complete=offer_variants, help="A [variant.NAME] of the spec to lay over it."
)
lock_options = _all(
    click.option("--locked", is_flag=True, help="Refuse a missing or stale lock instead of making it anew."),
    click.option("--offline", is_flag=True, help="Touch no network: everything must be here already."),
    click.option("--resolver", type=click.Choice(["uv", "pip-tools"]), default="uv", show_default=True),
)
strict_option = click.option("--strict", is_flag=True, help="Count warnings as errors, as CI should.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress.")
change_options = _all(
    click.option("--spec", type=PLACE, help="The spec, where its name could be taken for a package's."),
    click.option(
        "--variant", shell_complete=offer_variants, help="Edit this [variant.NAME] and its lock alone."
    ),
    click.option("--offline", is_flag=True, help="Touch no network: everything must be here already."),
    click.option("--resolver", type=click.Choice(["uv", "pip-tools"]), default="uv", show_default=True),
    click.option("--dry-run", is_flag=True, help="Show the change and write nothing."),
    quiet_option,
)
report_options = _all(
    click.option("--format", "form", type=click.Choice(list(FORMS)), default="text", show_default=True),
    click.option(
        "--report",
        "folder",
        type=PLACE,
        help="Write the report in all forms here.",
    ),
    quiet_option,
)
