"""The standard library of each Python: which modules there are and which names they hold."""

from __future__ import annotations

import functools
import importlib.resources
import json
import lzma
from collections.abc import Mapping

PYTHON_2_BUILTINS = frozenset(
    {
        "apply", "basestring", "buffer", "cmp", "coerce", "execfile", "file", "intern", "long", "raw_input",
        "reduce", "reload", "unichr", "unicode", "xrange",
    }
)  # fmt: skip
"""Names that only Python 2 had; a module that uses one unguarded cannot be imported."""


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


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


@functools.cache
def _table() -> Mapping[str, Mapping[str, list[str] | None]]:
    file = importlib.resources.files(__package__).joinpath("data", "stdlib.json.xz")
    found: dict[str, dict[str, list[str] | None]] = json.loads(lzma.decompress(file.read_bytes()))
    return found
