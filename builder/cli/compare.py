"""`envspec diff` and `envspec explain`: a lock looked at, or held against another lock or environment."""

from __future__ import annotations

import os
import pathlib

from packaging.utils import canonicalize_name

from builder.judge import InterpreterTarget, Target
from envspec.ingest.running import SCRIPT, told
from envspec.lockfile import lock as locks
from envspec.lockfile.diff import Change, Side, diff
from envspec.lockfile.lock import Lock
from envspec.proof.prove import known_metadata
from envspec.resolve.explain import Explanation, explain
from envspec.spec import load
from envspec.supply.pip_settings import machine
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import FindingsError, UsageError
from envspec.system.home import home

PATIENCE = 120.0
"""Seconds for an interpreter to say what it has."""
IMAGE = "image:"
"""What stands before the name of an image."""


def changes(before: str, after: str) -> tuple[Change, ...]:
    """What differs from one to the other.

    Raises `UsageError` for what is neither lock nor environment, `OutsideError` when one does not answer.
    """
    return tuple(diff(side(before), side(after)))


def side(place: str) -> Side:
    """A lock, a spec's lock, a virtual environment's folder, an interpreter, or `image:NAME`."""
    if place.startswith(IMAGE):
        from builder.backends.docker.target import DockerTarget

        return answered(DockerTarget(place.removeprefix(IMAGE)))
    path = pathlib.Path(place)
    if path.is_dir() and (path / "bin" / "python").exists():
        return answered(InterpreterTarget(path / "bin" / "python"))
    if path.is_file() and os.access(path, os.X_OK):
        return answered(InterpreterTarget(path))
    file = path if path.suffix == ".lock" else locks.lock_file(load.find(path), None)
    held = locks.read(file)
    if held is None:
        raise UsageError(f"{file} is not there", hint="`envspec lock` makes it")
    return Side(
        label=place,
        python=held.python,
        pins=held.pins,
        files={entry.name: entry.installed.sha256 for entry in held.artifact},
        stages={entry.name: entry.stage for entry in held.artifact},
    )


def answered(target: Target) -> Side:
    """What anything with an interpreter has installed. Raises `OutsideError` when it does not answer."""
    done = target.run([target.python, "-I", "-c", SCRIPT], stdin=None, timeout=PATIENCE)
    version, found = told(done, target.label)
    return Side(
        label=target.label,
        python=version,
        pins={canonicalize_name(name): has for name, has in found.items()},
    )


def explanation(spec: pathlib.Path | None, variant: str | None, package: str) -> Explanation:
    """Why a package is in the lock of a spec. Raises `FindingsError` when it is not, or without a lock."""
    file = load.find(spec)
    wanted = load.load(file, variant)
    held: Lock | None = locks.read(locks.lock_file(file, variant))
    if held is None:
        raise FindingsError("the spec has no lock", (), hint="`envspec lock` makes it")
    sources = Sources(wanted, machine()).within(file.parent)
    known = known_metadata(held, sources, Wheelhouse(home() / "wheelhouse"))
    found = explain(wanted, held, known, package)
    if found is None:
        kept_out = canonicalize_name(package) in held.removed
        raise FindingsError(
            f"{package} is not in the lock" + (": the spec removes it" if kept_out else ""), ()
        )
    return found
