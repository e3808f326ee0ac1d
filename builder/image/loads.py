"""What of a stage a service is known to load, which is what its image carries compiled."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import zipfile
from collections.abc import Collection, Sequence

from builder.values.stages import InstallStage
from builder.wheels.compiled import StageModules, module_files
from envspec.lockfile.lock import File
from envspec.supply.facts import FactStore
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home

SMALL = 1_000_000
"""Bytes of source up to which a package counts as small; of a larger one only the modules named count."""


def stage_modules(
    stage: InstallStage, named: Collection[str], modules: Sequence[str], store: Wheelhouse
) -> StageModules:
    """What a stage brings of the modules that a spec imports, and of packages named in it that are small.

    `named` has canonical names: of these the top level is loaded.
    """
    loaded: set[str] = set()
    for wheel in stage.wheels:
        with contextlib.suppress(zipfile.BadZipFile):  # the build says which stage it fails in
            files = module_files(wheel, store)
            brought = top_level_names(wheel, store)
            loaded |= {name for name in modules if name.partition(".")[0] in brought}
            if wheel.name in named and sum(size for _, size in files.values()) <= SMALL:
                tops = [path for path in files if _is_top(path)]
                loaded |= {path.removesuffix(".py").removesuffix("/__init__") for path in tops}
    return StageModules(wheels=stage.wheels, trim=stage.trim, modules=tuple(sorted(loaded)))


def _is_top(path: str) -> bool:
    """Whether a path is that of a module, or of a whole package, at the top of site-packages."""
    folder, _, name = path.rpartition("/")
    return "/" not in folder and (name == "__init__.py" if folder else True)


def top_level_names(wheel: File, store: Wheelhouse) -> list[str]:
    """First parts of the names of all modules that a wheel brings. Raises `zipfile.BadZipFile`."""
    read = functools.partial(_top_level, store.path(wheel))
    names: list[str] = FactStore(tool_home() / "facts").cached(wheel.sha256, "top-level", 1, read)
    return names


def _top_level(wheel: pathlib.Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted({name.partition("/")[0].removesuffix(".py") for name in archive.namelist()})
