"""Values that one run keeps for the next: JSON files by key, each whole or absent."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pydantic

from envspec.system.disk import DiskError
from envspec.system.home import throw_away, write_quickly
from envspec.system.sealed import file_name, seal, unseal

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

MINUTE = 60.0
DAY = 24 * 3600.0

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A folder of values by key, for any number of processes at once.

    A key names all that its value depends on, so that nothing kept ever grows old. Each file carries the
    sha256 of its value: what has another, or another form than `form`, or cannot be read at all, is named and
    thrown away, and then counts as absent. The date of a file says, to a minute, when it was used last.
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
        file = self.file(key)
        try:
            body = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            if os.path.lexists(file):
                throw_away(file, "leads nowhere")
            return None
        except OSError as error:
            throw_away(file, f"cannot be read ({error.strerror})")
            return None
        try:
            value = self._form.validate_json(unseal(body, packed=self._packed))
        except ValueError:
            throw_away(file, "is damaged" if body else "is empty")
            return None
        touch(file)
        return value

    def put(self, key: str, value: Value) -> None:
        """Keep a value. Raises `OutsideError` when the disk refuses."""
        body = seal(self._form.dump_json(value), packed=self._packed)
        write_quickly(self.file(key), body)

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
        return self.folder / file_name(key, packed=self._packed)


def touch(place: pathlib.Path) -> None:
    """Note that something kept was used, to a minute; where nothing can be written nothing is noted."""
    try:
        now = time.time()
        if now - place.stat().st_mtime > MINUTE:
            os.utime(place, (now, now))
    except OSError:
        pass
