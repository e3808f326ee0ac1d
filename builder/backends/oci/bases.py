"""Which base a plan means, and getting it."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from builder.debian.base import obtain_base
from builder.debian.request import debian_hint, python_release
from builder.oci.image.base import BaseImage
from builder.oci.store.blobs import Blobs
from builder.values.plan import Plan
from builder.values.release import refuse_other_release
from envspec.lockfile.lock import LockedArchive
from envspec.spec.model import digest_of
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.disk import DiskError
from envspec.system.errors import OutsideError
from envspec.system.kept import Kept
from envspec.system.processor import processor_of
from envspec.system.progress import Progress

if TYPE_CHECKING:
    from builder.oci.store.network import Network

MakeNetwork = Callable[[], "Network"]


def obtain_base_image(
    plan: Plan,
    folder: pathlib.Path,
    store: Wheelhouse,
    blobs: Blobs,
    network: MakeNetwork,
    progress: Progress,
) -> BaseImage:
    """The base of a plan, its layers in the store of blobs; `network` is called only if something is missing.

    `folder` is the spec's, below which an image on disk is.

    Raises `SpecError` when it cannot have the plan's Python, `OutsideError` when it cannot be had, or surely
    has another release than the plan wants.
    """
    base = _obtained(plan, folder, store, blobs, network, progress)
    refuse_other_release(plan, base.name, base.version)
    return base


def _obtained(
    plan: Plan,
    folder: pathlib.Path,
    store: Wheelhouse,
    blobs: Blobs,
    network: MakeNetwork,
    progress: Progress,
) -> BaseImage:
    if plan.base.debian:
        return _debian(plan, store, blobs, network, progress)
    if plan.base.apt:
        raise OutsideError(
            f"Debian packages cannot be added to image {plan.base.image} without an engine",
            hint=debian_hint(plan.python, "takes them, and needs no registry"),
        )
    if plan.base.archive is not None:
        return _saved(plan, plan.base.archive, folder, blobs, progress)
    try:
        return _pulled(plan, blobs, network, progress)
    except DiskError:
        raise  # the image could be had, and not be kept
    except OutsideError as error:
        raise OutsideError(
            f"image {plan.base.image} cannot be had: {error.message}",
            hint=debian_hint(plan.python, "makes a base from Debian packages"),
        ) from error


def seek_image(image: str, network: MakeNetwork) -> None:
    """Ask the registry of an image for what it is, and fetch nothing. Raises `OutsideError`."""
    from builder.oci.registry import reference
    from builder.oci.registry.credentials import stored_credentials
    from builder.oci.registry.repository import Registry

    found = reference.parse_reference(image)
    with network().session() as session:
        Registry(found, session, stored_credentials).manifest(found.target)


def _saved(
    plan: Plan, archive: LockedArchive, folder: pathlib.Path, blobs: Blobs, progress: Progress
) -> BaseImage:
    """The image on disk, remembered by its digest."""
    machine, place = processor_of(plan.machine).oci, folder / archive.path
    key = digest_of(["archive", archive.sha256, plan.base.image, machine, plan.python]).removeprefix(
        "sha256:"
    )
    kept: Kept[BaseImage] = Kept(blobs.root / "bases", BaseImage)
    known = kept.get(key)
    if known is not None and all(map(blobs.has, known.layers)):
        return known
    from builder.oci.image import saved

    progress.step(f"read {archive.path}")
    if saved.saved_image_sha256(place) != archive.sha256:
        raise OutsideError(
            f"the image in {place} is another one than when the lock was made",
            hint="put the old one back, or lock again: `envspec lock --upgrade`",
        )
    base = saved.load_saved_image(place, machine, plan.python, blobs)
    base = base.model_copy(update={"name": (plan.base.image or base.name).partition("@")[0]})
    kept.put(key, base)
    return base


def _pulled(plan: Plan, blobs: Blobs, network: MakeNetwork, progress: Progress) -> BaseImage:
    """The image of the plan, remembered by its digest: that one is never asked for again."""
    name, machine = plan.base.image or "", processor_of(plan.machine).oci
    key = digest_of([name, plan.base.digest, machine, plan.python]).removeprefix("sha256:")
    kept: Kept[BaseImage] = Kept(blobs.root / "bases", BaseImage)
    known = kept.get(key) if plan.base.digest else None
    if known is not None and all(map(blobs.has, known.layers)):
        return known
    from builder.oci.registry import pull, reference
    from builder.oci.registry.credentials import stored_credentials
    from builder.oci.registry.repository import Registry

    progress.step(f"pull {name}")
    found = reference.parse_reference(name, plan.base.digest)
    with network().session() as session:
        asked = Registry(found, session, stored_credentials)
        base = pull.pull_base(name, found.target, machine, plan.python, asked, blobs, progress)
    kept.put(key, base)
    return base


def _debian(
    plan: Plan, store: Wheelhouse, blobs: Blobs, network: MakeNetwork, progress: Progress
) -> BaseImage:
    made = obtain_base(plan, store, blobs, network, progress)
    return BaseImage(
        name=f"debian:{made.suite}",
        machine=processor_of(plan.machine).oci,
        layers=(made.layer,),
        version=python_release(made.packages, plan.python),
    )
