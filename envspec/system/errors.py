"""Every way in which the tool itself stops, with its exit code.

    EnvspecError                     root; never raised itself
    ├── UsageError            2      the command line asks for something impossible
    ├── SpecError             2      the spec cannot be read or does not mean anything
    ├── FindingsError         1      it was understood, and must be fixed first
    ├── BuildError            3      building failed
    └── OutsideError          4      an engine, index, interpreter or disk is missing or unreachable
        ├── SpoiledError             something kept was damaged, and was found to be while it was used
        └── DiskError                the machine refuses: a full disk, a limit, no memory (`system.disk`)
    (`KeyboardInterrupt`)  130      the user stopped it

The command line turns them into exit codes in one place (`builder.cli.main`); nothing else exits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from envspec.system.finding import Finding
from envspec.system.foreign import readable
from envspec.system.quoting import shortened

LIMIT = 16_000
"""Characters of an error: the last lines of a program belong to it."""

THE_SPEC = "the spec"
"""The file of a `SpecError` that was raised where only the spec is known, and not the file it stands in."""

SHOWN = 20
"""Mistakes of a spec that an error names in its text; `SpecError.problems` has all of them."""


class EnvspecError(Exception):
    """What happened; `hint` says what to do next. Its text holds no credentials, and nothing that acts."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = readable(message, LIMIT)
        self.hint = readable(hint)
        super().__init__(self.message)


class UsageError(EnvspecError):
    """The command line asks for something impossible."""

    exit_code = 2


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One mistake in a spec."""

    path: str
    """Key path as a user would write it, such as `stage[1].install[0]`; empty for the whole file."""
    message: str
    line: int | None = None
    """1-based; None where the file has no lines to point at."""

    def __post_init__(self) -> None:
        """A spec may hold anything; see `Finding`."""
        for field in ("path", "message"):
            object.__setattr__(self, field, readable(getattr(self, field)))

    def __str__(self) -> str:
        place = f"{shortened(self.path)}: " if self.path else ""
        return f"{place}{shortened(self.message, 1000)}"


class SpecError(EnvspecError):
    """The spec cannot be read or does not mean anything; carries every mistake found."""

    exit_code = 2

    def __init__(self, file: str, problems: tuple[Problem, ...], *, hint: str = "") -> None:
        self.file = file
        self.problems = problems
        lines = [
            f"{file}:{problem.line}: {problem}" if problem.line else f"{file}: {problem}"
            for problem in problems[:SHOWN]
        ]
        if (left := len(problems) - SHOWN) > 0:
            lines.append(f"{file}: and {left} more")
        super().__init__("\n".join(lines), hint=hint)

    def placed(self, file: str, line: Callable[[str], int | None]) -> SpecError:
        """The same where the spec stands in `file`; `line` tells where a key path does."""
        if self.file != THE_SPEC:
            return self
        found = (dataclasses.replace(each, line=each.line or line(each.path)) for each in self.problems)
        return SpecError(file, tuple(found), hint=self.hint)


class FindingsError(EnvspecError):
    """The spec was understood and has errors that must be fixed before anything is built."""

    exit_code = 1

    def __init__(self, message: str, findings: tuple[Finding, ...], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = findings


class BuildError(EnvspecError):
    """Building failed: which stage, which step, its last lines."""

    exit_code = 3


class OutsideError(EnvspecError):
    """Something outside is missing or unreachable: an engine, an index, an interpreter, the disk."""

    exit_code = 4


class SpoiledError(OutsideError):
    """Something kept turned out damaged while it was used, and is gone: who begins again makes it anew.

    A run does so by itself; it ends in this only where the same is damaged once more.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is missing or damaged, and making it anew did not help",
            hint="the disk, or the memory, of this machine may be failing: look at its log (`dmesg`)",
        )
        self.what = what
