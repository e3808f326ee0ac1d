"""Images as others take them: an OCI layout in a folder, or one file for `docker load`.

Source: OCI image layout specification; Docker image specification 1.2, combined image JSON.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from builder.oci.image import begun
from builder.oci.image.attest import Referrer
from builder.oci.image.documents import Image, encode_document
from builder.oci.store import tar
from builder.oci.store.blobs import INDEX, Blobs, Descriptor
from builder.oci.store.tar import TarEntry
from envspec.system.errors import UsageError
from envspec.system.home import disk_refusals, holding, holding_folder, throw_away, whole_file, write_atomic
from envspec.system.kept import Kept

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'

REF = "org.opencontainers.image.ref.name"
"""Annotation that names an image in a layout."""

SUBJECT = "io.envspec.subject"
"""Annotation of an artifact: digest of the manifest that it refers to, for its name may stand for several."""

REFERS = "io.envspec.refers"
"""Annotation of what belongs to the image of that name, and goes when another takes its place."""


def write_image(
    image: Image,
    machine: str,
    tag: str,
    blobs: Blobs,
    output: pathlib.Path,
    artifacts: Sequence[Referrer] = (),
) -> tuple[pathlib.Path, ...]:
    """Write the image as the output's name asks: `X.tar` for `docker load`, any other a layout folder.

    What refers to it goes beside the file, or into the layout. Gives what was written.

    Raises `UsageError` when something else stands there, `OutsideError` when the disk refuses.
    """
    if output.suffix == ".tar":
        write_docker_archive(image, tag, blobs, output)
        beside = [output.with_name(f"{output.name}.{artifact.suffix}") for artifact in artifacts]
        for place, artifact in zip(beside, artifacts, strict=True):
            with disk_refusals(place, setting="--output"):
                write_atomic(place, blobs.read(artifact.content))
        return output, *beside
    write_layout(image, machine, tag, blobs, output, artifacts)
    return (output,)


def write_layout(
    image: Image,
    machine: str,
    tag: str,
    blobs: Blobs,
    folder: pathlib.Path,
    artifacts: Sequence[Referrer] = (),
) -> None:
    """Put the image into the OCI layout in `folder`, beside what it holds under other names.

    One run at a time does that. `index.json` is written last, so a run that is stopped leaves what was named
    before, and blobs that the next one finds. A first run writes `oci-layout` before all else: from then on
    the folder is a layout, if one that names nothing yet.

    Raises `UsageError` when something else stands there, `OutsideError` when the disk refuses.
    """
    if folder.exists() and not folder.is_dir():
        raise _no_layout(folder)
    target = Blobs(folder)
    referring = (blob for artifact in artifacts for blob in artifact.blobs)
    parts = dict.fromkeys((*image.layers, image.config, image.manifest, *referring))
    missing = [blob for blob in parts if not target.has(blob)]
    with (
        disk_refusals(folder, setting="--output", needed=lambda: sum(blob.size for blob in missing)),
        holding_folder(folder),
    ):
        if not begun.may_be_written(folder):
            raise _no_layout(folder)
        begun.sweep_layout(folder)
        _say_layout(folder)
        for blob in missing:
            if not target.has(blob):  # another run may have brought it meanwhile
                _copy(blob, blobs, target)
        _enlist(image, machine, tag, folder, artifacts, beside=True)


def _no_layout(folder: pathlib.Path) -> UsageError:
    return UsageError(f"{folder} is no OCI layout", hint="give --output a new folder, or a name in .tar")


def enlist_image(
    image: Image,
    machine: str,
    tag: str,
    folder: pathlib.Path,
    artifacts: Sequence[Referrer] = (),
    *,
    beside: bool = False,
) -> None:
    """Name an image in the layout that holds its blobs already, instead of what had the name before.

    With `beside`, what had it for another processor stays, and the name then means an index of them all.
    Raises `OutsideError`.
    """
    with holding_folder(folder):
        _say_layout(folder)
        _enlist(image, machine, tag, folder, artifacts, beside=beside)


def enlist_at_home(
    image: Image, machine: str, tag: str, blobs: Blobs, artifacts: Sequence[Referrer] = ()
) -> None:
    """As `enlist_image`, in the tool's own layout, whose names are kept as well: there nobody else writes.

    A damaged index is thrown away, and has the same names again.
    """
    folder, kept = blobs.root, Kept[dict[str, Any]](blobs.root / "index", dict[str, Any])
    with holding(folder / "names"):
        known = kept.get("names")
        right = {"oci-layout": _LAYOUT}
        if known is not None:
            right["index.json"] = encode_document(known)
        elif os.path.lexists(folder / "index.json") and not read_manifests(folder):
            throw_away(folder / "index.json", "cannot be read")
        for name, body in right.items():
            if os.path.lexists(folder / name) and not _has(folder / name, body):
                throw_away(folder / name, "is damaged")
            _write_changed(folder / name, body)
        enlist_image(image, machine, tag, folder, artifacts)
        names = json.loads((folder / "index.json").read_bytes())
        if names != known:
            kept.put("names", names)


def _enlist(
    image: Image,
    machine: str,
    tag: str,
    folder: pathlib.Path,
    artifacts: Sequence[Referrer],
    *,
    beside: bool,
) -> None:
    index = _index(folder, image, machine, tag, artifacts, beside=beside)
    _write_changed(folder / "index.json", encode_document(index))


def _say_layout(folder: pathlib.Path) -> None:
    _write_changed(folder / "oci-layout", _LAYOUT)


def _write_changed(file: pathlib.Path, body: bytes) -> None:
    """Write what is not there yet: a folder that has all of it may be one that nobody may write to."""
    if not _has(file, body):
        write_atomic(file, body)


def _has(file: pathlib.Path, body: bytes) -> bool:
    try:
        return file.read_bytes() == body
    except OSError:
        return False


def _copy(blob: Descriptor, blobs: Blobs, target: Blobs) -> None:
    with whole_file(target.path(blob.digest), synced=False) as stream:
        for chunk in blobs.chunks(blob):
            stream.write(chunk)


def _index(
    folder: pathlib.Path,
    image: Image,
    machine: str,
    tag: str,
    artifacts: Sequence[Referrer],
    *,
    beside: bool,
) -> dict[str, Any]:
    """The layout's index with this image under its name."""
    entry = {**image.manifest.as_dict(), "platform": {"architecture": machine, "os": "linux"}}
    held = [each for each in read_manifests(folder) if beside or _stored(each, folder)]
    named = [one for other in held if _said(other, REF) == tag for one in _platforms(other, folder)]
    stay = [one for one in named if beside and one.get("platform") != entry["platform"]]
    gone = {one["digest"] for one in named if one not in stay}
    if stay:
        entry = _together([*stay, entry], folder)
    return {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            *(other for other in held if _said(other, REF) != tag and not _refers(other, tag, gone)),
            {**entry, "annotations": {REF: tag}},
            *(
                {**artifact.as_dict(), "annotations": {REFERS: tag, SUBJECT: image.manifest.digest}}
                for artifact in artifacts
            ),
        ],
    }


def _stored(entry: dict[str, Any], folder: pathlib.Path) -> bool:
    """Whether what an entry names was not swept, as what nobody uses is."""
    return Blobs(folder).path(str(entry.get("digest"))).is_file()


def _platforms(entry: dict[str, Any], folder: pathlib.Path) -> list[dict[str, Any]]:
    """The images that an entry of a layout's index stands for, one for each processor."""
    if entry.get("mediaType") != INDEX:
        return [{key: value for key, value in entry.items() if key != "annotations"}]
    place = Blobs(folder).path(str(entry.get("digest")))
    try:
        return list(json.loads(place.read_bytes())["manifests"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _together(entries: list[dict[str, Any]], folder: pathlib.Path) -> dict[str, Any]:
    """One index of an image's forms for several processors, as an entry of a layout's index."""
    ordered = sorted(entries, key=lambda entry: str(entry["platform"]["architecture"]))
    body = encode_document({"schemaVersion": 2, "mediaType": INDEX, "manifests": ordered})
    return Blobs(folder).put(body, INDEX).as_dict()


def _refers(entry: dict[str, Any], tag: str, gone: set[str]) -> bool:
    """Whether an artifact belongs to an image of that name which another takes the place of."""
    subject = _said(entry, SUBJECT)
    return _said(entry, REFERS) == tag and (not subject or subject in gone)


def read_manifests(folder: pathlib.Path) -> list[dict[str, Any]]:
    """What a layout's index lists; nothing where it cannot be read."""
    try:
        listed = json.loads((folder / "index.json").read_bytes())["manifests"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    return [entry for entry in listed if isinstance(entry, dict)]


def _said(entry: dict[str, Any], annotation: str) -> str:
    return str((entry.get("annotations") or {}).get(annotation, ""))


def write_docker_archive(image: Image, tag: str, blobs: Blobs, file: pathlib.Path) -> None:
    """Write the file that `docker load` takes, whole or not at all."""
    if file.exists() and not file.is_file():
        raise UsageError(f"{file} is no file", hint="give --output another name")
    with (
        disk_refusals(file, setting="--output", needed=lambda: sum(layer.length for layer in image.layers)),
        whole_file(file, synced=False) as stream,
    ):
        for chunk in docker_archive_chunks(image, tag, blobs):
            stream.write(chunk)


def docker_archive_chunks(image: Image, tag: str, blobs: Blobs, *, held: int = 0) -> Iterator[bytes]:
    """The archive itself: configuration, each layer as a plain tar, and the list that names them.

    Layers are given unpacked: an engine keeps them so, and unpacking here is several times faster. The
    lowest `held` layers are named only, for an engine that has them. Raises `OutsideError` when a layer in
    the store is damaged.
    """
    yield from _member(f"{_code(image.config.digest)}.json", blobs.read(image.config))
    names = []
    for number, layer in enumerate(image.layers):
        name = f"{_code(layer.diff_id)}.tar"
        if name not in names and number >= held:
            yield tar.tar_header(TarEntry(path=name, size=layer.length), tar.archive_epoch())
            yield from blobs.plain(layer)
            yield tar.tar_padding(layer.length)
        names.append(name)
    listed = [{"Config": f"{_code(image.config.digest)}.json", "RepoTags": [tag], "Layers": names}]
    yield from _member("manifest.json", encode_document(listed))
    yield tar.END


def _code(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _member(name: str, body: bytes) -> Iterator[bytes]:
    yield tar.tar_header(TarEntry(path=name, size=len(body)), tar.archive_epoch())
    yield body + tar.tar_padding(len(body))
