"""Versions of distributions, and comparing them: `importlib.metadata`, `packaging`, `distutils.version`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envspec.proof.imports.frame import Frame
from envspec.proof.imports.intrinsics.answer import Answer
from envspec.proof.imports.values import UNKNOWN, External, Fault, Known, Raised, Value, constant
from envspec.proof.imports.world import World


def _version(_: World, args: list[Value], *__: object) -> Value:
    known, text = constant(args[0])
    if isinstance(text, Version):
        return Known(text)
    if known and isinstance(text, str):
        with contextlib.suppress(InvalidVersion):
            return Known(Version(text))
    return UNKNOWN


def _installed(world: World, args: list[Value], _: object, frame: Frame) -> Value:
    known, name = constant(args[0])
    if not known or not isinstance(name, str):
        return UNKNOWN
    found = world.modules.versions.get(canonicalize_name(name))
    if found is not None:
        return Known(found)
    fault = Fault(kind="module", wanted=name, owner="", where=frame.where)
    kind = External("importlib.metadata.PackageNotFoundError")
    raise Raised(kind, f"No package metadata was found for {name}", fault)


CALLS: dict[str, Answer] = {
    "packaging.version.parse": _version,
    "packaging.version.Version": _version,
    "pkg_resources.parse_version": _version,
    "distutils.version.LooseVersion": _version,
    "distutils.version.StrictVersion": _version,
    "importlib.metadata.version": _installed,
    "importlib_metadata.version": _installed,
}

CONSTANTS: Mapping[str, Value] = {name: External(name) for name in CALLS}
"""These libraries are packages, whose own code is not followed for what is known already."""
