"""`envspec diff` and `envspec explain`: a lock looked at, or held against another or an interpreter."""

from __future__ import annotations

import os
import pathlib

from packaging.utils import canonicalize_name

from envspec import load
from envspec import lock as locks
from envspec.diff import Change, Side, diff
from envspec.errors import FindingsError, UsageError
from envspec.explain import Explanation, explain
from envspec.home import home
from envspec.ingest.running import installed
from envspec.lock import Lock
from envspec.machine import machine
from envspec.proof import known_metadata
from envspec.sources import Sources
from envspec.wheelhouse import Wheelhouse


def changes(before: pathlib.Path, after: pathlib.Path) -> tuple[Change, ...]:
    """What differs from one to the other. Raises `UsageError` for what is neither lock nor environment."""
    return tuple(diff(side(before), side(after)))


def side(place: pathlib.Path) -> Side:
    """A lock, a spec's lock, a virtual environment's folder, or an interpreter."""
    if place.is_dir() and (place / "bin" / "python").exists():
        return _running(place / "bin" / "python")
    if place.is_file() and os.access(place, os.X_OK):
        return _running(place)
    file = place if place.suffix == ".lock" else locks.lock_file(load.find(place), None)
    held = locks.read(file)
    if held is None:
        raise UsageError(f"{file} is not there", hint="`envspec lock` makes it")
    return Side(
        label=str(place),
        python=held.python,
        pins=held.pins,
        files={entry.name: entry.installed.sha256 for entry in held.artifact},
        stages={entry.name: entry.stage for entry in held.artifact},
    )


def _running(python: pathlib.Path) -> Side:
    version, found = installed(python)
    return Side(
        label=str(python),
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
