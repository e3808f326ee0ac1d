"""Which layers an environment's wheels become, and making them: several at once, each kept by its content.

The large wheels come first, each in a layer of its own, then each stage's small ones together: an engine
keeps every layer below the first that changed, so changing a small package never sends a large one again.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from builder.oci.store import tar
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.compress import DamagedError, LayerWriter
from builder.oci.store.tar import Entry
from builder.values.plan import InstallStage, PlannedWheel
from builder.wheels.place import Place
from envspec.spec.model import digest_of
from envspec.supply.wheel import WheelError
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.progress import Progress

if TYPE_CHECKING:
    from builder.wheels.contents import OpenWheel
    from builder.wheels.install import Item
    from builder.wheels.packed import PackedWheel

FORMAT = 1
"""Of what recipes mean; it changes whenever the same recipe would give other bytes."""

LARGE = 4 << 20
"""Bytes of a wheel from which on it has a layer of its own."""

MOST_LARGE = 48
"""Layers of single wheels at most: engines stop at 127 layers in all."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The wheels of one layer, in install order."""

    title: str
    stage: str
    """Name of the stage that installs them."""
    wheels: tuple[PlannedWheel, ...]
    trim: tuple[str, ...]
    large: bool
    """Whether it is one wheel that is worth a layer of its own."""

    @property
    def size(self) -> int:
        """Bytes of its wheels."""
        return sum(wheel.size for wheel in self.wheels)

    def key(self, place: Place, lost: Mapping[str, frozenset[str]]) -> str:
        """Digest of all that decides the layer's bytes."""
        from builder.wheels.install import INSTALLER

        wheels = [
            [wheel.name, wheel.file, wheel.sha256, sorted(lost.get(wheel.name, ()))] for wheel in self.wheels
        ]
        recipe = {
            "format": FORMAT,
            "installer": INSTALLER,
            "place": dataclasses.asdict(place),
            "trim": self.trim,
            "time": tar.epoch(),
            "wheels": wheels,
        }
        return digest_of(recipe).removeprefix("sha256:")


def groups(stages: Sequence[InstallStage]) -> tuple[Group, ...]:
    """The layers of a plan's stages, lowest first."""
    by_size = sorted((wheel for stage in stages for wheel in stage.wheels), key=lambda wheel: -wheel.size)
    large = {wheel.sha256 for wheel in by_size[:MOST_LARGE] if wheel.size >= LARGE}
    single = [
        Group(
            title=f"{wheel.name} {wheel.version}",
            stage=stage.name,
            wheels=(wheel,),
            trim=stage.trim,
            large=True,
        )
        for stage in stages
        for wheel in stage.wheels
        if wheel.sha256 in large
    ]
    rest = [(stage, tuple(w for w in stage.wheels if w.sha256 not in large)) for stage in stages]
    shared = [
        Group(title=f"stage {stage.name}", stage=stage.name, wheels=wheels, trim=stage.trim, large=False)
        for stage, wheels in rest
        if wheels
    ]
    return (*single, *shared)


def build(
    stages: Sequence[InstallStage], place: Place, store: Wheelhouse, blobs: Blobs, progress: Progress
) -> tuple[Layer, ...]:
    """The layers of all wheels, lowest first.

    Raises `BuildError` when two wheels bring one path with different contents, `WheelError` for a wheel that
    must not be installed, `OutsideError` when the wheelhouse or the disk lets it down.
    """
    # Slow to load, and often all layers are there already.
    from builder.wheels.contents import contents, overwritten

    wanted = groups(stages)
    with contents(stages, place, store) as installed:
        lost = overwritten(installed)

        def make(group: Group) -> Layer:
            def fill(writer: LayerWriter) -> None:
                progress.note(f"layer {group.title}")
                _verify(group.wheels, store)
                _fill(writer, [installed[wheel.name] for wheel in group.wheels], group.wheels, lost)

            return blobs.layer(group.key(place, lost), group.title, fill)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            largest_first = sorted(wanted, key=lambda group: -group.size)
            jobs = {group: pool.submit(make, group) for group in largest_first}
            try:
                return tuple(jobs[group].result() for group in wanted)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _verify(wheels: Iterable[PlannedWheel], store: Wheelhouse) -> None:
    for wheel in wheels:
        if not store.verify(wheel):
            raise OutsideError(
                f"{wheel.file} in the wheelhouse was damaged and has been thrown away", hint="run again"
            )


def _fill(
    writer: LayerWriter,
    installed: Sequence[OpenWheel],
    wheels: Sequence[PlannedWheel],
    lost: Mapping[str, frozenset[str]],
) -> None:
    found: dict[str, tuple[PackedWheel, Item] | None] = {}
    for one, planned in zip(installed, wheels, strict=True):
        out = lost.get(planned.name, frozenset())
        found.update({item.path: (one.wheel, item) for item in one.items if item.path not in out})
    found.update(dict.fromkeys(tar.folders(found)))
    for path in sorted(found):
        match found[path]:
            case None:
                writer.add(tar.folder(path))
            case wheel, item:
                _add(writer, wheel, item)


def _add(writer: LayerWriter, wheel: PackedWheel, item: Item) -> None:
    entry = Entry(path=item.path, mode=0o755 if item.executable else 0o644, size=item.size)
    try:
        if isinstance(item.source, bytes):
            writer.add(entry, item.source)
        else:
            writer.add(entry, wheel.member(item.source) or wheel.plain(item.source))
    except DamagedError as error:
        raise WheelError(wheel.file.name, f"{item.source!r}: {error}") from error
