"""Brings the wheels that `scripts/gpu` needs on a machine without an index into out/gpu."""

from __future__ import annotations

import importlib.metadata
import pathlib
import shutil
import subprocess
import sys

from packaging.requirements import Requirement

from tests.gpu.layout import LARGEST, SERVICE, TOOL, WHEELS

PYTHON = "3.12"
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")

LEFT_OUT = frozenset({"uv"})
"""What the project requires and judging a Python that is there does not: it installs nothing."""

SPEAKING = (
    "modelscope==1.28.2", "addict", "datasets==3.6.0", "dill==0.3.8", "multiprocess==0.70.16", "gast", "yapf",
    "platformdirs", "flask", "werkzeug", "itsdangerous", "blinker", "h11", "soundfile", "cffi",
    "pycparser",
)  # fmt: skip
"""What the speech service needs beside the machine's own packages, without what these need themselves.

ModelScope 1.28 is the last that runs the code in a model's folder, which the tiny model of the tests is.
"""


def main() -> int:
    """Download, and say how much it is; 1 where that is more than may travel."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    _download(TOOL, [f"{name}=={importlib.metadata.version(name)}" for name in _required()])
    _download(SERVICE, [*SPEAKING, "--no-deps"])
    size = sum(file.stat().st_size for file in WHEELS.rglob("*.whl"))
    sys.stdout.write(f"{size / 1e6:.1f} MB of wheels in {WHEELS.relative_to(pathlib.Path.cwd())}\n")
    return 0 if size <= LARGEST else 1


def _required() -> list[str]:
    """The distributions that the project says it needs, without those of its extras."""
    stated = (Requirement(line) for line in importlib.metadata.requires("envspec") or ())
    wanted = (each.name for each in stated if each.marker is None or each.marker.evaluate({"extra": ""}))
    return sorted(set(wanted) - LEFT_OUT)


def _download(place: pathlib.Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(place)]
    command += ["--only-binary", ":all:", "--python-version", PYTHON]
    command += [word for platform in PLATFORMS for word in ("--platform", platform)]
    subprocess.run([*command, *words], check=True)


if __name__ == "__main__":
    sys.exit(main())
