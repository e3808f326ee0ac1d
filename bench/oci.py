"""Layers from a full wheelhouse, against installing the same wheels with uv and packing the result."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import uv

from bench.measured import SECONDS, Measured, Size, Skipped
from bench.steps import Step, command, interleaved
from builder.plan import Plan
from builder.plan import plan as make_plan
from envspec import load, lock
from envspec.home import home
from envspec.wheelhouse import Wheelhouse

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
NAMES = ("espeak", "sambert-hifigan")

_OURS = """
import pathlib, sys
from builder.oci import layers
from builder.oci.blobs import Blobs
from builder.oci.place import Place
from builder.plan import Plan
from envspec.progress import SILENT
from envspec.wheelhouse import Wheelhouse
plan = Plan.model_validate_json(pathlib.Path(sys.argv[1]).read_text())
place = Place(prefix="/opt/env", version=plan.python, base_python=f"/usr/bin/python{plan.python}")
store, blobs = Wheelhouse(pathlib.Path(sys.argv[2])), Blobs(pathlib.Path(sys.argv[3]))
layers.build(plan.stages, place, store, blobs, SILENT)
"""


def measurements(size: Size) -> Iterator[Measured | Skipped]:
    """The layers of each example whose wheels are in the wheelhouse."""
    for name in NAMES:
        yield _example(name, size)


def _example(name: str, size: Size) -> Measured | Skipped:
    file = EXAMPLES / name / "envspec.toml"
    spec, held = load.load(str(file), None), lock.read(lock.lock_file(file, None))
    store = Wheelhouse(home() / "wheelhouse")
    if held is None or not all(store.has(artifact.installed) for artifact in held.artifact):
        why = f"its wheels are not here: build-image {file.parent} --stop-after build"
        return Skipped(name=f"layers of {name}", why=why)
    plan = make_plan(spec, held)
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        steps = {
            "wheels to layers": _ours(plan, store, place),
            "uv pip install, tar, gzip -1": _theirs(plan, store, place),
        }
        sides = interleaved(steps, runs=size.runs)
    return Measured(name=f"layers of {name}", unit=SECONDS, sides=sides, goal=5.0)


def _ours(plan: Plan, store: Wheelhouse, place: pathlib.Path) -> Step:
    (place / "plan.json").write_text(plan.model_dump_json(by_alias=True))
    words = [sys.executable, "-c", _OURS, str(place / "plan.json"), str(store.root), str(place / "oci")]

    def step() -> None:
        shutil.rmtree(place / "oci", ignore_errors=True)
        command(words)()

    return step


def _theirs(plan: Plan, store: Wheelhouse, place: pathlib.Path) -> Step:
    wheels = place / "wheels"
    wheels.mkdir()
    planned = [wheel for stage in plan.stages for wheel in stage.wheels]
    for wheel in planned:
        (wheels / wheel.file).symlink_to(store.path(wheel))
    pins = place / "pins.txt"
    pins.write_text("".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in planned))
    venv, program = place / "venv", os.fsdecode(uv.find_uv_bin())
    install = [program, "pip", "install", "-q", "--no-index", "--no-deps", "--require-hashes", "--no-cache"]
    install += ["--find-links", str(wheels), "--python", str(venv / "bin" / "python"), "-r", str(pins)]

    def step() -> None:
        shutil.rmtree(venv, ignore_errors=True)
        command([program, "venv", "-q", "--python", plan.python, str(venv)])()
        command(install)()
        with (place / "layer.tar.gz").open("wb") as stream:
            tar = ["tar", "--create", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", str(venv)]
            packing = subprocess.Popen(tar, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            subprocess.run(["gzip", "-1", "--no-name"], stdin=packing.stdout, stdout=stream, check=True)
            packing.communicate()

    return step
