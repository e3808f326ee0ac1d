"""One kernel compiled for one architecture at a time and started, against what `cards.runs_on` says."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from builder.inside.entrypoint import driver
from envspec.spec.cards import Architecture, runs_on
from tests.gpu.layout import answer

SOURCE = """
#include <cstdio>
__global__ void add(int *value) { *value += 1; }
int main() {
    int *place, value = 41;
    cudaError_t error = cudaMalloc(&place, sizeof value);
    if (!error) error = cudaMemcpy(place, &value, sizeof value, cudaMemcpyHostToDevice);
    if (!error) { add<<<1, 1>>>(place); error = cudaGetLastError(); }
    if (!error) error = cudaMemcpy(&value, place, sizeof value, cudaMemcpyDeviceToHost);
    printf("%d %s %d\\n", error, cudaGetErrorString(error), value);
    return error ? 1 : value == 42 ? 0 : 2;
}
"""
BUDGET = 70.0
"""Seconds for the compiler, which takes some three for each build."""
NO_KERNEL, NEWER_PTX = "209", "222"
"""cudaErrorNoKernelImageForDevice, and cudaErrorUnsupportedPtxVersion, of a CUDA newer than the driver."""


@dataclasses.dataclass(frozen=True)
class Build:
    """One way to compile the kernel."""

    code: Architecture
    ptx: bool

    @property
    def name(self) -> str:
        """As nvcc has it: `sm_90a`, `compute_90`."""
        return str(self.code).replace("sm_", "compute_") if self.ptx else str(self.code)

    @property
    def option(self) -> str:
        """The option of nvcc for this one alone."""
        virtual = str(self.code).replace("sm_", "compute_")
        return f"arch={virtual},code={self.name}"


def main() -> int:
    """Compile all of them, start them where there is a card, and compare."""
    compiler = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not os.access(compiler, os.X_OK):
        return answer(False, "there is no nvcc here")
    builds = list(_builds(compiler))
    found = driver.ask()["cards"]
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "add.cu").write_text(SOURCE)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            until = time.monotonic() + BUDGET
            made = list(pool.map(lambda build: _compiled(compiler, build, place, until), builds))
        programs = {build: program for build, program in zip(builds, made, strict=True) if program}
        if not found:
            said = f"{len(programs)} of {len(builds)} builds compile; there is no card to start them on"
            return answer(False, said, built=[build.name for build in programs])
        card = Architecture(found[0]["major"], found[0]["minor"])
        started = {build: _started(program) for build, program in programs.items()}
    wrong = [
        f"{build.name} {'starts' if began else 'does not start'} ({words})"
        for build, (began, words) in started.items()
        if began != runs_on(build.code, card, ptx=build.ptx)
        or not (began or words.startswith((NO_KERNEL, NEWER_PTX)))
    ]
    said = f"{len(started) - len(wrong)} of {len(started)} builds do on {card} what the rule says"
    return answer(
        not wrong and len(started) > 5,
        "; ".join([said, *wrong]),
        launches={build.name: words for build, (_, words) in started.items()},
    )


def _builds(compiler: str) -> Iterator[Build]:
    """Machine code and PTX for all that this compiler knows."""
    said = subprocess.run([compiler, "--list-gpu-code"], capture_output=True, text=True, check=True).stdout
    for word in re.findall(r"sm_\d+[af]?", said):
        yield Build(Architecture.parse(word), ptx=False)
        yield Build(Architecture.parse(word), ptx=True)


def _compiled(compiler: str, build: Build, place: pathlib.Path, until: float) -> pathlib.Path | None:
    """The program, or None where it does not compile, or no time is left for it."""
    if time.monotonic() > until:
        return None
    program = place / build.name
    command = [compiler, "-gencode", build.option, "-o", str(program), str(place / "add.cu")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode:
        sys.stdout.write(f"{build.name}: {done.stderr}\n")
        return None
    return program


def _started(program: pathlib.Path) -> tuple[bool, str]:
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0, done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
