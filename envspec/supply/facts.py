"""Facts about files, kept on disk by sha256 and the reader's version: read once, known ever after."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
import tempfile
import zlib
from collections.abc import Callable
from typing import Any

from envspec.system.errors import OutsideError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_CHUNK = 1 << 20


class FactStore:
    """A folder of facts. Safe for several processes: every file appears whole or not at all."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` is made when the first fact is kept."""
        self.folder = folder

    def get(self, sha256: str, reader: str, version: int) -> Any | None:
        """The facts that `reader` of that version left about a file, or None.

        Anything broken on disk counts as unknown: it will be read and kept again.
        """
        file = self._file(sha256, reader, version)
        try:
            kept = json.loads(zlib.decompress(file.read_bytes()))
        except (OSError, zlib.error, ValueError, RecursionError):
            return None
        return kept.get("facts") if isinstance(kept, dict) and kept.get("sha256") == sha256 else None

    def put(self, sha256: str, reader: str, version: int, facts: Any) -> None:
        """Keep JSON facts. Raises `OutsideError` when the folder cannot be written."""
        file = self._file(sha256, reader, version)
        packed = zlib.compress(
            json.dumps({"sha256": sha256, "facts": facts}, separators=(",", ":")).encode(), level=3
        )
        temporary: pathlib.Path | None = None
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as stream:
                temporary = pathlib.Path(stream.name)
                stream.write(packed)
            temporary.replace(file)
        except OSError as error:
            if temporary:
                temporary.unlink(missing_ok=True)
            raise OutsideError(
                f"facts cannot be kept in {self.folder}: {error.strerror}",
                hint="free some space, or choose another cache folder",
            ) from error

    def cached(self, sha256: str, reader: str, version: int, read: Callable[[], Any]) -> Any:
        """The kept facts, or those that `read` returns now, which are kept."""
        facts = self.get(sha256, reader, version)
        if facts is None:
            facts = read()
            self.put(sha256, reader, version, facts)
        return facts

    def _file(self, sha256: str, reader: str, version: int) -> pathlib.Path:
        if not _SHA256.fullmatch(sha256) or not _NAME.fullmatch(reader):
            raise ValueError("facts are kept by a sha256 in lower-case hex and a reader's name")
        return self.folder / f"{reader}-{version}" / sha256[:2] / f"{sha256}.json.z"


def sha256_of(file: pathlib.Path) -> str:
    """The digest of a file, in lower-case hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
