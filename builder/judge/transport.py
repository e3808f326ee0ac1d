"""Carries the probe into a subject as text and brings its facts back."""

from __future__ import annotations

import json
import time
from typing import Any

from builder.image import travelling
from builder.inside.probe.jobs import KINDS
from builder.inside.probe.protocol import FORMAT, MARK, PROGRESS, READING
from builder.inside.probe.report import ProbeReport
from builder.values.subject import FollowedSubject, Subject
from envspec.system.errors import OutsideError
from envspec.system.progress import SILENT, Progress

PAUSE = 10.0
"""Seconds between two lines about how far it is."""
GRACE = 120.0
"""Seconds that the probe has beyond its own deadlines."""


def bundle(options: dict[str, Any]) -> tuple[str, str]:
    """The loader, to be run with `python -c`, and what it reads from standard input."""
    loader = f"{travelling.text('loader')}\n\n{travelling.text('probe.loader')}"
    entries = [f"probe.{name}" for name in ("main", *KINDS)]
    contents = {
        "room": travelling.ROOM,
        "entry": entries[0],
        "loader": loader,
        "sources": travelling.sources(*entries),
        "needs": {entry: travelling.modules(entry) for entry in entries},
        "options": options,
    }
    return loader, json.dumps(contents)


def run_probe(subject: Subject, options: dict[str, Any], progress: Progress = SILENT) -> ProbeReport:
    """Run the probe in the subject and return its facts; `progress` hears of every module.

    Raises `OutsideError` when the interpreter cannot run it, or something else answers in its place.
    """
    follows = isinstance(subject, FollowedSubject)
    loader, text = bundle({**options, "follows": follows})
    command = [subject.python, "-I", "-S", "-c", loader]
    timeout = float(options["deadline"]) * (1 + READING) + GRACE
    if isinstance(subject, FollowedSubject):
        with ProgressReader(progress) as reader:
            completed = subject.follow(command, stdin=text, timeout=timeout, on_line=reader.read_line)
    else:
        completed = subject.run(command, stdin=text, timeout=timeout)
    _, mark, facts = completed.stdout.rpartition(MARK)
    if not mark:
        raise completed.refusal or OutsideError(
            f"{subject.label} could not be judged: its interpreter "
            + ("did not answer in time" if completed.timed_out else f"ended with {completed.code}")
            + (f"\n{tail}" if (tail := _without_marks(completed.tail)) else ""),
            hint="check that it is a Python 3.7 or newer that can run `python -I -S -c 'import json'`",
        )
    return _report(facts, subject.label)


def _report(text: str, label: str) -> ProbeReport:
    """The facts in what the probe printed. Raises `OutsideError` where their format is another."""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    told = parsed.get("format") if isinstance(parsed, dict) else None
    if told != FORMAT:
        raise OutsideError(
            f"{label} could not be judged: its answer is "
            + (f"of format {told}, not {FORMAT}" if told is not None else "no report of the probe"),
            hint="something in it prints over the probe's answer: look at what its start prints",
        )
    report: ProbeReport = parsed
    return report


def _without_marks(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith(PROGRESS))


class ProgressReader:
    """A reader of what the probe says about how far it is: a task for each phase, a line now and then."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._title = ""
        self._done = 0
        self._noted = time.monotonic()

    def __enter__(self) -> ProgressReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read_line(self, line: str) -> None:
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
