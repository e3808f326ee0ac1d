"""All wheels of an environment, opened and judged together: which file comes from which."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from builder.inside import guard
from builder.oci.store import tar
from builder.values.stages import InstallStage
from builder.wheels.install import InstalledFile, installed_files
from builder.wheels.packed import PackedWheel
from builder.wheels.prefix import Prefix
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import BuildError, SpoiledError
from envspec.system.pattern import matcher


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OpenWheel:
    """One open wheel, and the files that it becomes."""

    wheel: PackedWheel
    items: tuple[InstalledFile, ...]


@contextlib.contextmanager
def open_wheels(
    stages: Sequence[InstallStage], prefix: Prefix, store: Wheelhouse
) -> Iterator[Mapping[str, OpenWheel]]:
    """Every wheel, open, by its package's name, in install order.

    Raises `WheelError` for one that must not be installed, `SpoiledError` for one that is not there any more.
    """
    with contextlib.ExitStack() as stack:
        found: dict[str, OpenWheel] = {}
        for stage in stages:
            trimmed = matcher(stage.trim)
            for planned in stage.wheels:
                if not store.has(planned):
                    raise SpoiledError(f"{planned.file} in the wheelhouse")
                wheel = stack.enter_context(PackedWheel(store.path(planned)))
                found[planned.name] = OpenWheel(wheel=wheel, items=installed_files(wheel, prefix, trimmed))
        yield found


def overwritten_paths(installed: Mapping[str, OpenWheel]) -> Mapping[str, frozenset[str]]:
    """Paths that a later package brings as well, by the package that leaves them out.

    Raises `BuildError` naming both when the contents of code differ. Of programs and data the later counts.
    """
    owners: dict[str, tuple[str, InstalledFile]] = {}
    lost: dict[str, set[str]] = {}
    wrong = []
    for name, one in installed.items():
        for item in one.items:
            before = owners.get(item.path)
            if before is not None:
                lost.setdefault(before[0], set()).add(item.path)
                if before[1].identity != item.identity and _minds(item.path):
                    wrong.append(f"{before[0]} and {name} both bring /{item.path}, with different content")
            owners[item.path] = name, item
    both = owners.keys() & tar.folders_above(owners)
    wrong += [f"/{path} of {owners[path][0]} is a folder of another package" for path in both]
    if wrong:
        raise BuildError(
            "\n".join(sorted(wrong)),
            hint="leave one of the packages out, or trim the path with `[remove] files`",
        )
    return {name: frozenset(paths) for name, paths in lost.items()}


def _minds(path: str) -> bool:
    return guard.minds(path.partition("/site-packages/")[2])
