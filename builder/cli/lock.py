"""`envspec lock`: the lock beside a spec, and the same in other tools' forms with `--export`."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import click

from builder.cli.bars import shown_progress
from builder.cli.completing import offer_packages
from builder.cli.deliver import carry_out
from builder.cli.options import (
    PLACE,
    lock_options,
    report_options,
    spec_argument,
    strict_option,
    variant_option,
)
from builder.cli.streams import say_text
from builder.flow.project import Project, open_project
from builder.values.request import Request
from envspec.lockfile import export as forms
from envspec.lockfile.lock import File
from envspec.source.fetch import fetch_locked
from envspec.system.home import disk_refusals, whole_file, write_atomic
from envspec.system.progress import Progress


@click.command()
@spec_argument
@variant_option
@lock_options
@click.option("--upgrade", is_flag=True, help="Resolve all anew even though the lock fits.")
@click.option(
    "--upgrade-package",
    "upgrade_packages",
    multiple=True,
    metavar="NAME[==VERSION]",
    shell_complete=offer_packages,
    help="Let this package move, and what must with it; may be given more than once.",
)
@click.option(
    "--export",
    type=PLACE,
    help="Also write hashed requirements for each stage, pylock.toml and the wheels here.",
)
@strict_option
@report_options
def lock(
    form: str, folder: pathlib.Path | None, quiet: bool, export: pathlib.Path | None, **wanted: Any
) -> int:
    """Find versions that work together and write them to the lock beside SPEC.

    A lock that fits SPEC stays as it is. Where SPEC has changed, all stages are solved anew, and every
    package keeps its version and its file where SPEC still allows it: what moves is named, with who requires
    that. With --upgrade all may move that SPEC leaves open. With --locked nothing is written.

    SPEC may also be what `envspec init` reads, such as uv.lock or requirements.txt: versions that it holds
    stay.
    """
    request = Request(stop_after="lock", **wanted)
    code = carry_out(request, form, folder, quiet=quiet)
    if code == 0 and export is not None:
        project = open_project(request.spec, request.variant, offline=request.offline)
        with shown_progress(quiet=quiet) as progress:
            for file in export_lock(project, export, progress):
                say_text(f"wrote: {file}", aside=True)
    return code


def export_lock(project: Project, folder: pathlib.Path, progress: Progress) -> Iterator[pathlib.Path]:
    """Write `pylock.toml`, a requirements file for each stage, and the wheels. Gives what was written.

    Raises `FindingsError` without a lock, `OutsideError` when a wheel cannot be had or the disk refuses.
    """
    locked, store = project.needed_lock(progress), project.store
    fetch_locked(locked, project.sources(), store, progress)
    wheels = folder / "wheels"
    missing = [one.installed for one in locked.artifact if not _has(wheels, one.installed)]
    with disk_refusals(folder, setting="--export", needed=lambda: sum(file.size for file in missing)):
        wheels.mkdir(parents=True, exist_ok=True)
        for file in missing:
            with store.path(file).open("rb") as source, whole_file(wheels / file.file) as target:
                shutil.copyfileobj(source, target)
        yield wheels
        write_atomic(folder / "pylock.toml", forms.export_pylock(locked))
        yield folder / "pylock.toml"
        for number, stage in enumerate(locked.stages, 1):
            place = folder / f"requirements-{number}-{stage}.txt"
            write_atomic(place, forms.export_requirements(locked, stage))
            yield place


def _has(wheels: pathlib.Path, file: File) -> bool:
    """Whether an earlier export brought it, the whole of it."""
    try:
        return (wheels / file.file).stat().st_size == file.size
    except OSError:
        return False
