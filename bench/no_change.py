"""A build with nothing to do, against `uv pip sync` and the same verification run afresh."""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator

import uv

from bench.measured import SECONDS, Measured, Size
from bench.steps import command, interleaved

SPEC = pathlib.Path(__file__).parent.parent / "examples" / "espeak"


def measurements(size: Size) -> Iterator[Measured]:
    """The virtualenv backend with everything in place."""
    tool = pathlib.Path(sys.executable).parent
    build = [str(tool / "build-image"), str(SPEC), "--backend", "virtualenv", "--quiet"]
    command(build)()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        command([str(tool / "envspec"), "lock", str(SPEC), "--quiet", "--export", name])()
        requirements = folder / "all.txt"
        requirements.write_text(
            "".join(file.read_text() for file in sorted(folder.glob("requirements-*.txt")))
        )
        env = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
        sync = command(
            [
                uv.find_uv_bin(),
                "pip",
                "sync",
                "-q",
                "--no-index",
                "--find-links",
                str(folder / "wheels"),
                "--python",
                str(folder / "venv" / "bin" / "python"),
                str(requirements),
            ],
            env=env,
        )
        verify = command(
            [str(tool / "envspec"), "verify", "--quiet", "--venv", str(folder / "venv"), "--spec", str(SPEC)]
        )
        command([uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, str(folder / "venv")], env=env)()

        def theirs() -> None:
            sync()
            verify()

        sides = {"build-image": command(build), "uv pip sync + the same probes": theirs}
        yield Measured(name="virtualenv", unit=SECONDS, sides=interleaved(sides, runs=size.runs), goal=0.3)
