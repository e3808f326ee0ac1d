"""`envspec add`: packages added to a spec, proved first; also what `envspec remove` shares with it."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import click

from builder.cli.bars import shown_progress
from builder.cli.completing import offer_stages
from builder.cli.deliver import deliver
from builder.cli.options import change_options
from builder.cli.streams import say_text
from builder.fix import change
from builder.fix.change import Changed
from builder.values.request import Request
from envspec.spec.model import FILE_NAME
from envspec.system.errors import UsageError
from envspec.system.finding import must_fix


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="NAME[VERSION]... [SPEC]")
@click.option(
    "--stage", shell_complete=offer_stages, help="Where to; else the last stage that takes any package."
)
@click.option("--open", "leave_open", is_flag=True, help="Leave versions open rather than pin those found.")
@change_options
def add(
    words: tuple[str, ...],
    spec: pathlib.Path | None,
    stage: str | None,
    *,
    leave_open: bool,
    dry_run: bool,
    quiet: bool,
    **wanted: Any,
) -> int:
    """Add packages to SPEC and its lock: `envspec add flask`, `envspec add 'uvicorn[standard]>=0.30'`.

    A name alone is pinned to the version found. ./FOLDER, a wheel's path, an address or git+https://... is a
    source. What SPEC names already gets the version and the extras that are given. Nothing else moves but
    what must, and nothing is written that `envspec check` would refuse. Comments and order stay.
    """
    names, spec = split_words(words, spec)
    with shown_progress(quiet=quiet) as progress:
        done = change.add_packages(
            Request(spec=spec, **wanted),
            names,
            stage=stage,
            leave_open=leave_open,
            write=not dry_run,
            progress=progress,
        )
    return say_change(done)


def split_words(
    words: tuple[str, ...], spec: pathlib.Path | None
) -> tuple[tuple[str, ...], pathlib.Path | None]:
    """Packages, and the spec where the last word names one. Raises `UsageError` where no package is left."""
    if spec is None and _is_spec(words[-1], alone=len(words) == 1):
        words, spec = words[:-1], pathlib.Path(words[-1])
    if not words:
        raise UsageError(f"{spec} is a spec: name a package before it", hint="`--spec` names specs too")
    return words, spec


def _is_spec(word: str, *, alone: bool) -> bool:
    """Whether the last word means a spec: a TOML file, or behind others a folder that has one.

    A folder below that is a project too, or that stands alone, is own code that is to be added.
    """
    place = pathlib.Path(word)
    if place.suffix == ".toml":
        return True
    below = word not in {".", ".."}
    code = below and any((place / name).exists() for name in ("pyproject.toml", "setup.py"))
    return (place / FILE_NAME).is_file() and not code and not alone


def say_change(done: Changed) -> int:
    """Tell what came of a change; the exit code."""
    if done.refused is not None:
        errors = tuple(each for each in done.refused.findings if must_fix((each,)))
        code = deliver(dataclasses.replace(done.refused, findings=errors), "text", None)
        say_text("nothing was written", aside=True)
        return code
    for line in (*map(str, done.wordings), *done.lines, *(f"wrote: {file}" for file in done.files)):
        say_text(line)
    return 0
