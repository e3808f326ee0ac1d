"""What this tool wrote last time, told by what it is: images as files and as layouts, reports, locks."""

from __future__ import annotations

import json
import pathlib
import re
import tarfile
from typing import Any

_LOCK = re.compile(r"envspec(\.[\w.-]+)?\.lock")
_BESIDE = re.compile(r"(.+\.tar)\.[\w.-]+\.json")
"""What goes beside an image's file: its verdict, and its bill of materials."""
_REPORT = re.compile(r"report\.(txt|json|junit\.xml|sarif|html|github\.txt)|sbom\.cdx\.json")
"""Files of a folder of `--report`."""

_OURS = "io.envspec."
"""Begins the labels and annotations that an image of ours has; `builder.inside.places` has the name."""

_LARGEST = 1 << 24
"""Bytes of a document that is read."""
_MEMBERS = 20_000
"""Entries of an archive that are looked at; an image's file has a few for each layer."""


def is_lock(name: str) -> bool:
    """Whether a file is a spec's lock, by its name."""
    return _LOCK.fullmatch(name) is not None


def is_output_folder(folder: pathlib.Path) -> bool:
    """Whether a folder is a layout that images were written to, as `--output` does."""
    return (folder / "oci-layout").is_file() and _OURS.encode() in _head(folder / "index.json")


def is_output_file(file: pathlib.Path) -> bool:
    """Whether a file is an image that `--output` wrote, what stands beside one, or a part of a report."""
    if file.suffix == ".tar":
        return _is_image(file)
    if beside := _BESIDE.fullmatch(file.name):
        return _is_image(file.with_name(beside[1]))
    return _REPORT.fullmatch(file.name) is not None and _is_report(file.with_name("report.json"))


def _head(file: pathlib.Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_LARGEST)
    except OSError:
        return b""


def _is_report(file: pathlib.Path) -> bool:
    said = _document(_head(file))
    return isinstance(said, dict) and str(said.get("tool", "")).startswith("envspec ") and "phase" in said


def _is_image(file: pathlib.Path) -> bool:
    """Whether a file is an image for `docker load` that says of itself that this tool made it."""
    try:
        with tarfile.open(file, "r:") as archive:
            found: dict[str, tarfile.TarInfo] = {}
            for info in archive:
                found[info.name] = info
                if len(found) > _MEMBERS:
                    return False
            images = _member(archive, found.get("manifest.json"))
            configs = [image.get("Config") for image in images] if isinstance(images, list) else []
            return any(_has_label(_member(archive, found.get(str(name)))) for name in configs)
    except (tarfile.TarError, OSError, ValueError, AttributeError, EOFError):
        return False


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo | None) -> Any:
    stream = archive.extractfile(info) if info and info.isreg() and info.size <= _LARGEST else None
    return _document(stream.read()) if stream else None


def _has_label(config: Any) -> bool:
    labels = (config or {}).get("config", {}).get("Labels") or {}
    return any(name.startswith(_OURS) for name in labels)


def _document(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
