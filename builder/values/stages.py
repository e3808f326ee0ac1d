"""The stages of a plan: what each installs, and where what was built of the spec's own trees stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from envspec.lockfile.lock import Artifact, File, Lock, LockedSource
from envspec.spec.model import Spec
from envspec.spec.part import Part
from envspec.spec.types import RelativePath

MOST_TREES = 32
"""Trees that have a stage of their own; where there are more, those that are not editable share one."""

_WHY = "the spec's own code, behind all that changes less"


class PlannedWheel(File):
    """One wheel that a stage installs."""

    name: str
    version: str


class InstallStage(Part):
    """Install exactly these wheels, without dependencies, hashes required; then guard what stood before."""

    name: str
    why: str
    wheels: tuple[PlannedWheel, ...]
    trim: tuple[str, ...] = ()
    """Patterns of files that are left out."""
    trees: tuple[RelativePath, ...] = ()
    """The spec's own folders that its wheels were built from, which are edited all day; else none."""
    editable: bool = False
    """Whether its one tree is used in place, where an environment stands on the machine that has it."""
    in_place: PlannedWheel | None = None
    """The wheel that does so, where one was made: it is of this machine alone, and no part of any digest."""

    @property
    def placed(self) -> InstallStage:
        """The stage with the wheel that uses its tree in place, where it has one."""
        return self if self.in_place is None else self.model_copy(update={"wheels": (self.in_place,)})

    @property
    def content(self) -> dict[str, object]:
        """All of it that decides what stands in an environment; of most stages as it always was."""
        without = {"why", "editable", "in_place", *(() if self.trees else ("trees",))}
        return self.model_dump(mode="json", exclude=without)


def planned_stages(spec: Spec, lock: Lock) -> tuple[InstallStage, ...]:
    """The stages of a locked spec. One with nothing left to install is kept: it explains itself.

    What was built of the spec's own trees comes last, each in a stage of its own: an edit moves nothing else.
    """
    why = {stage.name: stage.why for stage in spec.stage}
    trees = {source.name for source in lock.trees}
    lasting, emptied = [], {}
    for name, artifacts in lock.by_stage():
        wheels = tuple(_planned(artifact) for artifact in artifacts if artifact.name not in trees)
        if artifacts and not wheels:
            emptied[name] = why.get(name, "")
        else:
            stage = InstallStage(name=name, why=why.get(name, ""), wheels=wheels, trim=spec.remove.files)
            lasting.append(stage)
    return (*lasting, *_tree_stages(spec, lock, emptied))


def _planned(artifact: Artifact) -> PlannedWheel:
    file = artifact.installed.model_dump(include={"file", "sha256", "size"})
    return PlannedWheel(name=artifact.name, version=artifact.version, **file)


def _tree_stages(spec: Spec, lock: Lock, emptied: Mapping[str, str]) -> Iterator[InstallStage]:
    """The stages of the spec's own trees; `emptied` are stages that have nothing else, with their whys."""
    wheels = {artifact.name: _planned(artifact) for artifact in lock.artifact}
    bound = [source for source in lock.trees if source.name in wheels]
    live = {source.name for source in bound if _is_editable(spec, source)}
    together = [source for source in bound if source.name not in live] if len(bound) > MOST_TREES else []
    times = Counter(source.stage for source in bound)
    for source in (source for source in bound if source not in together):
        own = source.stage in emptied and times[source.stage] == 1  # then the stage is the tree's alone
        yield InstallStage(
            name=source.stage if own else f"{source.stage}.{source.name}",
            why=(own and emptied[source.stage]) or _WHY,
            wheels=(wheels[source.name],),
            trim=spec.remove.files,
            trees=(source.path or ".",),
            editable=source.name in live,
        )
    if together:
        yield InstallStage(
            name="trees",
            why=_WHY,
            wheels=tuple(wheels[source.name] for source in together),
            trim=spec.remove.files,
            trees=tuple(source.path or "." for source in together),
        )


def _is_editable(spec: Spec, source: LockedSource) -> bool:
    return source.at in spec.sources and spec.sources[source.at][1].editable
