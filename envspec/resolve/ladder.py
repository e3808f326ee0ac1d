"""The versions of a package that are worth trying, one way from the one that is locked."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import Version

from envspec.resolve.refusal import takes, version_of
from envspec.spec.target import Target
from envspec.supply.page import RemoteFile

RUNGS = 7
"""Versions that one ladder has at most."""


def ladder(files: Iterable[RemoteFile], here: str | None, target: Target, *, newer: bool) -> list[str]:
    """The nearest version first, then the last of each series (`1.4`), in strides that grow.

    `here` is what is locked; without it the ladder leads down from the newest. Wheels alone count where
    there are any: building takes minutes.
    """
    offered = [(version, file) for file in files if (version := version_of(file)) is not None]
    before = Version(here) if here is not None else None
    unfinished = before is not None and before.is_prerelease
    fitting = [
        (version, file.file.endswith(".whl"))
        for version, file in offered
        if file.yanked is None
        and (unfinished or not version.is_prerelease)
        and (before is None or (version > before if newer else version < before))
        and takes(file, target)
    ]
    wheels = any(wheel for _, wheel in fitting)
    found = sorted({version for version, wheel in fitting if wheel or not wheels}, reverse=not newer)
    if not found:
        return []
    series: dict[tuple[int, ...], Version] = {}
    for version in found:
        known = series.setdefault(version.release[:2], version)
        series[version.release[:2]] = max(known, version)
    rungs = list(dict.fromkeys([found[0], *series.values()]))
    return [str(rungs[place]) for place in _strides(len(rungs))]


def _strides(count: int) -> list[int]:
    """The first places, then every second, fourth and so on, and the last."""
    places: list[int] = []
    at, stride = 0, 1
    while at < count and len(places) < RUNGS - 1:
        places.append(at)
        stride = 1 if len(places) < 4 else stride * 2
        at += stride
    return places if places[-1] == count - 1 else [*places, count - 1]
