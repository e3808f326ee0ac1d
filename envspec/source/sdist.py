"""Builds a wheel from a source: in a sandbox, with the same tools, once for a Python.

How a backend is asked is `backend.py`, what a failure means `failures.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator

from envspec.lockfile.lock import File
from envspec.source.backend import BuildRoom, build_wheel, told_versions
from envspec.source.failures import build_failure
from envspec.spec.model import BUILD_TIMEOUT, digest_of
from envspec.spec.part import Part
from envspec.spec.target import Target
from envspec.supply.build_root import THIS_MACHINE, BuildRoot
from envspec.supply.pip_settings import PipSettings
from envspec.supply.relay import relay_for
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import holding
from envspec.system.interpreter import find_interpreter
from envspec.system.kept import Kept
from envspec.system.machine import want_linux
from envspec.system.progress import SILENT, Progress
from envspec.system.sandbox import best_sandbox
from envspec.system.scratch import scratch_folder


class BuiltWheel(Part):
    """The wheel that a source became."""

    wheel: File
    tools: tuple[str, ...]
    """What it was built with, in exact versions."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BuildSite:
    """Where the wheels of one spec are built: all that its builds have in common."""

    store: Wheelhouse
    target: Target
    machine: PipSettings
    root: BuildRoot = THIS_MACHINE
    """Where a project's own steps are run."""
    offline: bool = False
    timeout: float = BUILD_TIMEOUT
    """Seconds that one step may take."""
    progress: Progress = SILENT

    @classmethod
    def of(cls, sources: Sources, store: Wheelhouse, target: Target, progress: Progress) -> BuildSite:
        """That of a spec, as its sources have it."""
        return cls(
            store=store,
            target=target,
            machine=sources.machine,
            root=sources.build_root,
            offline=sources.offline,
            timeout=sources.spec.build_timeout,
            progress=progress,
        )

    @property
    def further(self) -> tuple[str, ...]:
        """What a wheel is kept by besides, where it was built otherwise than most are."""
        return tuple(filter(None, ("musl" if self.target.musl else "", self.root.key)))

    @contextlib.contextmanager
    def room(self) -> Iterator[BuildRoom]:
        """Where builds find what they need. Raises `OutsideError` where there is no fitting interpreter."""
        with relay_for(self.machine) as relay:
            yield BuildRoom(
                python=find_interpreter(self.target.python, self.target.patch),
                relay=relay,
                offline=self.offline,
                root=self.root,
                timeout=self.timeout,
            )


def built_wheel(sdist: File, site: BuildSite) -> File:
    """The wheel of a stored source distribution for the target, built now if it was not built before.

    Raises `BuildError` with the build's last lines, and `OutsideError` when what the build needs cannot be
    had from its index.
    """
    store, target = site.store, site.target
    kept: Kept[File] = Kept(store.root / "built", File)
    key = "-".join((sdist.sha256, target.python, target.machine, *site.further))
    with holding(kept.file(key)):
        known = kept.get(key)
        if known is not None and store.has(known):
            return known
        want_linux(
            f"{sdist.file} has to be built, on Linux",
            hint="lock on Linux, pin a version that has a wheel, or give one under `wheels`",
        )
        site.progress.note(f"building a wheel from {sdist.file}: its index has none")
        wheel = _build(store.path(sdist), sdist.file, site).wheel
        kept.put(key, wheel)
    return wheel


def built_source(
    archive: pathlib.Path,
    sha256: str,
    site: BuildSite,
    *,
    label: str,
    subdirectory: str = "",
    tools: tuple[str, ...] = (),
) -> BuiltWheel:
    """The wheel of the project in an archive, built now if it was not built before with these `tools`.

    `label` is what messages call it. Left out, the tools are those that its index gives now, or gave when it
    was built here first. Raises as `built_wheel` does.
    """
    store, target = site.store, site.target
    kept: Kept[BuiltWheel] = Kept(store.root / "built" / "sources", BuiltWheel)
    depends = [sha256, target.python, target.machine, subdirectory, *site.further, *told_versions().items()]

    def key(*used: str) -> str:
        return digest_of([*depends, *used]).removeprefix("sha256:")

    with holding(kept.file(key(*tools))):
        known = kept.get(key(*tools))
        if known is not None and store.has(known.wheel):
            return known
        site.progress.note(f"building a wheel from {label}")
        built = _build(archive, label, site, subdirectory=subdirectory, tools=tools, own=True)
        for name in {key(*tools), key(*built.tools)}:
            kept.put(name, built)
    return built


def _build(
    archive: pathlib.Path,
    label: str,
    site: BuildSite,
    *,
    subdirectory: str = "",
    tools: tuple[str, ...] = (),
    own: bool = False,
) -> BuiltWheel:
    if not site.root.key and (lacks := best_sandbox().lacks):
        site.progress.note(f"no whole sandbox is allowed here: what builds {label} {lacks}")
    with scratch_folder("build") as folder:
        with site.room() as room:
            attempt = build_wheel(archive, folder, room, subdirectory=subdirectory, tools=tools)
            if attempt.wheel is None:
                room.relay.refuse_failure()
        if attempt.wheel is None:
            raise attempt.done.refusal or build_failure(label, attempt, room, own=own)
        return BuiltWheel(wheel=site.store.add(attempt.wheel), tools=attempt.tools)
