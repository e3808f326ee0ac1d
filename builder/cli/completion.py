"""`envspec completion`: what makes a shell complete the words of both programs."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from builder.cli.completing import PROGRAMS, variable_of
from builder.cli.streams import say_document

_HINT = {
    "bash": "source <(envspec completion bash)          # in ~/.bashrc; bash 4.4 or newer",
    "zsh": "source <(envspec completion zsh)           # in ~/.zshrc, below compinit",
    "fish": "envspec completion fish | source           # in ~/.config/fish/config.fish",
}


@click.command(epilog="\b\n" + "\n".join(_HINT.values()))
@click.argument("shell", type=click.Choice(list(_HINT)))
def completion(shell: str) -> None:
    """Print what makes SHELL complete `envspec` and `build-image`; it changes nothing by itself.

    Commands, options and their values, files, the variants of a spec, the packages of its lock, and ids of
    rules are offered. A line in the shell's own file is enough:
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is not known")
    for program in PROGRAMS:
        script = kind(click.Command(program), {}, program, variable_of(program))
        say_document(script.source_template % script.source_vars())
