"""The tool itself as a thing that results depend on: what an earlier state of it found may be wrong."""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import pathlib
from typing import Any

from envspec.spec.model import digest_of

PACKAGES = ("builder", "envspec")
"""The payload is no part of the tool: a plan holds its digest."""

_KINDS = {".py", ".tsv", ".gz", ".xz", ".txt"}
"""Endings of code, and of the tables and constraints that it reads."""


@functools.cache
def tool_digest() -> str:
    """Digest of the tool's code and tables by their contents: two installations of a release agree on it."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for name, file in _files(package):
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return f"sha256:{digest.hexdigest()}"


def result_key(depends: Any) -> str:
    """Name of a result that depends on a JSON value and on the tool itself, and on nothing else."""
    return digest_of([depends, tool_digest()]).removeprefix("sha256:")


def _files(package: str) -> list[tuple[str, pathlib.Path]]:
    """Name and place of every file of a package, sorted by name."""
    top = pathlib.Path(str(importlib.import_module(package).__file__)).parent
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name != "resources"]  # examples, where it is installed
        found += [pathlib.Path(folder, name) for name in names if pathlib.PurePath(name).suffix in _KINDS]
    return sorted((f"{package}/{file.relative_to(top).as_posix()}", file) for file in found)
