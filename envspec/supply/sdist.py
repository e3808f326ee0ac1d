"""Builds a wheel from a source distribution: in isolation, with pinned tools, once for a Python.

A build is first tried without a compiler: many packages only speed themselves up with one, and a wheel
without machine code is the same on every machine. Only when that fails is this machine's compiler used.
"""

from __future__ import annotations

import importlib.resources
import os
import pathlib
import shutil
from collections.abc import Mapping

from envspec.lockfile.lock import File
from envspec.spec.target import Target
from envspec.supply import uv
from envspec.supply.pip_settings import PipSettings, scrub_addresses
from envspec.supply.relay import Relay, relay_for
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import BuildError
from envspec.system.home import holding
from envspec.system.kept import Kept
from envspec.system.process import Completed, Words
from envspec.system.progress import SILENT, Progress
from envspec.system.scratch import scratch_folder

EPOCH = "315532800"
"""SOURCE_DATE_EPOCH of every build: 1980-01-01, the first moment that a zip archive can hold."""

_NO_COMPILER = {"CC": "false", "CXX": "false", "CFLAGS": "", "CPPFLAGS": "", "LDFLAGS": ""}


def built_wheel(
    sdist: File,
    *,
    store: Wheelhouse,
    target: Target,
    python: pathlib.Path,
    machine: PipSettings,
    progress: Progress = SILENT,
) -> File:
    """The wheel of a stored source distribution for the target, built now if it was not built before.

    `python` is an interpreter of the target's version. Raises `BuildError` with the build's last lines, and
    `OutsideError` when what the build needs cannot be had from its index.
    """
    kept: Kept[File] = Kept(store.root / "built", File)
    key = f"{sdist.sha256}-{target.python}-{target.machine}"
    with holding(kept.file(key)):
        known = kept.get(key)
        if known is not None and store.has(known):
            return known
        progress.note(f"building a wheel from {sdist.file}: its index has none")
        wheel = _build(store.path(sdist), store, python, machine)
        kept.put(key, wheel)
    return wheel


def _build(sdist: pathlib.Path, store: Wheelhouse, python: pathlib.Path, machine: PipSettings) -> File:
    with scratch_folder("build") as folder:
        with relay_for(machine) as relay:
            done = _attempt(sdist, folder, python, relay, _NO_COMPILER)
            if not done.ok and shutil.which("cc"):
                done = _attempt(sdist, folder, python, relay, {})
            if not done.ok:
                relay.refuse_failure()
        wheels = sorted((folder / "out").glob("*.whl"))
        if not done.ok or not wheels:
            raise BuildError(
                f"no wheel could be built from {sdist.name}\n{scrub_addresses(done.tail)}",
                hint="pin a version that has a wheel, or give one under `wheels`; "
                "a build with machine code needs a compiler and the headers of its libraries",
            )
        return store.add(wheels[0])


def _attempt(
    sdist: pathlib.Path,
    folder: pathlib.Path,
    python: pathlib.Path,
    relay: Relay,
    extra: Mapping[str, str],
) -> Completed:
    constraints = importlib.resources.files(__package__) / "build-constraints.txt"
    with importlib.resources.as_file(constraints) as file:
        settings = uv.write_settings(folder, relay.machine)
        command: Words = [uv.uv_program(), "build", "--wheel", "--no-create-gitignore"]
        command += ["--out-dir", folder / "out", "--python", python]
        command += ["--build-constraints", file, "--config-file", settings, sdist]
        env = {**uv.uv_environment(relay.machine), **extra, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "0"}
        env["PATH"] = os.environ.get("PATH", os.defpath)
        return uv.run_with_cache(command, env=env, cwd=folder, timeout=1800)
