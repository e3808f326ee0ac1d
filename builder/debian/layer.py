"""The layer of a Debian base, made from its packages and kept by their hashes."""

from __future__ import annotations

from collections.abc import Sequence

from builder.debian.request import ARCHITECTURE, LEFT_OUT
from builder.oci.store import tar
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.compress import LayerWriter
from envspec.lockfile.lock import DebianPackage
from envspec.spec.model import digest_of
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError

FORMAT = 2
"""Of what a list of packages becomes; it changes whenever the same list would give other bytes."""


def layer(
    suite: str, packages: Sequence[DebianPackage], machine: str, store: Wheelhouse, blobs: Blobs
) -> Layer:
    """The layer of those packages; the same ones give the same bytes.

    Raises `DebError` for a package that must not be unpacked, `OutsideError` for one that is damaged.
    """
    from builder.debian.deb import Deb
    from builder.debian.rootfs import Root

    def fill(writer: LayerWriter) -> None:
        root = Root(writer, ARCHITECTURE[machine])
        root.start()
        for package in packages:
            if not store.verify(package):
                raise OutsideError(
                    f"{package.file} in the wheelhouse was damaged and has been thrown away", hint="run again"
                )
            root.package(package.name, Deb(store.path(package)))
        root.finish()

    return blobs.layer(_key(packages, machine), f"Debian {suite}", fill)


def known(packages: Sequence[DebianPackage], machine: str, blobs: Blobs) -> Layer | None:
    """The layer of those packages, if it was made before and still is there."""
    return blobs.known(_key(packages, machine))


def _key(packages: Sequence[DebianPackage], machine: str) -> str:
    recipe = {
        "format": FORMAT,
        "left out": LEFT_OUT,
        "machine": machine,
        "time": tar.epoch(),
        "packages": [[package.name, package.sha256] for package in packages],
    }
    return digest_of(recipe).removeprefix("sha256:")
