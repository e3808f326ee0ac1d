"""`envspec run`: becomes a program of a spec, or any command, in the virtual environment built for it."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import click

from builder.cli.becoming import become, build_here
from builder.cli.completing import offer_programs
from builder.cli.options import PLACE, quiet_option, variant_option
from builder.report.model import Report
from builder.values.program import HERE
from builder.values.request import Request
from envspec.spec import load
from envspec.spec.model import FILE_NAME
from envspec.spec.program import MAIN
from envspec.system.errors import UsageError
from envspec.system.quoting import listed

_REST = f"{__name__}.rest"


class WithRest(click.Command):
    """A command that tells what stands behind `--` from what stands before."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As every command does, with the words before `--` alone; the others are kept."""
        if "--" in args:
            place = args.index("--")
            args, ctx.meta[_REST] = args[:place], tuple(args[place + 1 :])
        return super().parse_args(ctx, args)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is to be started."""

    spec: pathlib.Path | None
    program: str | None
    """None for the main one, or for a command."""
    rest: tuple[str, ...]
    """Further words: of the program, or a command."""

    @property
    def command(self) -> tuple[str, ...]:
        """Any command, where no program is named and what is there is no option of the main one."""
        return self.rest if self.program is None and self.rest[:1] and self.rest[0][:1] != "-" else ()


@click.command(cls=WithRest)
@click.argument("words", nargs=-1, metavar="[SPEC] [PROGRAM] [-- ARGS...]", shell_complete=offer_programs)
@click.option("--spec", type=PLACE, help="The spec, where its name could be taken for a program's.")
@variant_option
@quiet_option
@click.pass_context
def run(
    ctx: click.Context, /, words: tuple[str, ...], spec: pathlib.Path | None, quiet: bool, **wanted: Any
) -> int:
    """Start a program of SPEC, the main one if none is named, in the virtual environment built for it.

    ARGS are further words of the program: `envspec run worker -- --loglevel debug`. Where no program is
    named, words behind `--` that begin with no option are a command of its own: `envspec run -- python -V`.

    A word that names a file, or a folder with an envspec.toml, is SPEC. The program has its signals and its
    exit code itself; the environment is built where it does not stand yet.
    """
    wish = read_words(words, spec, ctx.meta.get(_REST, ()))
    return start(wish, Request(spec=wish.spec, backend="virtualenv", **wanted), quiet=quiet)


def read_words(words: tuple[str, ...], spec: pathlib.Path | None, rest: tuple[str, ...]) -> Wish:
    """What the words before and behind `--` mean. Raises `UsageError` for too many."""
    left = list(words)
    if spec is None and left and _is_spec(left[0]):
        spec = pathlib.Path(left.pop(0))
    if len(left) > 1:
        raise UsageError(
            f"{left[1]!r} is one word too many: a spec and a program are read",
            hint="words for the program go behind `--`",
        )
    return Wish(spec=spec, program=left[0] if left else None, rest=rest)


def _is_spec(word: str) -> bool:
    place = pathlib.Path(word)
    return "/" in word or word in (".", "..") or place.suffix == ".toml" or (place / FILE_NAME).is_file()


def start(wish: Wish, request: Request, *, quiet: bool) -> int:
    """Build what is missing and turn into what is wished for; the exit code of a build that failed.

    Raises `UsageError` for a program that the spec does not have.
    """
    spec = load.load_spec(load.find_spec(request.spec), request.variant)
    known = [*([MAIN] if spec.service else []), *spec.programs]
    name = wish.program or MAIN
    if not wish.command and name not in known:
        what = f"no program {wish.program}" if wish.program else "no main program"
        raise UsageError(f"the spec has {what}; its programs: {listed(known)}", hint=_hint(known, wish))
    built = build_here(request, quiet=quiet)
    if isinstance(built, Report):
        return built.exit_code
    if wish.command:
        return become(built, wish.command)
    program = built.plan.program(name)
    if program is None:
        raise LookupError(f"the plan has lost program {name}")
    return become(built, [*program.words(HERE), *wish.rest], program)


def _hint(known: list[str], wish: Wish) -> str:
    if known:
        return f"name one of them, as in `envspec run {known[0]}`"
    command = wish.program or "python"
    return f"`envspec run -- {command}` runs a command; [run] in the spec says what its programs are"
