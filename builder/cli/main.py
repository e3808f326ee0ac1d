"""The programs `envspec` and `build-image`: which command a word means, and how errors become exit codes."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from typing import NoReturn

import click

from builder.cli.options import EXIT_CODES
from builder.cli.streams import flush_output, keep_streams, say_text
from envspec.supply.pip_settings import ask_pip_ahead
from envspec.system.errors import EnvspecError
from envspec.system.home import refused
from envspec.system.quoting import shortened
from envspec.system.scratch import scratch_for_all, sweep_scratch

COMMANDS: Mapping[str, str] = {
    "check": "Say what is wrong with SPEC before anything is installed.",
    "diff": "Say what differs from BEFORE to AFTER; 1 if anything does.",
    "explain": "Say who wants PACKAGE, at which version; with --gpu, which driver and why.",
    "fix": "Search for the smallest change after which SPEC builds and verifies.",
    "init": "Make a first spec from what others describe environments with.",
    "lock": "Find versions that work together and write them to the lock.",
    "render": "Print the Dockerfile of SPEC, or what runs its image.",
    "schema": "Print the JSON schema of envspec.toml, for editors.",
    "serve": "Serve the payload of SPEC in the environment built for it.",
    "simulate": "Say what plain pip would do with the stages, one after another.",
    "verify": "Judge any Python environment: may it ship, why not, what to do.",
}
"""The commands of `envspec`, each a module of its name in this room, with what `envspec --help` says."""

LONGEST_ERROR = 20_000
"""Characters of an error: what a program said may stand in it."""

REPORTING = {"build_image", "check", "lock", "verify"}
"""Modules of commands that end in a report, from which what pip's settings name is cut.

Asking pip takes as long as loading a command does, so both begin at once.
"""


class Commands(click.Group):
    """A group whose commands are loaded when they are asked for: the others cost a run nothing."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Their names, in order."""
        return list(COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def load_command(module: str) -> click.Command:
    """The command of a module of this room, which bears the module's name."""
    if module in REPORTING:
        ask_pip_ahead()
    command: click.Command = getattr(importlib.import_module(f"builder.cli.{module}"), module)
    return command


@click.group(cls=Commands, epilog=EXIT_CODES)
@click.version_option(package_name="envspec")
def envspec() -> None:
    """Python environments: proved before they are built, judged after."""


def run_program(program: str) -> NoReturn:
    """Run `envspec` or `build-image` and exit."""
    keep_streams()
    sweep_scratch()
    with scratch_for_all():
        run_command(envspec if program == "envspec" else load_command("build_image"), program)


def run_command(command: click.Command, program: str) -> NoReturn:
    """Run a command and exit: the one place where errors become words and exit codes."""
    try:
        code = command.main(prog_name=program, standalone_mode=False) or 0
        flush_output()
    except click.ClickException as error:
        error.message = shortened(error.message, 1000)  # type: ignore[misc]  # final for its subclasses
        page = io.StringIO()
        error.show(page)
        say_text(page.getvalue().removesuffix("\n"), aside=True)
        code = 2
    except (KeyboardInterrupt, click.Abort):
        say_text("interrupted; nothing half-made is left behind", aside=True)
        code = 130
    except EnvspecError as error:
        code = _say(error)
    except (OSError, MemoryError, RuntimeError, ImportError) as error:
        if (failure := refused(error)) is None:
            raise
        code = _say(failure)
    raise SystemExit(code)


def _say(error: EnvspecError) -> int:
    """Tell the error; its exit code."""
    say_text(f"error: {shortened(error.message, LONGEST_ERROR)}", aside=True)
    if error.hint:
        say_text(f"hint: {error.hint}", aside=True)
    return error.exit_code
