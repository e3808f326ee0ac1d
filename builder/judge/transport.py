"""Carries the probe into a target as text and brings its facts back."""

from __future__ import annotations

import importlib.resources
import json
import time
from typing import Any

from builder.values.target import Followed, Target
from envspec.system.errors import OutsideError
from envspec.system.progress import SILENT, Progress

PACKAGE = "_envspec_probe"
"""What the probe is called where it runs, so that nobody takes it for an installed module."""
ORDER = (
    "child",
    "importing",
    "elf",
    "distributions",
    "files",
    "startup",
    "shape",
    "shadows",
    "landlock",
    "sandbox",
    "group",
    "standard",
    "reading",
    "reaching",
    "screening",
    "programs",
    "usage",
    "runtimes",
    "exchange",
    "jobs",
    "main",
)
"""The probe's modules, each after those it uses."""
PROGRESS = "_envspec_probe: "
"""Stands before the lines that tell how far the probe is, on standard error."""
MARK = "\x1e"
"""Stands before the facts; what a starting interpreter prints by itself comes before it."""
PAUSE = 10.0
"""Seconds between two lines about how far it is."""
GRACE = 120.0
"""Seconds that the probe has beyond its own deadline."""


def bundle(options: dict[str, Any]) -> tuple[str, str]:
    """The loader, to be run with `python -c`, and what it reads from standard input."""
    sources = importlib.resources.files("builder.inside.probe")
    loader = sources.joinpath("loader.py").read_text("utf-8")
    texts = [(name, sources.joinpath(f"{name}.py").read_text("utf-8")) for name in ORDER]
    return loader, json.dumps(
        {"package": PACKAGE, "entry": "main", "loader": loader, "sources": texts, "options": options}
    )


def run_probe(target: Target, options: dict[str, Any], progress: Progress = SILENT) -> dict[str, Any]:
    """Run the probe in the target and return its facts; `progress` hears of every module.

    Raises `OutsideError` when the interpreter cannot run it.
    """
    follows = isinstance(target, Followed)
    loader, text = bundle({**options, "follows": follows})
    command = [target.python, "-I", "-S", "-c", loader]
    timeout = float(options["deadline"]) + GRACE
    if isinstance(target, Followed):
        with Told(progress) as told:
            completed = target.follow(command, stdin=text, timeout=timeout, on_line=told.hear)
    else:
        completed = target.run(command, stdin=text, timeout=timeout)
    _, mark, facts = completed.stdout.rpartition(MARK)
    if not mark:
        raise OutsideError(
            f"{target.label} could not be judged: its interpreter "
            + ("did not answer in time" if completed.timed_out else f"ended with {completed.code}")
            + (f"\n{tail}" if (tail := _without_marks(completed.tail)) else ""),
            hint="check that it is a Python 3.7 or newer that can run `python -I -S -c 'import json'`",
        )
    parsed: dict[str, Any] = json.loads(facts)
    return parsed


def _without_marks(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith(PROGRESS))


class Told:
    """Hands on what the probe says about how far it is: a task for each phase, a line now and then."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._title = ""
        self._done = 0
        self._noted = time.monotonic()

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def hear(self, line: str) -> None:
        """One line of standard error; what is not the probe's is passed over."""
        try:
            told = json.loads(line.removeprefix(PROGRESS)) if line.startswith(PROGRESS) else {}
        except ValueError:
            return
        if not told:
            return
        if told["title"] != self._title:
            self._end()
            self._title, self._done = told["title"], 0
            self._progress.begin(self._title, told["of"])
        self._progress.advance(self._title, told["done"] - self._done)
        self._done = told["done"]
        if time.monotonic() - self._noted > PAUSE:
            self._noted = time.monotonic()
            self._progress.note(f"{self._title} {told['done']} of {told['of']}: {told['module']}")

    def _end(self) -> None:
        if self._title:
            self._progress.end(self._title)
