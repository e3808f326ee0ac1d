"""The image without an engine: layers from a full wheelhouse, their memory, and builds after a change.

Builds that end in an engine are measured in `bench/build.py`, beside what one would use instead.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import uv

import service
from bench.measured import MEGABYTES, SECONDS, Measured, Size, Skipped
from bench.project import editable
from bench.steps import Step, command, interleaved, peak
from builder.values.plan import Plan, make_plan
from envspec.lockfile import lock
from envspec.spec import load
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
NAMES = ("espeak", "sambert-hifigan")
TOOL = pathlib.Path(sys.executable).parent


def measurements(size: Size) -> Iterator[Measured | Skipped]:
    """Layers of each example whose wheels are here, then builds of the small one."""
    for name in NAMES[:1] if size.quick else NAMES:
        yield from _layers(name, size)
    yield from _changes(size)


def _layers(name: str, size: Size) -> Iterator[Measured | Skipped]:
    file = EXAMPLES / name / "envspec.toml"
    spec, held = load.load_spec(file), lock.read_lock(lock.lock_file(file, None))
    store = Wheelhouse(tool_home() / "wheelhouse")
    if held is None or not all(store.has(artifact.installed) for artifact in held.artifact):
        why = f"its wheels are not here: build-image {file.parent} --stop-after build"
        yield Skipped(name=f"layers of {name}", why=why)
        return
    plan = make_plan(spec, held)
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        words = _words(plan, store, place)
        steps: dict[str, Step] = {
            "wheels to layers": lambda: _fresh(place, command(words)),
            "uv pip install, tar, gzip -1": _theirs(plan, store, place),
        }
        sides = interleaved(steps, runs=size.runs)
        yield Measured(name=f"layers of {name}", unit=SECONDS, sides=sides, goal=5.0)
        sides = interleaved({"wheels to layers": lambda: _fresh(place, peak(words))}, runs=1, warm_up=0)
        yield Measured(name=f"memory for the layers of {name}", unit=MEGABYTES, sides=sides, goal=300)


def _words(plan: Plan, store: Wheelhouse, place: pathlib.Path) -> list[str]:
    (place / "plan.json").write_text(plan.model_dump_json(by_alias=True))
    return [
        sys.executable,
        "-m",
        "bench.layers",
        str(place / "plan.json"),
        str(store.root),
        str(place / "oci"),
    ]


def _fresh(place: pathlib.Path, step: Step) -> float | None:
    shutil.rmtree(place / "oci", ignore_errors=True)
    return step()


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


def _changes(size: Size) -> Iterator[Measured]:
    """`build-image` as one runs it again and again, with a payload of its own that can be edited."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder) / "espeak"
        shutil.copytree(EXAMPLES / "espeak", place)
        spec = (place / "envspec.toml").read_text()
        (place / "envspec.toml").write_text(editable(spec))
        code = place / "app" / "service"
        shutil.copytree(pathlib.Path(service.__file__).parent, code)
        words = [str(TOOL / "build-image"), str(place), "--backend", "oci", "--quiet"]
        whole, built = command(words), command([*words, "--stop-after", "build"])
        loaded = command([sys.executable, "-c", "import click, pydantic, rich.table, tomlkit"])
        whole()
        numbers = itertools.count()

        def edited() -> None:
            (code / "edited.py").write_text(f"NUMBER = {next(numbers)}\n")
            built()

        start = "Python with the libraries that read a spec"
        for name, step, goal in (("no change", whole, 0.3), ("app change", edited, 0.5)):
            sides = interleaved({"build-image": step, start: loaded}, runs=size.runs)
            yield Measured(name=f"{name}, espeak", unit=SECONDS, sides=sides, goal=goal)
