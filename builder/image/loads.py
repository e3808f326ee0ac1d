"""What of a stage a service is known to load, which is what its image carries compiled."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pathlib
import zipfile
from collections.abc import Collection, Sequence

from builder.values.stages import InstallStage
from envspec.lockfile.lock import File
from envspec.supply.facts import FactStore
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Loads:
    """The modules of a stage that a service is known to load; false where nothing is to be compiled."""

    packages: tuple[str, ...] = ()
    """Canonical names: of these the top level is imported, if they are small."""
    modules: tuple[str, ...] = ()
    """Imported whatever they weigh."""

    def __bool__(self) -> bool:
        return bool(self.packages or self.modules)


def stage_loads(
    stage: InstallStage, named: Collection[str], modules: Sequence[str], store: Wheelhouse
) -> Loads:
    """Of the packages that a spec names and the modules that it imports, those that the stage brings."""
    brought = _brought(stage, store) if modules else set()
    return Loads(
        packages=tuple(wheel.name for wheel in stage.wheels if wheel.name in named),
        modules=tuple(name for name in modules if name.partition(".")[0] in brought),
    )


def _brought(stage: InstallStage, store: Wheelhouse) -> set[str]:
    """First parts of the names of all modules that the stage's wheels bring."""
    names: set[str] = set()
    for wheel in stage.wheels:
        with contextlib.suppress(zipfile.BadZipFile):  # the build says which stage it fails in
            names.update(top_level_names(wheel, store))
    return names


def top_level_names(wheel: File, store: Wheelhouse) -> list[str]:
    """First parts of the names of all modules that a wheel brings. Raises `zipfile.BadZipFile`."""
    read = functools.partial(_top_level, store.path(wheel))
    names: list[str] = FactStore(tool_home() / "facts").cached(wheel.sha256, "top-level", 1, read)
    return names


def _top_level(wheel: pathlib.Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted({name.partition("/")[0].removesuffix(".py") for name in archive.namelist()})
