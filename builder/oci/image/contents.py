"""What an image on disk holds: its configuration, and those small files of its layers that somebody asks for.

Source: OCI image specification, layer filesystem changeset; Docker image specification 1.2.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from isal import igzip

from builder.oci.image.saved import UNREADABLE, SavedImage, blob_path, matching, opened_image
from builder.oci.store.compress import CHUNK, ISAL_ERROR
from envspec.system.errors import OutsideError

X86 = "amd64"

LARGEST = 1 << 20
"""Bytes of a file of a layer that is read; larger ones are known by their names."""

_MOST = 200_000
"""Files that are kept of one image."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ImageContents:
    """An image as far as it was read."""

    name: str
    """As its archive calls it; empty where it does not."""
    settings: Mapping[str, Any]
    """The `config` of its configuration: variables, command, ports."""
    files: Mapping[str, bytes]
    """What was asked for, by its path without a leading slash, as the topmost layer has it."""

    @property
    def short_name(self) -> str:
        """Its name without registry, folders and tag."""
        return self.name.rpartition("/")[2].partition(":")[0]


def is_saved_image(place: pathlib.Path) -> bool:
    """Whether there is an OCI layout, or a file that `docker save` may have written."""
    try:
        if place.is_dir():
            return (place / "oci-layout").is_file() and (place / "index.json").is_file()
        return place.is_file() and place.name.endswith((".tar", ".tar.gz", ".tgz")) and _has_manifest(place)
    except OSError:
        return False


def _has_manifest(place: pathlib.Path) -> bool:
    try:
        with opened_image(place) as source:
            return source.has("manifest.json") or source.has("index.json")
    except (*UNREADABLE, zlib.error, ISAL_ERROR):
        return False


def read_contents(place: pathlib.Path, wanted: Callable[[str], bool], machine: str = X86) -> ImageContents:
    """Read an image for that processor. Raises `OutsideError` where there is none that can be read."""
    try:
        with opened_image(place) as source:
            name, config, layers = _parts(source, machine)
            files: dict[str, bytes] = {}
            for layer in layers:
                with source.open(layer) as stream:
                    _lay(stream, wanted, files)
    except (*UNREADABLE, zlib.error, ISAL_ERROR) as error:
        raise OutsideError(
            f"{place} cannot be read as an image ({error})",
            hint="give an OCI layout, or a file of `docker save`; its layers plain or in gzip",
        ) from error
    settings = config.get("config") or {}
    return ImageContents(name=name, settings=settings, files=files)


def _parts(source: SavedImage, machine: str) -> tuple[str, dict[str, Any], list[str]]:
    """Its name, its configuration, and the files of its layers, lowest first."""
    if source.has("manifest.json"):
        listed = source.document("manifest.json")[0]
        names = listed.get("RepoTags") or [""]
        return names[0], source.document(listed["Config"]), listed["Layers"]
    document, name = source.document("index.json"), ""
    while "manifests" in document:
        entry = matching(document["manifests"], machine)
        name = name or (entry.get("annotations") or {}).get("org.opencontainers.image.ref.name", "")
        document = source.document(blob_path(entry["digest"]))
    config = source.document(blob_path(document["config"]["digest"]))
    return name, config, [blob_path(layer["digest"]) for layer in document["layers"]]


def _lay(stream: IO[bytes], wanted: Callable[[str], bool], files: dict[str, bytes]) -> None:
    """Lay one layer over those below. Raises `ValueError` where it holds more than anybody asks for."""
    above: dict[str, bytes] = {}
    gone: list[str] = []
    with _unpacked(stream) as plain, tarfile.open(fileobj=plain, mode="r|", bufsize=CHUNK) as archive:
        for info in archive:
            path = info.name.removeprefix("./").strip("/")
            folder, _, name = path.rpartition("/")
            if name == ".wh..wh..opq":
                gone.append(f"{folder}/")
            elif name.startswith(".wh."):
                hidden = f"{folder}/{name.removeprefix('.wh.')}".lstrip("/")
                gone += [hidden, f"{hidden}/"]
            elif wanted(path):
                above[path] = _text(archive, info)
                if len(above) > _MOST:
                    raise ValueError(f"it holds more than {_MOST:,} files that describe packages")
    _remove(files, gone)
    files |= above


@contextlib.contextmanager
def _unpacked(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """The tar archive inside a layer, whose gzip may have many members: `tarfile` reads only one."""
    begin = stream.read(len(_GZIP))
    stream.seek(0)
    if begin != _GZIP:
        yield stream
        return
    with _open(stream) as plain:
        yield plain


_GZIP = b"\x1f\x8b"
_open: Callable[[IO[bytes]], IO[bytes]] = igzip.open  # without types of its own


def _text(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    """A file's bytes, the goal of a link, or nothing."""
    if info.issym():
        return info.linkname.encode()
    if not info.isfile() or info.size > LARGEST:
        return b""
    extracted = archive.extractfile(info)
    return extracted.read() if extracted is not None else b""


def _remove(files: dict[str, bytes], gone: list[str]) -> None:
    exact = {path for path in gone if not path.endswith("/")}
    folders = {path for path in gone if path.endswith("/")}
    for path in [path for path in files if path in exact or any(each in folders for each in _above(path))]:
        del files[path]


def _above(path: str) -> Iterator[str]:
    """Every folder that a path is in, with a slash behind."""
    parts = path.split("/")
    return ("/".join(parts[:length]) + "/" for length in range(len(parts)))
