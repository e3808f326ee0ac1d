"""Loads the compiled modules of the standard library: variables and absent libraries break those as well."""

from __future__ import annotations

import importlib
import os

from . import child
from .worker import limit, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

TESTS = ("_test", "_xx", "xx", "_ctypes_test")
"""How names of modules begin that are there for Python's own tests."""


def names(stdlib: str) -> list[str]:
    """Compiled modules that lie in files of their own."""
    try:
        files = sorted(os.listdir(os.path.join(stdlib, "lib-dynload")))
    except OSError:
        return []
    stems = [file.partition(".")[0] for file in files if file.endswith(".so")]
    return [stem for stem in stems if not stem.startswith(TESTS)]


def failures(modules: list[str]) -> dict[str, str]:
    """In a child: what cannot be loaded, with the reason."""
    limit(60.0)
    found = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as error:
            found[module] = "%s: %s" % (type(error).__name__, error)
    return found


def attempt(modules: list[str], timeout: float) -> dict[str, str]:
    """What cannot be loaded; where loading all ends the process, each is tried alone."""
    results = []  # type: list[dict[str, Any]]
    child.step(lambda: failures(modules), timeout=timeout, tell=results.append)
    found = results[0].get("value")
    if isinstance(found, dict):
        return found
    if len(modules) == 1:
        signal = results[0].get("signal")
        return {modules[0]: "it dies of signal %s" % signal if signal else "it does not come to an end"}
    return {name: why for module in modules for name, why in attempt([module], timeout).items()}


def carry_out(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Load them all. Job keys: `names`, `timeout`."""
    say({"begin": job["root"]})
    say({"end": job["root"], "outcome": {"failed": attempt(list(job["names"]), float(job["timeout"]))}})


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Entry of a process of this kind."""
    serve(carry_out)
