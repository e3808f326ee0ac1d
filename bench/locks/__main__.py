"""`python -m bench.locks FOLDER`: what `envspec init` keeps of each lock below FOLDER, and every difference.

Each folder in FOLDER has one lock, and beside it what its tool looks at. `--tools` is the folder of the
programs of poetry and pdm, which are asked; several are asked in turn, for a new pdm does not
export what an old one locked. It ends with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bench.locks.held import LOCKS, NotToldError, Package, held
from envspec.system import process

PATIENCE = 900.0
"""Seconds for one `envspec init`."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one lock."""

    name: str
    counted: int
    """Packages that the source holds for the target."""
    misses: tuple[str, ...]
    """Every difference, a phrase each."""
    said: str
    """What `envspec init` printed."""
    seconds: float


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: 1 where anything differs."""
    parser = argparse.ArgumentParser(prog="python -m bench.locks", description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tools", type=pathlib.Path, action="append", metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="TEXT", help="folders whose name has this in it")
    parser.add_argument("--python", default="", metavar="VERSION", help="the target's, as for `envspec init`")
    parser.add_argument("--details", type=pathlib.Path, help="a JSON file for all that was said")
    given = parser.parse_args(words)
    tools = [each.absolute() for each in given.tools or [pathlib.Path(sys.executable).parent]]
    outcomes = []
    for place in sorted(each for each in given.folder.iterdir() if given.only in each.name):
        outcomes.append(outcome := _tried(place, tools, given.python))
        shown = "equal" if not outcome.misses else "; ".join(outcome.misses[:4])
        more = f" (+{len(outcome.misses) - 4})" if len(outcome.misses) > 4 else ""
        took = f"{outcome.counted} packages, {outcome.seconds:.1f} s"
        print(f"{outcome.name}: {took}: {shown}{more}", flush=True)
    equal = sum(not each.misses for each in outcomes)
    print(f"{equal} of {len(outcomes)} equal")
    if given.details:
        rows = [dataclasses.asdict(each) for each in outcomes]
        given.details.write_text(json.dumps(rows, indent=1), "utf-8")
    return int(equal < len(outcomes))


def _tried(place: pathlib.Path, tools: Sequence[pathlib.Path], python: str) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="locks-") as name:
        ours, theirs = (pathlib.Path(name) / side for side in ("ours", "theirs"))
        shutil.copytree(place, ours)
        shutil.copytree(place, theirs)
        lock = next(ours / each for each in LOCKS if (ours / each).is_file())
        tool = pathlib.Path(sys.executable).with_name("envspec")
        began = time.monotonic()
        wish = ["--python", python] if python else []
        done = process.run_process(
            [tool, "init", lock, "--output", ours / "envspec.toml", *wish], cwd=ours, timeout=PATIENCE
        )
        seconds = time.monotonic() - began
        said = f"{done.stdout}\n{done.stderr}"
        counted, misses = 0, list(_unwritten(ours, done.code, said))
        if (ours / "envspec.toml").is_file():
            spec = tomllib.loads((ours / "envspec.toml").read_text("utf-8"))
            try:
                wanted = held(theirs / lock.name, spec["python"], tools)
            except NotToldError as error:
                wanted = {}
                misses.append(f"its tool does not say what it holds: {error}")
            counted = len(wanted)
            if (ours / "envspec.lock").is_file():
                misses += _differences(wanted, tomllib.loads((ours / "envspec.lock").read_text("utf-8")))
    return Outcome(name=place.name, counted=counted, misses=tuple(misses), said=said, seconds=seconds)


def _unwritten(ours: pathlib.Path, code: int | None, said: str) -> Iterator[str]:
    if not (ours / "envspec.toml").is_file():
        yield f"no spec, exit code {code}: {said.strip()[-300:]}"
    elif not (ours / "envspec.lock").is_file():
        why = next((line for line in said.splitlines() if "not kept" in line), "nothing is said of it")
        yield f"no lock: {why[:400]}"


def _differences(wanted: Mapping[str, Package], lock: Mapping[str, object]) -> Iterator[str]:
    rows = lock.get("artifact", [])
    ours = {row["name"]: row for row in (rows if isinstance(rows, list) else [])}
    rows = lock.get("source", [])
    sources = {row["name"] for row in (rows if isinstance(rows, list) else [])}
    tags = set(_tags(str(lock["python"])))
    for name in sorted(wanted.keys() - ours.keys() - sources):
        yield f"{name} {wanted[name].version} is missing"
    for name in sorted(ours.keys() - wanted.keys() - sources):
        yield f"{name} {ours[name]['version']} is not in it"
    for name in sorted(ours.keys() & wanted.keys()):
        row, package = ours[name], wanted[name]
        if package.version and not _same(row["version"], package.version):
            yield f"{name} is {row['version']} instead of {package.version}"
        elif package.hashes and row["sha256"] not in package.hashes:
            yield f"{name} has a digest that it does not hold"
        if row["file"].endswith(".whl") and not parse_wheel_filename(row["file"])[3] & tags:
            yield f"{name} is {row['file']}, which is for another machine"


def _same(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return canonicalize_name(one) == canonicalize_name(other)


def _tags(python: str) -> Iterator[Tag]:
    """What the target takes: every C library up to a new one."""
    major, _, minor = python.partition(".")
    version = int(major), int(minor.rstrip("t"))
    platforms = [f"manylinux_2_{number}_x86_64" for number in range(41, 4, -1)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]
    yield from cpython_tags(version, platforms=platforms)
    yield from compatible_tags(version, f"cp{major}{minor}", platforms)


if __name__ == "__main__":
    sys.exit(main())
