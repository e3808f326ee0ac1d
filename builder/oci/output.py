"""Images as others take them: an OCI layout in a folder, or one file for `docker load`.

Source: OCI image layout specification; Docker image specification 1.2, combined image JSON.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import tempfile
from typing import IO, Any

from builder.oci import tar
from builder.oci.blobs import INDEX, Blobs, Descriptor
from builder.oci.compress import CHUNK
from builder.oci.image import Image, encoded
from builder.oci.tar import Entry
from envspec.errors import UsageError
from envspec.home import disk, locked, write_atomic

REF = "org.opencontainers.image.ref.name"
"""Annotation that names an image in a layout."""


def write(image: Image, machine: str, tag: str, blobs: Blobs, output: pathlib.Path) -> None:
    """Write the image as the output's name asks: `X.tar` for `docker load`, any other a layout folder.

    Raises `UsageError` when something else stands there, `OutsideError` when the disk refuses.
    """
    if output.suffix == ".tar":
        docker_archive(image, tag, blobs, output)
    else:
        layout(image, machine, tag, blobs, output)


def layout(image: Image, machine: str, tag: str, blobs: Blobs, folder: pathlib.Path) -> None:
    """Put the image into the OCI layout in `folder`, beside what it holds under other names."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not _is_layout(folder))):
        raise UsageError(f"{folder} is no OCI layout", hint="give --output a new folder, or a name in .tar")
    target = Blobs(folder)
    with disk(folder / "blobs"):
        for blob in dict.fromkeys((*image.layers, image.config, image.manifest)):
            if not target.has(blob):
                _copy(blob, blobs, target)
    enlist(image, machine, tag, folder)


def enlist(image: Image, machine: str, tag: str, folder: pathlib.Path) -> None:
    """Name an image in the layout that holds its blobs already. Raises `OutsideError`."""
    with disk(folder), locked(folder / "index.json"):
        write_atomic(folder / "oci-layout", '{"imageLayoutVersion":"1.0.0"}')
        # Written last: a reader finds either the old image or the whole new one.
        write_atomic(folder / "index.json", encoded(_index(folder, image, machine, tag)))


def _is_layout(folder: pathlib.Path) -> bool:
    return (folder / "oci-layout").is_file()


def _copy(blob: Descriptor, blobs: Blobs, target: Blobs) -> None:
    with target.incoming() as stream:
        for chunk in blobs.chunks(blob):
            stream.write(chunk)
        target.keep(stream, blob.digest)


def _index(folder: pathlib.Path, image: Image, machine: str, tag: str) -> dict[str, Any]:
    """The layout's index with this image under its name."""
    entry = {
        **image.manifest.as_dict(),
        "platform": {"architecture": machine, "os": "linux"},
        "annotations": {REF: tag},
    }
    return {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [*(other for other in manifests(folder) if _name(other) != tag), entry],
    }


def manifests(folder: pathlib.Path) -> list[dict[str, Any]]:
    """What a layout's index lists; nothing where it cannot be read."""
    try:
        listed = json.loads((folder / "index.json").read_bytes())["manifests"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [entry for entry in listed if isinstance(entry, dict)]


def _name(entry: dict[str, Any]) -> str:
    return str((entry.get("annotations") or {}).get(REF, ""))


def docker_archive(image: Image, tag: str, blobs: Blobs, file: pathlib.Path) -> None:
    """Write the file that `docker load` takes, whole or not at all."""
    if file.exists() and not file.is_file():
        raise UsageError(f"{file} is no file", hint="give --output another name")
    with disk(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb", buffering=CHUNK) as stream:
                stream_archive(image, tag, blobs, stream)
            pathlib.Path(name).chmod(0o644)
            pathlib.Path(name).replace(file)
        finally:
            pathlib.Path(name).unlink(missing_ok=True)


def stream_archive(image: Image, tag: str, blobs: Blobs, stream: IO[bytes]) -> None:
    """The archive itself: configuration, each layer as a plain tar, and the list that names them.

    Layers are written unpacked: an engine keeps them so, and unpacking here is several times faster.
    Raises `OutsideError` when a layer in the store is damaged.
    """
    config = f"{image.config.digest.removeprefix('sha256:')}.json"
    _add(stream, config, blobs.read(image.config))
    names = []
    for layer in image.layers:
        name = f"{layer.diff_id.removeprefix('sha256:')}.tar"
        if name not in names:
            entry = Entry(path=name, size=layer.length)
            stream.write(tar.header(entry, tar.epoch()))
            with blobs.unpacked(layer) as plain:
                shutil.copyfileobj(plain, stream, CHUNK)
            stream.write(tar.padding(layer.length))
        names.append(name)
    _add(stream, "manifest.json", encoded([{"Config": config, "RepoTags": [tag], "Layers": names}]))
    stream.write(tar.END)


def _add(stream: IO[bytes], name: str, body: bytes) -> None:
    stream.write(tar.header(Entry(path=name, size=len(body)), tar.epoch()))
    stream.write(body + tar.padding(len(body)))
