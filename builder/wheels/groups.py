"""Which layers an environment's wheels become.

The large wheels come first, each in a layer of its own, then each stage's small ones together: an engine
keeps every layer below the first that changed, so changing a small package never sends a large one again.
What was built of the spec's own trees is never among the large ones: its stages are the last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from builder.oci.store import tar
from builder.values.stages import InstallStage, PlannedWheel
from builder.values.tool import result_key
from builder.wheels.prefix import Prefix

LARGE = 4 << 20
"""Bytes of a wheel from which on it has a layer of its own."""

MOST_LARGE = 48
"""Layers of single wheels at most: engines stop at 127 layers in all."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WheelGroup:
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

    def key(self, prefix: Prefix, lost: Mapping[str, frozenset[str]]) -> str:
        """Name of all that decides the layer's bytes; `lost` has the paths that a later package brings."""
        wheels = [
            [wheel.name, wheel.file, wheel.sha256, sorted(lost.get(wheel.name, ()))] for wheel in self.wheels
        ]
        return result_key([wheels, self.trim, dataclasses.asdict(prefix), tar.archive_epoch()])


def group_wheels(stages: Sequence[InstallStage]) -> tuple[WheelGroup, ...]:
    """The layers of a plan's stages, lowest first."""
    lasting = [wheel for stage in stages if not stage.trees for wheel in stage.wheels]
    by_size = sorted(lasting, key=lambda wheel: -wheel.size)
    large = {wheel.sha256 for wheel in by_size[:MOST_LARGE] if wheel.size >= LARGE}
    single = [
        WheelGroup(
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
        WheelGroup(title=f"stage {stage.name}", stage=stage.name, wheels=wheels, trim=stage.trim, large=False)
        for stage, wheels in rest
        if wheels
    ]
    return (*single, *shared)
