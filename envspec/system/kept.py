"""Values that one run keeps for the next: JSON files by key, each whole or absent."""

from __future__ import annotations

import contextlib
import pathlib
import re
import zlib
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pydantic

from envspec.system.disk import DiskError
from envspec.system.home import write_atomic

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A folder of values by key, for any number of processes at once.

    A key names all that its value depends on, so that nothing kept ever grows old. What cannot be read, or
    has another form than `form`, counts as absent: it is made again and takes the place of what was there.
    """

    def __init__(self, folder: pathlib.Path, form: Any, *, packed: bool = False) -> None:
        """`form` is the values' type, as pydantic takes it; `packed` compresses them.

        The folder is made when the first value is kept.
        """
        self.folder = folder
        self._form: pydantic.TypeAdapter[Value] = pydantic.TypeAdapter(form)
        self._packed = packed

    def get(self, key: str) -> Value | None:
        """The value of a key; None when there is none."""
        try:
            body = self.file(key).read_bytes()
            return self._form.validate_json(zlib.decompress(body) if self._packed else body)
        except (OSError, ValueError, zlib.error):
            return None

    def put(self, key: str, value: Value) -> None:
        """Keep a value. Raises `OutsideError` when the disk refuses."""
        body = self._form.dump_json(value)
        write_atomic(self.file(key), zlib.compress(body, level=3) if self._packed else body)

    def get_or_make(self, key: str, make: Callable[[], Value]) -> Value:
        """The value of a key, made if there is none, and kept if it can be. Raises what `make` raises."""
        found = self.get(key)
        if found is None:
            found = make()
            with contextlib.suppress(DiskError):  # it costs the next run time, and this one nothing
                self.put(key, found)
        return found

    def file(self, key: str) -> pathlib.Path:
        """Where the value of a key stands, or would stand. Raises `ValueError` for what is no key."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key: it needs letters, digits, dots and dashes")
        return self.folder / f"{key}.json{'.zlib' if self._packed else ''}"
