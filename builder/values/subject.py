"""What can be judged: anything that can run a command with its own Python."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from envspec.system.process import Completed
from envspec.system.sandbox import Sandbox


class Subject(Protocol):
    """An environment under judgement."""

    @property
    def label(self) -> str:
        """What reports call it."""

    @property
    def python(self) -> str:
        """The interpreter's path, as seen inside."""

    @property
    def root(self) -> pathlib.Path | None:
        """The folder under which its files lie on this machine; None where they cannot be read from here."""

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        """Run a command inside, with the variables and the current folder that its users have."""


@runtime_checkable
class FollowedSubject(Subject, Protocol):
    """A subject that says how far a command is."""

    def follow(
        self, command: Sequence[str], *, stdin: str, timeout: float, on_line: Callable[[str], None]
    ) -> Completed:
        """As `run`, with every line of standard error handed on as it comes."""


@runtime_checkable
class SandboxedSubject(Subject, Protocol):
    """A subject whose commands run on this machine itself, and not in an image's files."""

    @property
    def sandbox(self) -> Sandbox:
        """What keeps its commands apart from everything else here."""
