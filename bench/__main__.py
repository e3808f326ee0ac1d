"""`python -m bench [NAME ...] [--quick]`: runs benchmarks and writes what they found below out/bench/."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import os
import pathlib
import platform
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bench.measured import Measured, Size, Skipped
from bench.plot import plot
from bench.steps import StepError
from bench.table import table
from envspec.system.errors import EnvspecError
from envspec.system.home import write_atomic

BENCHMARKS = (
    "no_change",
    "build",
    "oci",
    "article",
    "scale",
    "healthy",
    "libraries",
    "gpu",
    "device_code",
    "service",
    "verdicts",
)
"""Modules of this package, in the order in which they run."""

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "out" / "bench"


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: 1 when a benchmark failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all of them"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that everything works")
    parser.add_argument("--runs", type=int, default=Size().runs, help="rounds that count (%(default)s)")
    parser.add_argument("--output", type=pathlib.Path, default=OUTPUT, metavar="FOLDER")
    given = parser.parse_args(words)
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if given.runs < 1:
        parser.error("--runs takes a number from 1 on")
    size = Size(runs=2, quick=True) if given.quick else Size(runs=given.runs)
    failed = False
    for name in given.names or BENCHMARKS:
        failed |= not _run(name, size, given.output)
    results = _results(given.output)
    text = table(results)
    write_atomic(given.output / "table.md", text)
    write_atomic(given.output / "plot.svg", plot(results))
    print(f"\n{text}\nwritten: {given.output}/bench.json, table.md, plot.svg")
    return int(failed)


def _run(name: str, size: Size, output: pathlib.Path) -> bool:
    """Run one benchmark and keep what it found, also when it fails on the way; whether it did not."""
    print(f"== {name}", flush=True)
    found: list[Measured | Skipped] = []
    whole = True
    try:
        for one in importlib.import_module(f"bench.{name}").measurements(size):
            found.append(one)
            print(_line(one), flush=True)
    except (StepError, EnvspecError, OSError) as error:
        print(f"{name} failed: {error}", file=sys.stderr, flush=True)
        found.append(Skipped(name="the rest", why="a step failed"))
        whole = False
    held = _held(output)
    held[name] = {
        "quick": size.quick,
        "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "results": [one.as_dict() for one in found],
    }
    write_atomic(output / "bench.json", json.dumps({"version": 1, "benchmarks": held}, indent=1) + "\n")
    return whole


def _line(one: Measured | Skipped) -> str:
    if isinstance(one, Skipped):
        return f"{one.name}: not measured: {one.why}"
    return f"{one.name}: " + ", ".join(f"{side.name} {one.unit.shown(side.median)}" for side in one.sides)


def _held(output: pathlib.Path) -> dict[str, Any]:
    """What earlier runs found, by benchmark."""
    try:
        held = json.loads((output / "bench.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return dict(held["benchmarks"]) if held.get("version") == 1 else {}


def _results(output: pathlib.Path) -> Mapping[str, Sequence[Measured | Skipped]]:
    held = _held(output)
    return {
        name: [Skipped(**one) if "why" in one else Measured.from_dict(one) for one in held[name]["results"]]
        for name in BENCHMARKS
        if name in held
    }


def _machine() -> dict[str, Any]:
    """What the numbers were made on, and how busy it was."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


if __name__ == "__main__":
    sys.exit(main())
