"""What is known of the base before the build: what a lock holds of it, and the libraries that it brings."""

from __future__ import annotations

import contextlib
import pathlib

from builder.flow.build_root import DebianBuildRoot
from builder.flow.project import Project
from builder.oci.store.blobs import Blobs, Layer
from builder.values.plan import make_plan
from builder.values.release import refuse_other_release
from envspec.lockfile.lock import Lock, LockedArchive
from envspec.proof.abi.base import BaseFolder, RootBase
from envspec.spec.types import Libc
from envspec.supply.build_root import BuildRoot
from envspec.system.disk import DiskError
from envspec.system.errors import EnvspecError, OutsideError
from envspec.system.home import tool_home
from envspec.system.processor import processor_of
from envspec.system.progress import SILENT, Progress


def image_digest(project: Project) -> str | None:
    """Digest of the spec's base image; None where it names none, or no engine knows it."""
    if project.spec.image is None:
        return None
    from builder.backends.docker.base import registry_digest
    from builder.backends.docker.engine import Engine

    with contextlib.suppress(EnvspecError):
        return registry_digest(Engine(), project.spec.image)
    return None


def seen_libc(project: Project) -> Libc | None:
    """The C library that the spec's image on disk really has; None where that cannot be told from here.

    What the spec says of it, or the name of an image elsewhere, is left to whoever asks.
    """
    base = project.spec.base
    if base.archive is None or base.libc is not None:
        return None
    from builder.oci.image import saved
    from builder.oci.store.tree import unpack_libraries

    blobs = Blobs(tool_home() / "oci")
    machine = processor_of(project.spec.machine).oci
    with contextlib.suppress(OutsideError):  # said where the archive is locked
        image = saved.load_saved_image(
            project.folder / base.archive, machine, project.spec.python_wish.line, blobs
        )
        musl = RootBase(unpack_libraries(image.layers, blobs)).musl
        return None if musl is None else "musl" if musl else "glibc"
    return None


def lock_base(lock: Lock, project: Project, progress: Progress) -> Lock:
    """The lock with all that can be told of its base now. Raises `SpecError` and `OutsideError`."""
    if project.spec.base.archive is not None:
        return _with_archive(lock, project.spec.base.archive, project)
    if lock.base.debian is not None:
        return _with_debian(lock, project, progress)
    return lock


def lock_build_root(lock: Lock, root: BuildRoot, progress: Progress) -> Lock:
    """The lock with the packages that sources are built with, where an archive can tell them.

    Raises `SpecError` where it is not known which Debian they are of.
    """
    try:
        build = root.added(lock) if isinstance(root, DebianBuildRoot) else ()
    except DiskError:
        raise
    except OutsideError as error:
        progress.note(f"what sources are built with is not locked: {error.message}")
        return lock
    return lock.model_copy(update={"build": build})


def _with_debian(lock: Lock, project: Project, progress: Progress) -> Lock:
    """The lock with the packages of its Debian base, where an archive can tell them."""
    from builder.debian.locked import resolve_packages
    from builder.debian.mirrors import archive_pockets
    from builder.debian.request import debian_request, python_release
    from builder.oci.store.network import Network
    from envspec.supply.pip_settings import ask_pip

    wanted = debian_request(lock)
    try:
        network = Network(ask_pip(), offline=project.offline)
        packages = resolve_packages(wanted, archive_pockets(wanted.suite), network)
    except DiskError:
        raise
    except OutsideError as error:
        progress.note(f"the Debian base is not locked: {error.message}")
        return lock
    refuse_other_release(lock, f"Debian {wanted.suite}", python_release(packages, lock.python))
    return lock.model_copy(update={"base": lock.base.model_copy(update={"packages": packages})})


def _with_archive(lock: Lock, path: str, project: Project) -> Lock:
    """The lock with the digest of the image on disk."""
    from builder.oci.image import saved

    archive = LockedArchive(path=path, sha256=saved.saved_image_sha256(project.folder / path))
    return lock.model_copy(update={"base": lock.base.model_copy(update={"archive": archive})})


def read_base(project: Project, lock: Lock, progress: Progress = SILENT) -> BaseFolder:
    """The libraries of the base that a lock names, fetched where this machine has them not yet.

    A base that cannot be had is no error: the proof says what it could not look at.
    """
    if lock.base.host:
        return BaseFolder(root=pathlib.Path("/"))
    from builder.oci.store.tree import unpack_libraries

    try:
        layers = base_layers(project, lock, progress)
        root = unpack_libraries(layers, Blobs(tool_home() / "oci"))
    except EnvspecError as error:
        return BaseFolder(why=error.message)
    return BaseFolder(root=root, complete=lock.base.debian is not None or not lock.base.apt)


def base_layers(project: Project, lock: Lock, progress: Progress) -> tuple[Layer, ...]:
    """The layers of the base that a lock names, in the store of blobs; without what `apt` adds to an image.

    Raises `SpecError` when it cannot have the wanted Python, `OutsideError` when it cannot be had.
    """
    from builder.backends.oci.bases import obtain_base_image
    from builder.oci.store.network import Network
    from envspec.supply.pip_settings import ask_pip

    plan = make_plan(project.spec, lock)
    if plan.base.debian is None:
        plan = plan.model_copy(update={"base": plan.base.model_copy(update={"apt": ()})})
    return obtain_base_image(
        plan,
        project.folder,
        project.store,
        Blobs(tool_home() / "oci"),
        lambda: Network(ask_pip(), offline=project.offline),
        progress,
    ).layers
