"""Builds a wheel from a source: in a sandbox, with the same tools, once for a Python.

How a backend is asked is `backend.py`, what a failure means `failures.py`.
"""

from __future__ import annotations

import pathlib

from envspec.lockfile.lock import File
from envspec.source.backend import Attempt, BuildRoom, build_wheel
from envspec.source.failures import build_failure
from envspec.spec.model import digest_of
from envspec.spec.part import Part
from envspec.spec.target import Target
from envspec.supply.build_root import THIS_MACHINE, BuildRoot
from envspec.supply.pip_settings import PipSettings
from envspec.supply.relay import relay_for
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import holding
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


def built_wheel(
    sdist: File,
    *,
    store: Wheelhouse,
    target: Target,
    python: pathlib.Path,
    machine: PipSettings,
    root: BuildRoot = THIS_MACHINE,
    progress: Progress = SILENT,
) -> File:
    """The wheel of a stored source distribution for the target, built now if it was not built before.

    `python` is an interpreter of the target's version, `root` where it is built. Raises `BuildError` with the
    build's last lines, and `OutsideError` when what the build needs cannot be had from its index.
    """
    kept: Kept[File] = Kept(store.root / "built", File)
    key = "-".join((sdist.sha256, target.python, target.machine, *_further(target, root)))
    with holding(kept.file(key)):
        known = kept.get(key)
        if known is not None and store.has(known):
            return known
        want_linux(
            f"{sdist.file} has to be built, on Linux",
            hint="lock on Linux, pin a version that has a wheel, or give one under `wheels`",
        )
        progress.note(f"building a wheel from {sdist.file}: its index has none")
        wheel = _build(store.path(sdist), sdist.file, store, python, machine, root, progress).wheel
        kept.put(key, wheel)
    return wheel


def built_source(
    archive: pathlib.Path,
    sha256: str,
    *,
    label: str,
    store: Wheelhouse,
    target: Target,
    python: pathlib.Path,
    machine: PipSettings,
    root: BuildRoot = THIS_MACHINE,
    subdirectory: str = "",
    tools: tuple[str, ...] = (),
    offline: bool = False,
    editable: bool = False,
    progress: Progress = SILENT,
) -> BuiltWheel:
    """The wheel of the project in an archive, built now if it was not built before with these `tools`.

    `label` is what messages call it. Left out, the tools are those that its index gives now, or gave when it
    was built here first. Raises as `built_wheel` does.
    """
    kept: Kept[BuiltWheel] = Kept(store.root / "built" / "sources", BuiltWheel)
    depends = [sha256, target.python, target.machine, subdirectory, editable, *_further(target, root)]

    def key(*used: str) -> str:
        return digest_of([*depends, *used]).removeprefix("sha256:")

    with holding(kept.file(key(*tools))):
        known = kept.get(key(*tools))
        if known is not None and store.has(known.wheel):
            return known
        progress.note(f"building a wheel from {label}")
        hook = "build_editable" if editable else "build_wheel"
        built = _build(
            archive,
            label,
            store,
            python,
            machine,
            root,
            progress,
            subdirectory=subdirectory,
            tools=tools,
            offline=offline,
            hook=hook,
            own=True,
        )
        for name in {key(*tools), key(*built.tools)}:
            kept.put(name, built)
    return built


def _further(target: Target, root: BuildRoot) -> tuple[str, ...]:
    """What a wheel is kept by besides, where it was built otherwise than most are."""
    return tuple(filter(None, ("musl" if target.musl else "", root.key)))


def _build(
    archive: pathlib.Path,
    label: str,
    store: Wheelhouse,
    python: pathlib.Path,
    machine: PipSettings,
    root: BuildRoot,
    progress: Progress,
    *,
    subdirectory: str = "",
    tools: tuple[str, ...] = (),
    offline: bool = False,
    hook: str = "build_wheel",
    own: bool = False,
) -> BuiltWheel:
    if not root.key and (lacks := best_sandbox().lacks):
        progress.note(f"no whole sandbox is allowed here: what builds {label} {lacks}")
    with scratch_folder("build") as folder:
        with relay_for(machine) as relay:
            room = BuildRoom(python=python, relay=relay, offline=offline, root=root)
            attempt: Attempt = build_wheel(
                archive, folder, room, subdirectory=subdirectory, tools=tools, hook=hook
            )
            if attempt.wheel is None:
                relay.refuse_failure()
        if attempt.wheel is None:
            raise attempt.done.refusal or build_failure(label, attempt, root, own=own)
        return BuiltWheel(wheel=store.add(attempt.wheel), tools=attempt.tools)
