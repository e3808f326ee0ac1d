"""Finds an interpreter of a wanted version on this machine."""

from __future__ import annotations

import functools
import os
import pathlib
import sys

import findpython

from envspec.system.errors import OutsideError


@functools.cache
def find_interpreter(version: str) -> pathlib.Path:
    """A CPython of that minor version: on PATH, of pyenv, asdf, uv or the like.

    Raises `OutsideError` when there is none.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return pathlib.Path(os.path.realpath(sys.executable))
    found = findpython.find(*map(int, version.split(".")), implementation="cpython", allow_prereleases=False)
    if found is None:
        raise OutsideError(
            f"Python {version} is not on this machine",
            hint=f"install it (`uv python install {version}`, pyenv, or your system's packages)",
        )
    return pathlib.Path(found.executable)
