"""Makes the layers of an environment's wheels: several at once, each kept by its content."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from builder.oci.store import tar
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.compress import DamagedError, LayerWriter
from builder.oci.store.tar import TarEntry
from builder.values.stages import InstallStage, PlannedWheel
from builder.wheels.groups import WheelGroup, group_wheels
from builder.wheels.prefix import Prefix
from envspec.supply.wheel import WheelError
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.progress import Progress

if TYPE_CHECKING:
    from builder.wheels.contents import OpenWheel
    from builder.wheels.install import InstalledFile
    from builder.wheels.packed import PackedWheel


def wheel_layers(
    stages: Sequence[InstallStage], prefix: Prefix, store: Wheelhouse, blobs: Blobs, progress: Progress
) -> tuple[Layer, ...]:
    """The layers of all wheels, lowest first.

    Raises `BuildError` when two wheels bring one path with different contents, `WheelError` for a wheel that
    must not be installed, `OutsideError` when the wheelhouse or the disk lets it down.
    """
    # Slow to load, and often all layers are there already.
    from builder.wheels.contents import open_wheels, overwritten_paths

    wanted = group_wheels(stages)
    with open_wheels(stages, prefix, store) as installed:
        lost = overwritten_paths(installed)

        def make(group: WheelGroup) -> Layer:
            def fill(writer: LayerWriter) -> None:
                progress.note(f"layer {group.title}")
                store.require(group.wheels)
                _fill(writer, [installed[wheel.name] for wheel in group.wheels], group.wheels, lost)

            return blobs.layer(group.key(prefix, lost), group.title, fill)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            largest_first = sorted(wanted, key=lambda group: -group.size)
            jobs = {group: pool.submit(make, group) for group in largest_first}
            try:
                return tuple(jobs[group].result() for group in wanted)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _fill(
    writer: LayerWriter,
    installed: Sequence[OpenWheel],
    wheels: Sequence[PlannedWheel],
    lost: Mapping[str, frozenset[str]],
) -> None:
    found: dict[str, tuple[PackedWheel, InstalledFile] | None] = {}
    for one, planned in zip(installed, wheels, strict=True):
        out = lost.get(planned.name, frozenset())
        found.update({item.path: (one.wheel, item) for item in one.items if item.path not in out})
    found.update(dict.fromkeys(tar.folders_above(found)))
    for path in sorted(found):
        match found[path]:
            case None:
                writer.add(tar.folder_entry(path))
            case wheel, item:
                _add(writer, wheel, item)


def _add(writer: LayerWriter, wheel: PackedWheel, item: InstalledFile) -> None:
    entry = TarEntry(path=item.path, mode=0o755 if item.executable else 0o644, size=item.size)
    try:
        if isinstance(item.source, bytes):
            writer.add(entry, item.source)
        else:
            writer.add(entry, wheel.member(item.source) or wheel.plain(item.source))
    except DamagedError as error:
        raise WheelError(wheel.file.name, f"{item.source!r}: {error}") from error
