"""The layer of a Debian base, made from its packages and kept by their hashes."""

from __future__ import annotations

from collections.abc import Sequence

from builder.oci.store import tar
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.compress import LayerWriter
from builder.values.tool import result_key
from envspec.lockfile.lock import DebianPackage
from envspec.spec.model import digest_of
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.processor import processor_of

LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
)
"""Files that no service reads; licences are kept."""


def make_layer(
    suite: str, packages: Sequence[DebianPackage], machine: str, store: Wheelhouse, blobs: Blobs
) -> Layer:
    """The layer of those packages, for a processor as specs name it; the same ones give the same bytes.

    Raises `DebError` for a package that must not be unpacked, `SpoiledError` for one that is damaged.
    """
    from builder.debian.deb import Deb
    from builder.debian.rootfs import RootWriter

    def fill(writer: LayerWriter) -> None:
        root = RootWriter(writer, processor_of(machine), without=LEFT_OUT)
        root.start()
        store.require(packages)
        for package in packages:
            root.add_package(package.name, Deb(store.path(package)))
        root.finish()

    return blobs.layer(_layer_key(packages, machine), f"Debian {suite}", fill)


def known_layer(packages: Sequence[DebianPackage], machine: str, blobs: Blobs) -> Layer | None:
    """The layer of those packages, if it was made before and still is there."""
    return blobs.known(_layer_key(packages, machine))


def packages_key(packages: Sequence[DebianPackage], machine: str) -> str:
    """Name of what the layer is made of, whoever makes it."""
    recipe = {
        "left out": LEFT_OUT,
        "machine": machine,
        "time": tar.archive_epoch(),
        "packages": [[package.name, package.sha256] for package in packages],
    }
    return digest_of(recipe).removeprefix("sha256:")


def _layer_key(packages: Sequence[DebianPackage], machine: str) -> str:
    return result_key(packages_key(packages, machine))
