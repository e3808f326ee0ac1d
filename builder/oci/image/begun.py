"""Layout folders that were begun: whether one may be written to, and what a run that was stopped left in it.

A folder is ours to write to when it says that it is a layout, when it is empty, or when it holds nothing but
what a run of ours leaves that was stopped before it said so: blobs, and files under way. Anything else in it
is somebody's, who may have mistyped the name, so the folder is refused.
"""

from __future__ import annotations

import json
import pathlib
import re
import shutil

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNDER_WAY = re.compile(
    r"\.(?:[0-9a-f]{64}|index\.json|oci-layout)\.(?:partial|[a-z0-9_]{8})|index\.json\.lock"
)
"""Names of files that `envspec.system.home.whole_file` has under way, and what release 0.1.0 had: other
names, and a lock."""
_PARTIAL = re.compile(r"tmp[a-z0-9_]{8}")
"""Names of blobs under way, as release 0.1.0 left them in `partial`."""


def may_be_written(folder: pathlib.Path) -> bool:
    """Whether an image may be put into the folder: see the head of the file."""
    return (folder / "oci-layout").is_file() or all(map(_is_begun, folder.iterdir()))


def sweep_layout(folder: pathlib.Path) -> None:
    """Remove what runs that were stopped had under way. Nobody else may be writing to the folder."""
    for place in (folder, folder / "blobs" / "sha256"):
        for file in place.iterdir() if place.is_dir() else ():
            if _UNDER_WAY.fullmatch(file.name) and file.is_file():
                file.unlink()
    if _is_partial(folder / "partial"):
        shutil.rmtree(folder / "partial")


def _is_begun(entry: pathlib.Path) -> bool:
    if entry.name == "blobs":
        return entry.is_dir() and all(map(_is_store, entry.iterdir()))
    if entry.name == "index.json":
        return _is_index(entry)
    return _UNDER_WAY.fullmatch(entry.name) is not None or _is_partial(entry)


def _is_store(folder: pathlib.Path) -> bool:
    return (
        folder.name == "sha256"
        and folder.is_dir()
        and all(
            _DIGEST.fullmatch(file.name) or _UNDER_WAY.fullmatch(file.name) is not None
            for file in folder.iterdir()
        )
    )


def _is_partial(entry: pathlib.Path) -> bool:
    return (
        entry.name == "partial"
        and entry.is_dir()
        and all(_PARTIAL.fullmatch(file.name) is not None for file in entry.iterdir())
    )


def _is_index(file: pathlib.Path) -> bool:
    try:
        said = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and "schemaVersion" in said and isinstance(said.get("manifests"), list)
