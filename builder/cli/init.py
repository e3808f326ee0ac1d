"""`envspec init`: a first spec from what others describe environments with."""

from __future__ import annotations

import os
import pathlib

import click

from builder.cli.bars import shown_progress
from builder.cli.options import PLACE
from builder.cli.streams import say_text
from builder.flow.described import describe_place, kept_lock
from builder.flow.project import IMAGE, Project
from envspec.ingest import write
from envspec.ingest.draft import Draft, Wish
from envspec.lockfile import lock as lockfile
from envspec.spec.load import parse_spec
from envspec.spec.python import parse_python
from envspec.system.errors import EnvspecError, FindingsError, UsageError
from envspec.system.home import disk_refusals, write_atomic
from envspec.system.quoting import shortened


@click.command()
@click.argument("source", type=PLACE)
@click.option(
    "--output",
    type=PLACE,
    default=pathlib.Path("envspec.toml"),
    show_default=True,
)
@click.option(
    "--python", metavar="VERSION", help="Python of the spec, such as 3.12, where SOURCE leaves it open."
)
@click.option("--force", is_flag=True, help="Write over a spec that is there.")
def init(source: pathlib.Path, output: pathlib.Path, python: str | None, force: bool) -> None:
    """Make a first spec from SOURCE: what a project has already, such as its pyproject.toml.

    It writes envspec.toml, or what --output names; nothing is run, and what a spec cannot say is told.
    """
    # Where there is nothing to read, that is all that its user has to mend. Of an output whose name no file
    # can have, the disk will say it.
    there = str(source).startswith(IMAGE) or os.path.exists(source)  # noqa: PTH110 - also of such a name
    if os.path.lexists(output) and not force and there:
        raise UsageError(f"{output} is there already", hint="--force writes over it, --output names another")
    wish = Wish(python=wished_python(python), folder=output.absolute().parent)
    draft = describe_place(source, wish)
    text = write.spec_text(draft)
    with disk_refusals(output, setting="--output"):
        write_atomic(output, text)
    for note in draft.notes:
        say_text(f"note: {note}", aside=True)
    say_text(f"wrote: {output}")
    if draft.pins:
        _keep_lock(Project(file=output, spec=parse_spec(text, name=str(output))), draft)


def _keep_lock(project: Project, draft: Draft) -> None:
    """Write the lock beside the spec, or say why it is not what the description holds."""
    try:
        with shown_progress(quiet=False) as progress:
            kept = kept_lock(project, draft, progress, builds=False)
    except EnvspecError as error:
        found = error.findings if isinstance(error, FindingsError) else ()
        why = "; ".join([error.message, *(shortened(finding.message, 300) for finding in found[:3])])
        say_text(f"note: the versions that {draft.pinned_by} holds are not kept: {why}", aside=True)
        say_text("hint: `envspec lock` finds versions anew", aside=True)
        return
    for note in kept.notes:
        say_text(f"note: {draft.pinned_by}: {note}", aside=True)
    lockfile.write_lock(project.lock_file, kept.lock)
    say_text(f"wrote: {project.lock_file}, with the versions and digests of {draft.pinned_by}")


def wished_python(text: str | None) -> str | None:
    """The Python that the user asks for. Raises `UsageError` for what is none."""
    if text is None:
        return None
    try:
        parse_python(text)
    except ValueError as error:
        raise UsageError(f"--python: {error}") from error
    return text
