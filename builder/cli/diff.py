"""`envspec diff`: two locks or environments lock against each other."""

from __future__ import annotations

import os
import pathlib

import click
from packaging.utils import canonicalize_name

from builder.cli.options import Place
from builder.cli.streams import say_text
from builder.flow.project import IMAGE, argument_of
from builder.judge import InterpreterSubject, Subject
from envspec.ingest.running import SCRIPT, versions_told
from envspec.lockfile import lock as locks
from envspec.lockfile.diff import Change, Side, compare_sides, side_of_lock
from envspec.spec import load
from envspec.spec.model import FILE_NAME
from envspec.system.errors import UsageError
from envspec.system.quoting import shortened

PATIENCE = 120.0
"""Seconds for an interpreter to say what it has."""
KINDS = "give a lock, a spec, a virtual environment's folder, an interpreter, or image:NAME"


@click.command()
@click.argument("before", type=Place())
@click.argument("after", type=Place())
def diff(before: str, after: str) -> int:
    """Say what differs from BEFORE to AFTER; 1 if anything does.

    Each is a lock, a spec, a virtual environment's folder, an interpreter, or image:NAME.
    """
    found = find_changes(before, after)
    for change in found:
        say_text(str(change))
    return 1 if found else 0


def find_changes(before: str, after: str) -> tuple[Change, ...]:
    """What differs from one to the other.

    Raises `UsageError` for what is neither lock nor environment, `OutsideError` when one does not answer.
    """
    return tuple(compare_sides(side_of(before), side_of(after)))


def side_of(place: str) -> Side:
    """A lock, a spec's lock, a virtual environment's folder, an interpreter, or `image:NAME`."""
    if place.startswith(IMAGE):
        from builder.backends.docker.subject import DockerSubject

        return side_of_subject(DockerSubject(place.removeprefix(IMAGE)))
    path = pathlib.Path(place)
    if not os.path.exists(path):  # noqa: PTH110 - also of a name that no file can have
        beside = path.with_suffix(".toml")
        made = path.suffix == ".lock" and beside.is_file()
        hint = f"`envspec lock{argument_of(beside)}` makes it" if made else KINDS
        raise UsageError(f"{shortened(place)} is not there", hint=hint)
    if path.is_dir() and (path / "bin" / "python").exists():
        return side_of_subject(InterpreterSubject(path / "bin" / "python"))
    if path.is_file() and os.access(path, os.X_OK):
        return side_of_subject(InterpreterSubject(path))
    if path.is_dir() and not (path / FILE_NAME).exists():
        raise UsageError(f"{shortened(place)} has neither a spec nor an environment", hint=KINDS)
    file = path if path.suffix == ".lock" else locks.lock_file(load.find_spec(path), None)
    lock = locks.read_lock(file)
    if lock is None:
        spec = load.find_spec(path)
        raise UsageError(f"{spec} has no lock", hint=f"`envspec lock{argument_of(spec)}` makes it")
    return side_of_lock(lock, place)


def side_of_subject(subject: Subject) -> Side:
    """What anything with an interpreter has installed. Raises `OutsideError` when it does not answer."""
    done = subject.run([subject.python, "-I", "-c", SCRIPT], stdin=None, timeout=PATIENCE)
    version, found = versions_told(done, subject.label)
    return Side(
        label=subject.label,
        python=version,
        pins={canonicalize_name(name): has for name, has in found.items()},
    )
