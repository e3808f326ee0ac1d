"""Facts about files, kept by the file's sha256 and the reader's version: read once, known ever after."""

from __future__ import annotations

import hashlib
import pathlib
import re
from collections.abc import Callable
from typing import Any

from envspec.system.kept import Kept

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_CHUNK = 1 << 20


class FactStore:
    """The facts that readers found in files, as JSON values. Safe for several processes."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` is made when the first fact is kept."""
        self._kept: Kept[Any] = Kept(folder, Any, packed=True)

    def get(self, sha256: str, reader: str, version: int) -> Any | None:
        """The facts that `reader` of that version left about a file, or None."""
        return self._kept.get(_key(sha256, reader, version))

    def put(self, sha256: str, reader: str, version: int, facts: Any) -> None:
        """Keep JSON facts. Raises `OutsideError` when the folder cannot be written."""
        self._kept.put(_key(sha256, reader, version), facts)

    def cached(self, sha256: str, reader: str, version: int, read: Callable[[], Any]) -> Any:
        """The kept facts, or those that `read` returns now, which are kept."""
        return self._kept.get_or_make(_key(sha256, reader, version), read)


def _key(sha256: str, reader: str, version: int) -> str:
    if not _SHA256.fullmatch(sha256) or not _NAME.fullmatch(reader):
        raise ValueError("facts are kept by a sha256 in lower-case hex and a reader's name")
    return f"{reader}-{version}/{sha256[:2]}/{sha256}"


def sha256_of(file: pathlib.Path) -> str:
    """The digest of a file, in lower-case hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
