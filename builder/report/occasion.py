"""The occasion of a report: when it was made, by which command, of which commit, on what kind of machine."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import pathlib
import platform
from collections.abc import Sequence

from envspec.system.errors import EnvspecError
from envspec.system.process import quote_command, run_process

_GIT_SECONDS = 10
"""What a version control that does not answer may cost a report."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """What a reader wants to know of a report before what it says: how old it is, and what it speaks of.

    It names kinds of machines and no machine: its name is nobody's business.
    """

    date: str
    """When the report was made, in UTC to the second, as RFC 3339 has it: `2026-01-31T09:05:00Z`."""
    command: str
    """What was typed, as a shell would read it."""
    commit: str = ""
    """The commit of the spec's folder, its first 12 digits; empty where that is no work tree of git."""
    changed: bool = False
    """Whether tracked files below the folder differ from that commit, or the spec itself is in none."""
    system: str = ""
    """Name and release of the operating system: `Debian GNU/Linux 12 (bookworm), Linux 6.1.0`."""
    processor: str = ""
    """Kind and number of processors: `x86_64, 8 processors`."""
    python: str = ""
    """Of the tool itself, which need not be the environment's: `CPython 3.11.2`."""

    @property
    def day(self) -> str:
        """The date for people: `2026-01-31 09:05 UTC`."""
        return day_words(self.date)

    @property
    def state(self) -> str:
        """The commit in words, `0123456789ab + changes`; empty where there is none."""
        return f"{self.commit} + changes" if self.commit and self.changed else self.commit

    def line(self) -> str:
        """All but the command, for people, in one line."""
        commit = f", commit {self.state}" if self.state else ""
        return f"{self.day}{commit}, {self.system}, {self.processor}, {self.python}"


def day_words(date: str) -> str:
    """A date of `Occasion.date` for people; whatever is none stays as it is."""
    try:
        return dt.datetime.strptime(date, _DATE).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return date


def occasion_of(command: Sequence[str], spec: pathlib.Path | None) -> Occasion:
    """The occasion of a report that is made now, by `command`, of the spec in the file `spec`."""
    count = os.cpu_count() or 1
    commit, changed = _commit_of(spec) if spec is not None else ("", False)
    return Occasion(
        date=dt.datetime.now(dt.UTC).strftime(_DATE),
        command=quote_command(command),
        commit=commit,
        changed=changed,
        system=_system(),
        processor=f"{platform.machine()}, {count} processor{'' if count == 1 else 's'}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


_DATE = "%Y-%m-%dT%H:%M:%SZ"


def _system() -> str:
    kernel = f"{platform.system()} {platform.release()}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {kernel}"
    except (OSError, KeyError):  # another system than Linux, or one that does not say what it is
        return kernel


def _commit_of(spec: pathlib.Path) -> tuple[str, bool]:
    """The commit of a spec's folder, and whether anything there is in another state."""
    folder = spec.parent
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return "", False
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    known = _git(folder, "ls-files", "--error-unmatch", "--", spec.name)
    return commit, bool(changes) or known is None


def _git(folder: pathlib.Path, *words: str) -> str | None:
    """What git says in a folder; None where it fails or is not there. Nothing of the repository is run."""
    # A repository's own settings may name programs for git to start: source: git-config(1), core.fsmonitor.
    safely = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
    try:
        done = run_process((*safely, *words), cwd=folder, timeout=_GIT_SECONDS)
    except EnvspecError:
        return None
    return done.stdout.strip() if done.ok else None
