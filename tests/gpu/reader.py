"""Our reader of device code against CUDA's own lister, over the libraries of this machine's Python."""

from __future__ import annotations

import collections
import mmap
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

from envspec.proof.gpu.fatbin import DeviceCode, read_device_code
from tests.gpu.layout import answer

LISTED = re.compile(r"^(ELF|PTX) file\s+\d+: .*?(sm_\d+[af]?)\.(?:cubin|ptx)$", re.MULTILINE)
BUDGET = 80.0
"""Seconds for the lister, which takes one for some hundred megabytes."""
SMALLEST = 1 << 20
"""Bytes of a file that is looked into."""


def main() -> int:
    """Compare file by file, the smaller ones first, until the time is up; then read the largest once more."""
    lister = shutil.which("cuobjdump") or "/usr/local/cuda/bin/cuobjdump"
    files = sorted(_libraries(), key=lambda file: file.stat().st_size)
    codes = {file: code for file in files if (code := _read(file))}
    if not codes:
        return answer(False, "no library here holds device code")
    speed = _speed(max(codes, key=lambda file: file.stat().st_size))
    told = f"reads {speed / 1e9:.1f} GB/s from a warm file"
    if not os.access(lister, os.X_OK):
        return answer(False, f"there is no cuobjdump here; {len(codes)} libraries hold device code, {told}")
    began, other, compared = time.monotonic(), [], 0
    for file, code in codes.items():
        if time.monotonic() - began > BUDGET:
            break
        listed = _listed(lister, file)
        compared += 1
        if listed != _counted(code):
            other.append(
                f"{file.name}: {dict(_counted(code) - listed)} against {dict(listed - _counted(code))}"
            )
    said = f"agrees with the lister on {compared - len(other)} of {compared} libraries"
    left = len(codes) - compared
    more = [f"{left} more were left for want of time"] if left else []
    return answer(not other and speed >= 1e9, "; ".join([said, told, *more, *other]), speed=speed)


def _libraries() -> Iterator[pathlib.Path]:
    """Compiled files of the machine's own Python."""
    script = (
        "import sysconfig, site; print(*{sysconfig.get_path('platlib'), *site.getsitepackages()}, sep='\\n')"
    )
    python = os.environ.get("GPU_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout
    for folder in found.split("\n"):
        for file in pathlib.Path(folder or "/nowhere").rglob("*.so*"):
            if file.is_file() and not file.is_symlink() and file.stat().st_size >= SMALLEST:
                yield file


def _read(file: pathlib.Path) -> DeviceCode:
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return read_device_code(data)


def _speed(file: pathlib.Path) -> float:
    """Bytes a second of a file that was read a moment ago."""
    began = time.perf_counter()
    _read(file)
    return file.stat().st_size / (time.perf_counter() - began)


def _counted(code: DeviceCode) -> collections.Counter[str]:
    """As the lister names it: it calls code for a family by the bare number, where the flags say `f`."""
    found: collections.Counter[str] = collections.Counter()
    for kind, counts in (("ELF", code.machine), ("PTX", code.ptx)):
        for each, number in counts.items():
            found[f"{kind} {each}".removesuffix("f")] += number
    return found


def _listed(lister: str, file: pathlib.Path) -> collections.Counter[str]:
    found: collections.Counter[str] = collections.Counter()
    for option in ("--list-elf", "--list-ptx"):
        done = subprocess.run([lister, option, str(file)], capture_output=True, text=True, check=False)
        found.update(f"{kind} {name}" for kind, name in LISTED.findall(done.stdout))
    return found


if __name__ == "__main__":
    sys.exit(main())
