"""The tool itself as a thing that results depend on: what an earlier state of it found may be wrong."""

from __future__ import annotations

import functools
import hashlib
import importlib
import os

TYPE_CHECKING = False  # nothing that takes its time is loaded: who looks for changes of the tool has little
if TYPE_CHECKING:
    from typing import Any

PACKAGES = ("builder", "envspec")
"""The payload is no part of the tool: a plan holds its digest."""

_KINDS = (".py", ".tsv", ".gz", ".xz", ".txt")
"""Endings of code, and of the tables and constraints that it reads."""


@functools.cache
def tool_digest() -> str:
    """Digest of the tool's code and tables by their contents: two installations of a release agree on it."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for name, file in _files(package):
            digest.update(f"{name}\0".encode())
            with open(file, "rb", buffering=0) as stream:  # noqa: PTH123 - no pathlib
                digest.update(hashlib.sha256(stream.read()).digest())
    return f"sha256:{digest.hexdigest()}"


def result_key(depends: Any) -> str:
    """Name of a result that depends on a JSON value and on the tool itself, and on nothing else."""
    from envspec.spec.model import digest_of  # slow to load, and the tool's own digest needs none of it

    return digest_of([depends, tool_digest()]).removeprefix("sha256:")


def _files(package: str) -> list[tuple[str, str]]:
    """Name and place of every file of a package, sorted by name."""
    top = importlib.import_module(package).__path__[0]
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name != "resources"]  # examples, where it is installed
        below = f"{package}{folder[len(top) :]}".replace(os.sep, "/")
        found += [(f"{below}/{name}", f"{folder}/{name}") for name in names if name.endswith(_KINDS)]
    return sorted(found)
