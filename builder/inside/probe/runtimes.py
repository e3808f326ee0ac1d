"""Finds threading runtimes that are there more than once, and tries whether one process can hold two."""

from __future__ import annotations

import ctypes
import os
import re

from . import child
from .worker import serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

NAME = re.compile(
    r"^lib(?:scipy_)?(?P<kind>iomp5|omp|gomp|openblas|mkl_rt|blis)(?:64)?_?(?:-[-\w]+)?(?:\.so|-[0-9a-f]+\.so)[.\d]*$"
)
EXCLUSIVE = ("iomp5", "omp")
"""The runtimes of LLVM and Intel: one family, which ends the process when it finds itself loaded twice."""


def find_runtimes(folders: list[str]) -> dict[str, list[str]]:
    """Distinct runtime libraries below the folders by kind."""
    kinds = {}  # type: dict[str, dict[tuple[int, int], str]]
    for folder in folders:
        for place, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if name != "__pycache__"]
            for name in names:
                match = NAME.match(name)
                if match is None:
                    continue
                path = os.path.join(place, name)
                try:
                    state = os.stat(path)
                except OSError:
                    continue
                kinds.setdefault(match.group("kind"), {}).setdefault((state.st_dev, state.st_ino), path)
    return {kind: sorted(paths.values()) for kind, paths in sorted(kinds.items())}


def exclusive(kinds: dict[str, list[str]]) -> list[str]:
    """Libraries of which one process can hold only one."""
    return [path for kind in EXCLUSIVE for path in kinds.get(kind, [])]


def load_runtimes(paths: list[str]) -> bool:
    """Load runtimes one after the other and let each set itself up."""
    for path in paths:
        ctypes.CDLL(path).omp_get_max_threads()
    return True


def carry_out(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Load each library of `files` alone, then all of them in one process."""
    fine = [path for path in job["files"] if attempt([path])["value"]]
    say({"begin": job["root"]})
    result = attempt(fine) if len(fine) > 1 else {"value": True}
    say({"end": job["root"], "outcome": dict(result, runtimes=True, files=fine)})


def attempt(paths: list[str]) -> dict[str, Any]:
    """Load runtimes together in a process of its own."""
    results = []  # type: list[dict[str, Any]]
    child.step(lambda: load_runtimes(paths), timeout=30.0, tell=results.append)
    return dict({"value": None}, **results[0])


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Entry of a process of this kind."""
    serve(carry_out)
