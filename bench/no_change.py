"""A build with nothing to do, by each backend that works here, against what it cannot do without.

Beside them: Python with the libraries that read a spec; `uv pip sync` with the same verification run afresh.
"""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator

import uv

from bench.measured import SECONDS, Measured, Size, Skipped
from bench.steps import Step, command, interleaved
from builder.backends.docker.engine import Engine
from envspec.system.errors import OutsideError

SPEC = pathlib.Path(__file__).parent.parent / "examples" / "espeak"
TOOL = pathlib.Path(sys.executable).parent

LOADED = "import click, pydantic, rich.table, tomlkit"


def measurements(size: Size) -> Iterator[Measured | Skipped]:
    """Everything in place: whole runs, verified before."""
    steps: dict[str, Step] = {"Python with a spec library": command([sys.executable, "-c", LOADED])}
    for backend in ("docker", "oci", "virtualenv"):
        if backend == "docker" and (why := _engine_missing()):
            yield Skipped(name="no change, docker", why=why)
            continue
        build = command([str(TOOL / "build-image"), str(SPEC), "--backend", backend, "--quiet"])
        build()
        steps[f"build-image, {backend}"] = build
    yield Measured(name="no change", unit=SECONDS, sides=interleaved(steps, runs=size.runs), goal=0.3)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sides = {
            "build-image": steps["build-image, virtualenv"],
            "uv pip sync + the same probes": _theirs(folder),
        }
        yield Measured(name="virtualenv", unit=SECONDS, sides=interleaved(sides, runs=size.runs), goal=0.3)


def _engine_missing() -> str:
    try:
        Engine().client.ping()
    except OutsideError as error:
        return error.message
    return ""


def _theirs(folder: pathlib.Path) -> Step:
    """uv brings an environment up to date, and `envspec verify` judges it."""
    command([str(TOOL / "envspec"), "lock", str(SPEC), "--quiet", "--export", str(folder)])()
    requirements = folder / "all.txt"
    requirements.write_text("".join(file.read_text() for file in sorted(folder.glob("requirements-*.txt"))))
    env = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    program, python = uv.find_uv_bin(), str(folder / "venv" / "bin" / "python")
    offered = ["--no-index", "--find-links", str(folder / "wheels")]
    sync = command([program, "pip", "sync", "-q", *offered, "--python", python, str(requirements)], env=env)
    judge = ["verify", "--quiet", "--venv", str(folder / "venv"), "--spec", str(SPEC)]
    verify = command([str(TOOL / "envspec"), *judge])
    command([program, "venv", "-q", "--python", sys.executable, str(folder / "venv")], env=env)()

    def step() -> None:
        sync()
        verify()

    return step
