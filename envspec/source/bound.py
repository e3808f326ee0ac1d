"""Whether the files of a spec's own folder still are what its lock was made from."""

from __future__ import annotations

import pathlib

from envspec.lockfile.lock import SPEC_WHEEL, Lock
from envspec.spec.model import Spec
from envspec.supply.facts import sha256_of


class ChangedSourceError(Exception):
    """A source is not what was locked; the text says which and how. Who may lock anew does."""


def refuse_changed(lock: Lock, spec: Spec, folder: pathlib.Path) -> None:
    """Raise `ChangedSourceError` where a file that the spec names by its path is not what was locked.

    It is read whole each time: a wheel built anew may have the version, size and date of the old one. One
    that is not there may be kept.
    """
    places = {wheel.name: wheel.path for stage in spec.stage for wheel in stage.wheels if wheel.path}
    for held in lock.source:
        if held.at in spec.sources and spec.sources[held.at][1].kind == "file":
            places[held.name] = spec.sources[held.at][1].place
    for entry in lock.artifact:
        path = places.get(entry.name) if entry.index == SPEC_WHEEL else None
        if path and (folder / path).is_file() and sha256_of(folder / path) != entry.sha256:
            raise ChangedSourceError(f"{path} is not the file that was locked")
