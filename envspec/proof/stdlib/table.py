"""The standard library of each Python: which modules there are, which names they hold, and what was lost."""

from __future__ import annotations

import functools
import importlib.resources
import json
import lzma
import re
import sys
from collections.abc import Mapping

from envspec.proof.stdlib.older import LOST, PYTHON_2_MODULES

WINDOWS = frozenset(
    {"_msi", "_overlapped", "_winapi", "_winreg", "_wmi", "msilib", "msvcrt", "nt", "winreg", "winsound"}
)
"""Modules that only Windows has: the table is that of Linux."""

OWN_TESTS = re.compile(
    r"test|_test\w+|_ctypes_test|_?xx\w+|__hello__|__main__|__phello__|_sysconfigdata[\w-]*"
)
"""Modules that an interpreter keeps for its own tests and set-up: no package means them by their name."""


class Stdlib:
    """The standard library of one Python version, such as `3.11`."""

    def __init__(self, version: str) -> None:
        """A version that the table lacks is answered from the nearest one, and nothing of it is certain."""
        table = _table()
        self.version = version
        self.exact = version in table
        known = sorted(table, key=_numbers)
        lower = [item for item in known if _numbers(item) <= _numbers(version)]
        self._modules = table[version if self.exact else (lower or known)[-1 if lower else 0]]

    def has(self, module: str) -> bool:
        """Whether there is such a module."""
        return module in self._modules

    def gone(self, module: str) -> bool:
        """Whether another Python has it while this one surely does not."""
        return self.exact and not self.has(module) and any(module in there for there in _table().values())

    def once_had(self, module: str, name: str) -> bool:
        """Whether the module has the name in any Python; one that none has belongs to another system."""
        return any(name in (there.get(module) or ()) for there in _table().values())

    def names(self, module: str) -> frozenset[str] | None:
        """All names of a module; None when there may be others."""
        found = self._modules.get(module)
        if found is None or not self.exact or found[-1:] == ["*"]:
            return None
        return frozenset(found)

    @property
    def modules(self) -> frozenset[str]:
        """All modules, those inside of others by their whole names."""
        return frozenset(self._modules)


def versions() -> tuple[str, ...]:
    """The Pythons that the table knows, in order."""
    return tuple(sorted(_table(), key=_numbers))


def was_ever_standard(name: str) -> bool:
    """Whether a top-level name is or was in the standard library of some Python, on any system."""
    if name in PYTHON_2_MODULES or name in WINDOWS or name in sys.stdlib_module_names:
        return True
    return not OWN_TESTS.fullmatch(name) and any(name in there for there in _table().values())


@functools.cache
def lost_names() -> Mapping[str, tuple[str, ...]]:
    """Dotted names that modules of Python 3 once had and some version dropped, by top-level module.

    A name outside of this list that a Python lacks may be there on another system or in another build.
    """
    by_hand = [f"{module}.{name}" for module, names in LOST.items() for name in names]
    found: dict[str, list[str]] = {}
    for name in sorted([*generated_losses(), *by_hand]):
        found.setdefault(name.partition(".")[0], []).append(name)
    return {top: tuple(names) for top, names in found.items()}


def generated_losses() -> list[str]:
    """The lost names that the interpreters themselves show."""
    return _data("lost.txt").decode().split()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


@functools.cache
def _table() -> Mapping[str, Mapping[str, list[str] | None]]:
    found: dict[str, dict[str, list[str] | None]] = json.loads(lzma.decompress(_data("modules.json.xz")))
    return found


def _data(file: str) -> bytes:
    return importlib.resources.files(__package__).joinpath("data", file).read_bytes()
