"""Two images as what stands in them, and why one made with an engine differs from one made without."""

from __future__ import annotations

import dataclasses
import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from typing import IO

from envspec.system.pattern import matcher


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Stands:
    """One entry of an image's tree."""

    kind: str
    mode: int
    owner: tuple[int, int]
    link: str
    content: str
    """sha256 of a file's bytes."""


Tree = Mapping[str, Stands]
"""What stands in an image, by path."""


def read(*layers: IO[bytes]) -> Tree:
    """The tree of layers laid over each other, lowest first."""
    entries: dict[str, Stands] = {}
    for layer in layers:
        with tarfile.open(fileobj=layer, mode="r|") as archive:
            for info in archive:
                path = info.name.removeprefix("./").strip("/")
                body = stream.read() if info.isreg() and (stream := archive.extractfile(info)) else b""
                if info.islnk():
                    entries[path] = entries[info.linkname.removeprefix("./").strip("/")]
                elif path:
                    entries[path] = _stands(info, body)
    return entries


def _stands(info: tarfile.TarInfo, body: bytes) -> Stands:
    return Stands(
        kind="folder" if info.isdir() else "link" if info.issym() else "file" if info.isreg() else "device",
        mode=0o777 if info.issym() else info.mode & 0o7777,
        owner=(info.uid, info.gid),
        link=info.linkname,
        content=hashlib.sha256(body).hexdigest() if info.isreg() else "",
    )


ONLY_DOCKER = {
    "an engine puts these into every container": ".dockerenv dev/* etc/hostname etc/hosts etc/mtab "
    "etc/resolv.conf",
    "uv's own lock of an environment": "opt/env/.lock",
}
"""Why something stands in the docker backend's image alone: patterns by reason."""

ONLY_OCI = {
    "PEP 376: which installer it was; uv is told to leave it out": "opt/env/**/*.dist-info/INSTALLER",
}
"""Likewise for the image made without an engine."""

DIFFERENT = {
    "uv and the `installer` library each word the script of an entry point in their own way": "opt/env/bin/*",
    "lists INSTALLER, and the scripts with their hashes": "opt/env/**/*.dist-info/RECORD",
}
"""Why something stands in both and is not the same."""


def differences(docker: Tree, oci: Tree) -> Iterator[tuple[str, str]]:
    """Every path that differs, with the reason; an empty one where nobody knows."""
    for path in sorted(docker.keys() | oci.keys()):
        one, other = docker.get(path), oci.get(path)
        if one is None:
            yield path, _reason(path, ONLY_OCI)
        elif other is None:
            yield path, _reason(path, ONLY_DOCKER)
        elif one != other:
            yield path, _reason(path, DIFFERENT)


def _reason(path: str, reasons: Mapping[str, str]) -> str:
    return next((why for why, patterns in reasons.items() if matcher(patterns.split())(path)), "")
