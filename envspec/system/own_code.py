"""Keeps what our own modules compile to, where Python may not keep it beside them.

Without it each run compiles the tool anew, which is most of the time of a short one. It is so wherever
`PYTHONDONTWRITEBYTECODE` is set, as images commonly have it, and for modules in a folder that others own.

<home>/code/     as Python lays it out below `sys.pycache_prefix`, each file with its sha256 behind it
"""

from __future__ import annotations

import os
import sys

from envspec.system.where import home_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

CODE = "code"
"""Folder of the home."""

_TELLING = ("envspec/system/own_code", "builder/flow/pipeline")
"""A module of ours that is loaded first and one that is loaded last: where both are compiled, all are."""

_SEAL = 32
"""Bytes of a sha256."""

_FORBIDDEN = "PYTHONDONTWRITEBYTECODE"


def keep_own_code() -> None:
    """Have Python keep compiled modules in the home, if none of ours stand beside and it may not write there.

    Where nothing can be written they are compiled anew, as before. Nothing appears beside any source.
    """
    if sys.pycache_prefix is not None or all(map(os.path.exists, _compiled(*_TELLING))):
        return
    may = os.access(os.path.dirname(__file__), os.W_OK)  # noqa: PTH120 - no pathlib
    forbidden = sys.dont_write_bytecode or bool(os.environ.get(_FORBIDDEN))
    if (home := home_folder()) is not None and (forbidden or not may):
        sys.pycache_prefix = f"{home}/{CODE}"
        sys.dont_write_bytecode = False
        _seal(f"{home}/{CODE}/")


def _compiled(*modules: str) -> Iterator[str]:
    """Where Python looks for modules of ours, compiled."""
    top = __file__.removesuffix(f"{_TELLING[0]}.py")
    for module in modules:
        folder, _, name = module.rpartition("/")
        yield f"{top}{folder}/__pycache__/{name}.{sys.implementation.cache_tag}.pyc"


def _seal(prefix: str) -> None:
    """Have the files carry their sha256: one that is damaged counts as absent, and is made anew.

    Python itself would fall over it, or run what stands there.
    """
    import hashlib
    from importlib.machinery import SourceFileLoader

    read, write = SourceFileLoader.get_data, SourceFileLoader.set_data

    def get_data(self: SourceFileLoader, path: str) -> bytes:
        data = read(self, path)
        if not path.startswith(prefix):
            return data
        if hashlib.sha256(data[:-_SEAL]).digest() != data[-_SEAL:]:
            raise OSError(f"{path} is damaged")  # importlib then compiles the source
        return data[:-_SEAL]

    def set_data(self: SourceFileLoader, path: str, data: bytes, **more: Any) -> None:
        if path.startswith(prefix):
            data = bytes(data) + hashlib.sha256(data).digest()
        write(self, path, data, **more)

    SourceFileLoader.get_data = get_data  # type: ignore[assignment,method-assign]
    SourceFileLoader.set_data = set_data  # type: ignore[assignment,method-assign]
