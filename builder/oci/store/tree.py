"""Layers unpacked, so that an image can be run, or its libraries read, where there is no engine.

<home>/oci/unpacked/<name>/            one layer, or a whole base; it appears by one rename
<home>/oci/unpacked/<name>-libraries/  of a base, what the loader looks at
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import platform
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence

from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.compress import ISAL_ERROR
from envspec.spec.model import digest_of
from envspec.system.errors import OutsideError
from envspec.system.home import disk_refusals, holding
from envspec.system.kept import touch
from envspec.system.scratch import scratch_folder
from envspec.system.seen import note_tree, settled, tree_holds

_CONFIGURATION = re.compile(r"(?:^|/)etc/(?:ld\.so\.conf|ld-musl-)")
"""Files that say where the loader looks, glibc's and musl's."""

_SHORT = 20
"""Digits of a digest in a folder's name: all names together must fit into one page."""


def unpack_layers(base: Sequence[Layer], added: Sequence[Layer], blobs: Blobs) -> tuple[pathlib.Path, ...]:
    """The folders of an image, lowest first: its base as one, then one a layer.

    Raises `OutsideError` for a layer that cannot be unpacked, or when the disk refuses.
    """
    if not hasattr(tarfile, "tar_filter"):
        raise OutsideError(
            f"Python {platform.python_version()} cannot unpack layers safely: its tarfile has no filters",
            hint="run envspec with Python 3.11.4 or newer",
        )
    root = blobs.root / "unpacked"
    stacks = [tuple(base), *((layer,) for layer in added)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return tuple(pool.map(lambda stack: _folder(stack, root, blobs), stacks))


def unpack_libraries(base: Sequence[Layer], blobs: Blobs) -> pathlib.Path:
    """A folder with the shared libraries of a base and the loader's configuration, or with all of it.

    Raises `OutsideError` for a layer that cannot be unpacked, or when the disk refuses.
    """
    root = blobs.root / "unpacked"
    whole = root / _name(tuple(base))
    return whole if tree_holds(whole) else _folder(tuple(base), root, blobs, only=_for_the_loader)


def _name(stack: tuple[Layer, ...]) -> str:
    return digest_of([layer.diff_id for layer in stack]).removeprefix("sha256:")[:_SHORT]


def _for_the_loader(info: tarfile.TarInfo) -> bool:
    """Whether the loader may look at it: libraries, links that may lead to one, its configuration."""
    folder, _, name = info.name.rpartition("/")
    return (
        ".so" in name
        or (info.issym() and folder.count("/") <= 2)
        or _CONFIGURATION.search(info.name) is not None
    )


def _folder(
    stack: tuple[Layer, ...],
    root: pathlib.Path,
    blobs: Blobs,
    only: Callable[[tarfile.TarInfo], bool] | None = None,
) -> pathlib.Path:
    place = root / (f"{_name(stack)}-libraries" if only else _name(stack))
    if tree_holds(place):
        touch(place)
        return place
    with disk_refusals(place, needed=lambda: sum(layer.length for layer in stack)), holding(place):
        if not settled(place):
            with scratch_folder("unpacked", root) as building:
                building.chmod(0o755)
                for layer in stack:
                    _unpack(layer, blobs, building, only)
                note_tree(building, place)
                building.rename(place)
        touch(place)  # an archive may date its own top
    return place


def _unpack(
    layer: Layer, blobs: Blobs, place: pathlib.Path, only: Callable[[tarfile.TarInfo], bool] | None
) -> None:
    try:
        with (
            blobs.unpacked(layer) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            members = filter(only, _without_whiteouts(archive, place))
            archive.extractall(place, members, filter=_plain)  # noqa: S202 - filtered
    except (tarfile.TarError, EOFError, zlib.error, ISAL_ERROR, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own; what is wrong with the archive has no number
        blobs.reread(layer)
        raise OutsideError(f"layer {layer.title} cannot be unpacked ({error})") from error


def _without_whiteouts(archive: tarfile.TarFile, place: pathlib.Path) -> Iterator[tarfile.TarInfo]:
    """The entries to unpack; those that say what a lower layer loses are carried out on the way.

    Source: OCI image specification, layer filesystem changeset.
    """
    for info in archive:
        folder, _, name = info.name.rpartition("/")
        if not name.startswith(".wh."):
            yield info
            continue
        above = (place / folder).resolve()
        if not above.is_relative_to(place.resolve()) or not above.is_dir():
            continue
        if name == ".wh..wh..opq":
            for inside in above.iterdir():
                _remove(inside)
        else:
            _remove(above / name.removeprefix(".wh."))


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _plain(info: tarfile.TarInfo, place: str) -> tarfile.TarInfo | None:
    """What Python itself holds to be safe, without devices, and readable by whoever unpacked it."""
    if info.isdev():
        return None
    safe = tarfile.tar_filter(info, place)
    return safe.replace(uid=os.geteuid(), gid=os.getegid(), uname="", gname="", deep=False)
