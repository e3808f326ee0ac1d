"""The table of the article that this project began with, done again: its stages installed one after another
by plain pip in random orders, against the locked spec.

The article pins a ModelScope and a `datasets` that contradict each other. Given both at once pip refuses
them in any order, so each is a stage of its own here, which is pip's best chance. pip's answer depends on the
order alone, so each order that is drawn is installed once, in an environment of its own, and counts as often
as it was drawn. That takes about an hour; what was found is kept in `out/bench/article.json`, and a run that
was interrupted goes on there. Deleting the file starts anew. Throughput and the accuracy of emotions are in
`bench/service`.
"""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from bench.measured import MEGABYTES, PERCENT, SECONDS, Measured, Side, Size, Unit
from bench.steps import command
from envspec.system.home import tool_home, write_atomic

STAGES = {
    "numeric": ("numpy==1.23.5", "scipy==1.11.4"),
    "modelscope": ("modelscope==1.13.0",),
    "datasets": ("datasets==2.13.0",),
    "torch": ("torch==2.13.0",),
    "service": ("flask", "soundfile"),
}
"""As the article has them; torch is the one its CPU index has for Python 3.11: no CUDA comes along."""

DRAWS = 37
KEPT = pathlib.Path(__file__).resolve().parent.parent / "out" / "bench" / "article.json"
SPEC = pathlib.Path(__file__).resolve().parent.parent / "examples" / "sambert-hifigan"

PIP = "plain pip, stages in random order"
LOCKED = "the locked spec"

_TOOL = pathlib.Path(sys.executable).parent
_CHECK = """
import importlib.metadata, json, resource, time
began = time.monotonic()
import flask, scipy.signal, soundfile, torch
from modelscope.pipelines import pipeline
print(json.dumps({
    "start": time.monotonic() - began,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
}))
"""
_SHARED = ("wheelhouse", "facts", "metadata", "uv", "proof", "debian")

Outcome = dict[str, Any]


def draws(size: Size) -> list[tuple[str, ...]]:
    """The orders of stages, as drawn; the same in every run."""
    orders = list(itertools.permutations(STAGES))
    return random.Random(DRAWS).choices(orders, k=1 if size.quick else DRAWS)


def measurements(size: Size) -> Iterator[Measured]:
    """Whether it installs, whether it can be imported then, and what it costs to start."""
    drawn = draws(size)
    found = _kept()
    for order in dict.fromkeys(drawn):
        if "-".join(order) not in found:
            found["-".join(order)] = naive(order)
            write_atomic(KEPT, json.dumps(found, indent=1))
    theirs = [found["-".join(order)] for order in drawn]
    ours = [locked() for _ in range(1 if size.quick else 3)]
    note = f"{len(set(drawn))} orders in {len(drawn)} draws"
    for name, key in (("installs", "installed"), ("imports", "imported"), ("keeps its pins", "kept")):
        rates = (_rate(LOCKED, ours, key, ""), _rate(PIP, theirs, key, note))
        yield Measured(name=name, unit=PERCENT, sides=rates)
    costs: tuple[tuple[str, str, Unit], ...] = (
        ("imports of the service", "start", SECONDS),
        ("memory after these imports", "memory", MEGABYTES),
        ("installed", "size", MEGABYTES),
    )
    for name, key, unit in costs:
        sides = tuple(
            Side(name=side, values=values)
            for side, runs in ((LOCKED, ours), (PIP, theirs))
            if (values := tuple(float(run[key]) for run in runs if key in run))
        )
        yield Measured(name=name, unit=unit, sides=sides)


def _rate(name: str, runs: Sequence[Outcome], key: str, note: str) -> Side:
    good = sum(bool(run[key]) for run in runs)
    told = f"{good} of {len(runs)}"
    return Side(name=name, values=(100 * good / len(runs),), note=f"{told}, {note}" if note else told)


def _kept() -> dict[str, Outcome]:
    try:
        return dict(json.loads(KEPT.read_bytes()))
    except (OSError, ValueError):
        return {}


def naive(order: Sequence[str]) -> Outcome:
    """Install the stages in that order into a new environment, as one would by hand, and try it."""
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name) / "venv"
        command([sys.executable, "-m", "venv", str(place)])()
        python = place / "bin" / "python"
        for stage in order:
            words = [
                sys.executable,
                "-m",
                "pip",
                "--python",
                str(python),
                "install",
                "--quiet",
                "--no-compile",
            ]
            done = subprocess.run([*words, *STAGES[stage]], check=False, capture_output=True, text=True)
            if done.returncode:
                why = f"{stage}: {done.stderr.strip().splitlines()[-1]}"
                return {"installed": False, "imported": False, "kept": False, "why": why}
        return {"installed": True, **_tried(python), "size": _size(place)}


def locked() -> Outcome:
    """Install the lock into a new environment and try it."""
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        for part in _SHARED:
            (tool_home() / part).mkdir(parents=True, exist_ok=True)
            (place / part).symlink_to(tool_home() / part)
        words = [str(_TOOL / "build-image"), str(SPEC), "--backend", "virtualenv", "--stop-after", "build"]
        words += ["--locked", "--format", "json", "--quiet"]
        env = {**os.environ, "ENVSPEC_HOME": name}
        done = subprocess.run(words, check=False, capture_output=True, text=True, env=env)
        if done.returncode:
            return {"installed": False, "imported": False, "kept": False, "why": done.stderr.strip()}
        python = pathlib.Path(json.loads(done.stdout)["environment"]["python"])
        return {"installed": True, **_tried(python), "size": _size(python.parents[1])}


def _tried(python: pathlib.Path) -> Outcome:
    """Whether what the service needs can be imported, and whether the exact pins still stand."""
    pins = dict(pin.split("==") for pin in STAGES["numeric"])
    ask = "import importlib.metadata as m, sys; print(*[m.version(name) for name in sys.argv[1:]])"
    said = subprocess.run([python, "-c", ask, *pins], check=False, capture_output=True, text=True).stdout
    outcome: Outcome = {"kept": said.split() == list(pins.values()), "versions": said.split()}
    done = subprocess.run([python, "-c", _CHECK], check=False, capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        return {**outcome, "imported": False, "why": why}
    return {**outcome, "imported": True, **json.loads(done.stdout.splitlines()[-1])}


def _size(place: pathlib.Path) -> float:
    """Megabytes of all files, without what Python compiled of them."""
    files = (file for file in place.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc") / 1e6
