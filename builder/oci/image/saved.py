"""Bases out of files: an OCI layout, what `docker save` wrote, or a root file system's tar.

Source: OCI image layout specification; Docker image specification 1.2, combined image JSON.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import tarfile
from collections.abc import Iterator
from typing import IO, Any

from builder.oci.image.base import BaseImage, read_base
from builder.oci.store.blobs import CONFIG, LAYER, Blobs, Descriptor, Layer
from builder.oci.store.compress import CHUNK, LayerWriter
from envspec.system.errors import OutsideError

UNREADABLE = (
    tarfile.TarError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading somebody else's archive may raise."""

_SMALL = 16 << 20


def saved_image_sha256(place: pathlib.Path) -> str:
    """What a lock holds an image on disk by: the digest of the file, or of a layout's `index.json`.

    Raises `OutsideError` when there is neither.
    """
    try:
        with (place / "index.json" if place.is_dir() else place).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise OutsideError(
            f"there is no image in {place} ({error.strerror})",
            hint="[base] archive names an OCI layout, a file of `docker save`, or a root file system as .tar",
        ) from error


def load_saved_image(place: pathlib.Path, machine: str, python: str, blobs: Blobs) -> BaseImage:
    """The base in a file or folder, for that processor (`amd64`); its layers go into the store.

    Raises `OutsideError` when there is none, or none that can be read.
    """
    try:
        with opened_image(place) as source:
            if source.has("index.json"):
                return _layout(place.name, source, machine, python, blobs)
            if source.has("manifest.json"):
                return _docker(place.name, source, machine, python, blobs)
        return _rootfs(place, machine, blobs)
    except UNREADABLE as error:
        raise OutsideError(
            f"{place} cannot be read as an image ({error})",
            hint="give an OCI layout, a file of `docker save`, or a root file system as .tar",
        ) from error


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SavedImage:
    """Named files, in a folder or in an archive."""

    folder: pathlib.Path | None = None
    archive: tarfile.TarFile | None = None
    names: frozenset[str] = frozenset()
    """Of the archive's files."""

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return (self.folder / name).is_file() if self.folder else name in self.names

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The file's bytes. Raises `KeyError` or `OSError` when it is not there."""
        if self.folder is not None:
            with _inside(self.folder, name).open("rb") as stream:
                yield stream
            return
        assert self.archive is not None  # noqa: S101 - a source is one or the other
        extracted = self.archive.extractfile(name)
        if extracted is None:
            raise KeyError(f"{name} is no file")
        with extracted:
            yield extracted

    def document(self, name: str) -> Any:
        """A small file as JSON."""
        with self.open(name) as stream:
            return json.loads(stream.read(_SMALL))


def _inside(folder: pathlib.Path, name: str) -> pathlib.Path:
    place = (folder / name).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leaves the folder")
    return place


@contextlib.contextmanager
def opened_image(place: pathlib.Path) -> Iterator[SavedImage]:
    """The files of a folder or an archive. Raises one of `UNREADABLE`."""
    if place.is_dir():
        yield SavedImage(folder=place)
        return
    with tarfile.open(place) as archive:
        yield SavedImage(archive=archive, names=_first_names(archive))


def _first_names(archive: tarfile.TarFile) -> frozenset[str]:
    """Names of the archive's files; of a large one, which is a root file system, only the first."""
    names = set()
    for number, info in enumerate(archive):
        names.add(info.name.removeprefix("./"))
        if number > 2000:
            break
    return frozenset(names)


def _layout(name: str, source: SavedImage, machine: str, python: str, blobs: Blobs) -> BaseImage:
    document = source.document("index.json")
    while "manifests" in document:
        document = source.document(blob_path(matching(document["manifests"], machine)["digest"]))
    config = _take(source, document["config"], CONFIG, blobs)
    layers = [_take(source, layer, LAYER, blobs) for layer in document["layers"]]
    return read_base(name, config, layers, machine, python, blobs)


def matching(entries: list[dict[str, Any]], machine: str) -> dict[str, Any]:
    """The entry for the processor; the only one where none says what it is for."""
    for entry in entries:
        if "artifactType" in entry:  # it belongs to an image and is none
            continue
        if (entry.get("platform") or {"architecture": machine}).get("architecture") == machine:
            return entry
    raise ValueError(f"nothing in it is for {machine}")


def blob_path(digest: str) -> str:
    """Where a layout has a blob. Raises `ValueError` for what is no digest."""
    algorithm, _, code = digest.partition(":")
    if algorithm != "sha256" or not code.isalnum():
        raise ValueError(f"{digest!r} is no digest")
    return f"blobs/{algorithm}/{code}"


def _take(source: SavedImage, named: dict[str, Any], media: str, blobs: Blobs) -> Descriptor:
    """Copy a blob into the store. What is in it is checked when it is read from there."""
    blob = Descriptor(media=media, digest=named["digest"], size=named["size"])
    if not blobs.has(blob):
        with source.open(blob_path(blob.digest)) as stream, blobs.incoming() as target:
            while chunk := stream.read(CHUNK):
                target.write(chunk)
            blobs.keep(target, blob.digest)
        for _ in blobs.chunks(blob):
            pass
    return blob


def _docker(name: str, source: SavedImage, machine: str, python: str, blobs: Blobs) -> BaseImage:
    listed = source.document("manifest.json")[0]
    with source.open(listed["Config"]) as stream:
        config = blobs.put(stream.read(_SMALL), CONFIG)
    layers = []
    for layer in listed["Layers"]:
        with source.open(layer) as stream:
            layers.append(_packed(f"base {name}", stream, blobs))
    return read_base(name, config, [Descriptor(**_plain(layer)) for layer in layers], machine, python, blobs)


def _plain(layer: Layer) -> dict[str, Any]:
    return layer.model_dump(include={"media", "digest", "size"})


def _packed(title: str, stream: IO[bytes], blobs: Blobs) -> Layer:
    """An archive that is not compressed, as a layer."""
    with blobs.incoming() as target:
        written = LayerWriter(target).copy(iter(lambda: stream.read(CHUNK), b""))
        blobs.keep(target, written.digest)
    return Layer(
        media=LAYER,
        digest=written.digest,
        size=written.size,
        diff_id=written.diff_id,
        length=written.length,
        title=title,
    )


def _rootfs(place: pathlib.Path, machine: str, blobs: Blobs) -> BaseImage:
    if place.is_dir():
        raise ValueError("a folder must be an OCI layout")
    with place.open("rb") as stream:
        return BaseImage(
            name=place.name, machine=machine, layers=(_packed(f"base {place.name}", stream, blobs),)
        )
