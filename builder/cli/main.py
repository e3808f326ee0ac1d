"""The programs `envspec` and `build-image`: which command a word means, and how errors become exit codes."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from builder.cli.completing import is_asked
from builder.cli.options import EXIT_CODES
from builder.cli.streams import flush_output, keep_streams, say_text
from envspec.supply.pip_settings import ask_pip_ahead
from envspec.system.errors import EnvspecError
from envspec.system.home import refused
from envspec.system.quoting import shortened
from envspec.system.scratch import scratch_for_all, sweep_scratch

TOPICS: Mapping[str, Mapping[str, str]] = {
    "Begin": {
        "init": "Write a first spec from what others describe environments with.",
        "schema": "Print the JSON schema of envspec.toml, for editors.",
        "completion": "Print what makes a shell complete commands, options and names.",
    },
    "Lock and prove": {
        "lock": "Write the lock; where SPEC changed, only what must moves.",
        "check": "Say what is wrong with SPEC before anything is installed.",
        "simulate": "Say what plain pip would do with the stages, one after another.",
        "add": "Add packages to SPEC and its lock, proved first.",
        "remove": "Take packages out of SPEC and its lock.",
        "fix": "Change SPEC as little as it takes to build and verify.",
    },
    "Build and run": {
        "render": "Print the Dockerfile of SPEC, or what runs its image.",
        "run": "Start a program of SPEC, or any command, in the environment built for it.",
        "serve": "Serve what SPEC has as its service in the environment built for it.",
        "shell": "Start a shell in the environment built for SPEC.",
    },
    "Judge": {
        "verify": "Judge any Python environment: may it ship, why not, what to do.",
    },
    "Look closer": {
        "rules": "Show what a rule such as EV101 finds, how, and what to do.",
        "explain": "Say who wants PACKAGE, and why; with --gpu, who wants which driver.",
        "diff": "Say what differs from BEFORE to AFTER; 1 if anything does.",
        "cache": "Say what is kept between runs, and make it smaller.",
    },
}
"""The commands of `envspec` by what one wants to do, with what `envspec --help` says of each."""

COMMANDS: Mapping[str, str] = {name: line for topic in TOPICS.values() for name, line in topic.items()}
"""All of them, each a module of its name in this room."""

SINGULAR = {"rule": "rules"}
"""Commands by the name under which they are looked for as well: one rule is shown more often than all."""

BUILDING = "`build-image SPEC` does all of it: lock, prove, build, verify, report."
"""What the help says of the other program, which people look for here."""

LONGEST_ERROR = 20_000
"""Characters of an error: what a program said may stand in it."""

REPORTING = {"add", "build_image", "check", "lock", "remove", "verify"}
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
        name = SINGULAR.get(cmd_name, cmd_name)
        return load_command(name) if name in COMMANDS else None

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by topic, without loading any."""
        widest = max(map(len, COMMANDS))
        for topic, commands in TOPICS.items():
            with formatter.section(topic):
                formatter.write_dl([(name.ljust(widest), line) for name, line in commands.items()])
                if topic == "Build and run":
                    formatter.write_text(BUILDING)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell offers for a command, without loading any."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        found = ((name, line) for name, line in COMMANDS.items() if name.startswith(incomplete))
        return [CompletionItem(name, help=line) for name, line in found]


def load_command(module: str) -> click.Command:
    """The command of a module of this room, which bears the module's name."""
    if module in REPORTING and not is_asked():
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
