"""`envspec lock --export`: a lock in other tools' forms, with its wheels."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator

from builder.values.request import Request
from envspec.lockfile import export as forms
from envspec.lockfile import lock as locks
from envspec.spec import load
from envspec.supply.fetch import fetch
from envspec.supply.pip_settings import machine
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import disk, home, write_atomic
from envspec.system.progress import Progress


def export(request: Request, folder: pathlib.Path, progress: Progress) -> Iterator[pathlib.Path]:
    """Write `pylock.toml`, a requirements file for each stage, and the wheels. Gives what was written."""
    file = load.find(request.spec)
    spec = load.load(file, request.variant)
    held = locks.read(locks.lock_file(file, request.variant))
    if held is None:
        return
    store = Wheelhouse(home() / "wheelhouse")
    fetch(held, Sources(spec, machine(), offline=request.offline).within(file.parent), store, progress)
    wheels = folder / "wheels"
    with disk(wheels):
        wheels.mkdir(parents=True, exist_ok=True)
        for artifact in held.artifact:
            if not (wheels / artifact.installed.file).exists():
                shutil.copyfile(store.path(artifact.installed), wheels / artifact.installed.file)
    yield wheels
    write_atomic(folder / "pylock.toml", forms.pylock(held))
    yield folder / "pylock.toml"
    for number, stage in enumerate(held.stages, 1):
        place = folder / f"requirements-{number}-{stage}.txt"
        write_atomic(place, forms.requirements(held, stage))
        yield place
