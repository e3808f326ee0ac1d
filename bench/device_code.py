"""Device code: how fast its headers in a large library are read, beside a look at each of its bytes."""

from __future__ import annotations

import hashlib
import mmap
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

from bench.measured import Measured, Size, Unit
from bench.steps import StepError, interleaved
from envspec.proof.gpu.fatbin import read_device_code
from tests.support.fatbins import PTX, container, elf, entry

GIGABYTES = Unit(symbol="GB/s", more_is_better=True, digits=1)
ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
CONTAINERS = 800
"""With seven entries of 80 kB each: as many and as large as in the largest library known, of cuBLAS."""


def measurements(size: Size) -> Iterator[Measured]:
    """A library of 450 MB, a tenth of it in a quick run, whose pages the system has in memory."""
    many = CONTAINERS // (10 if size.quick else 1)
    with tempfile.TemporaryDirectory(prefix="envspec-bench-") as folder:
        file = pathlib.Path(folder, "libmany.so")
        entries = [entry(number, payload=bytes(80_000)) for number in ARCHITECTURES]
        file.write_bytes(elf(container(*entries, entry(120, PTX)) * many))
        length = file.stat().st_size
        expected = dict.fromkeys(ARCHITECTURES, many)

        def ours() -> float:
            with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                began = time.perf_counter()
                found = read_device_code(data)
                seconds = time.perf_counter() - began
            if {int(str(each)[3:]): count for each, count in found.machine.items()} != expected:
                raise StepError("the reader saw something else than was written")
            return length / 1e9 / seconds

        def hashed() -> float:
            with file.open("rb") as stream:
                began = time.perf_counter()
                hashlib.file_digest(stream, "sha256")
                return length / 1e9 / (time.perf_counter() - began)

        sides: dict[str, Callable[[], float]] = {"the reader": ours, "sha256 of the file": hashed}
        yield Measured(
            name=f"device code of a library of {length // 10**6} MB",
            unit=GIGABYTES,
            sides=interleaved(sides, runs=size.runs),
            goal=1.0,
        )
