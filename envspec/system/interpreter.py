"""Finds an interpreter of a wanted version on this machine, and says how one is had where there is none."""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import sys
import sysconfig
import threading
from typing import TYPE_CHECKING

from envspec.system.errors import OutsideError
from envspec.system.process import run_process
from envspec.system.quoting import listed

if TYPE_CHECKING:
    import findpython

_NAMED = 4
"""Other releases of a line that a message names."""


def find_interpreter(line: str, patch: int | None = None) -> pathlib.Path:
    """A CPython as `known_interpreter` finds it. Raises `OutsideError`, with ways to it, if there is none."""
    found = known_interpreter(line, patch)
    if found is None:
        raise _missing(line, patch)
    return found


def known_interpreter(line: str, patch: int | None = None) -> pathlib.Path | None:
    """A CPython of that line, `3.12` or `3.14t`: on PATH, of pyenv, asdf, uv or the like.

    With `patch` one of that release alone; None where this machine has none. Looking starts every interpreter
    that there is: threads that want the same one wait for the first of them.
    """
    with _LOOKING:
        return _looked_up(line, patch)


_LOOKING = threading.Lock()


@functools.cache
def _looked_up(line: str, patch: int | None) -> pathlib.Path | None:
    if line == _own_line() and patch in (None, sys.version_info.micro):
        return pathlib.Path(os.path.realpath(sys.executable))
    found = _found(line, patch)
    return pathlib.Path(found[0].executable) if found else None


def _own_line() -> str:
    threads = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    return f"{sys.version_info.major}.{sys.version_info.minor}{'t' * threads}"


def _missing(line: str, patch: int | None) -> OutsideError:
    """The error where the interpreter is missing, with the ways to get it that this machine has."""
    minor, threads = line.removesuffix("t"), line.endswith("t")
    wanted = f"{minor}{'' if patch is None else f'.{patch}'}{'t' * threads}"
    what = f"Python {wanted} is not on this machine"
    if patch is not None and (others := _found(line)):
        there = dict.fromkeys(f"{each.version}{'t' * threads}" for each in others)
        what += f", which has {listed(list(there), most=_NAMED)}"
    ways = [f"`uv python install {wanted}`"]
    if shutil.which("pyenv"):
        ways.append(f"`pyenv install {wanted}`")
    package = f"python{minor}" + "-nogil" * threads
    if patch is None and _apt_offers(package):
        ways.append(f"`apt-get install {package}{'' if threads else f' {package}-venv'}`")
    return OutsideError(what, hint=f"get it by {' or '.join(ways)}")


def _found(line: str, patch: int | None = None) -> list[findpython.PythonVersion]:
    """What this machine has of a line, or of one release of it, the newest first; no pre-releases."""
    import findpython  # a run that finds its environment looks for no interpreter

    major, minor = map(int, line.removesuffix("t").split("."))
    return findpython.find_all(
        major,
        minor,
        patch,
        pre=False,
        dev=False,
        implementation="cpython",
        freethreaded=line.endswith("t"),
    )


def _apt_offers(package: str) -> bool:
    """Whether the archives of this machine's apt, where it has one, have a package."""
    if shutil.which("apt-cache") is None:
        return False
    done = run_process(["apt-cache", "show", "--no-all-versions", package], timeout=20)
    return done.ok and "Package: " in done.stdout
