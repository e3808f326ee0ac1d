"""Builds a wheel from a source distribution: in isolation, with pinned tools, once for a Python.

A build is first tried without a compiler: many packages only speed themselves up with one, and a wheel
without machine code is the same on every machine. Only when that fails is this machine's compiler used.
"""

from __future__ import annotations

import importlib.resources
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping

from envspec.lockfile.lock import File
from envspec.spec.target import Target
from envspec.supply import uv
from envspec.supply.pip_settings import PipSettings, scrub_addresses
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import BuildError
from envspec.system.home import holding, write_atomic
from envspec.system.process import Completed, Words, run_process
from envspec.system.progress import SILENT, Progress

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

    `python` is an interpreter of the target's version. Raises `BuildError` with the build's last lines.
    """
    record = store.root / "built" / f"{sdist.sha256}-{target.python}-{target.machine}.json"
    with holding(record):
        if record.is_file():
            wheel = File.model_validate_json(record.read_text())
            if store.has(wheel):
                return wheel
        progress.note(f"building a wheel from {sdist.file}: its index has none")
        wheel = _build(store.path(sdist), store, python, machine)
        write_atomic(record, json.dumps(wheel.model_dump()) + "\n")
    return wheel


def _build(sdist: pathlib.Path, store: Wheelhouse, python: pathlib.Path, machine: PipSettings) -> File:
    with tempfile.TemporaryDirectory(prefix="envspec-build-") as name:
        folder = pathlib.Path(name)
        done = _attempt(sdist, folder, python, machine, _NO_COMPILER)
        if not done.ok and shutil.which("cc"):
            done = _attempt(sdist, folder, python, machine, {})
        wheels = sorted((folder / "out").glob("*.whl"))
        if not done.ok or not wheels:
            raise done.refusal or BuildError(
                f"no wheel could be built from {sdist.name}\n{scrub_addresses(done.tail)}",
                hint="pin a version that has a wheel, or give one under `wheels`; "
                "a build with machine code needs a compiler and the headers of its libraries",
            )
        return store.add(wheels[0])


def _attempt(
    sdist: pathlib.Path,
    folder: pathlib.Path,
    python: pathlib.Path,
    machine: PipSettings,
    extra: Mapping[str, str],
) -> Completed:
    constraints = importlib.resources.files(__package__) / "build-constraints.txt"
    with importlib.resources.as_file(constraints) as file:
        settings = uv.write_settings(folder, machine)
        command: Words = [uv.uv_program(), "build", "--wheel", "--no-create-gitignore"]
        command += ["--out-dir", folder / "out", "--python", python]
        command += ["--build-constraints", file, "--config-file", settings, sdist]
        env = {**uv.uv_environment(machine), **extra, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "0"}
        env["PATH"] = os.environ.get("PATH", os.defpath)
        return run_process(command, env=env, cwd=folder, timeout=1800)
