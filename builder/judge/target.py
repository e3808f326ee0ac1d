"""What can be judged: anything that can run a command with its own Python."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from envspec.system import process
from envspec.system.errors import OutsideError
from envspec.system.process import Completed


class Target(Protocol):
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
class Followed(Target, Protocol):
    """A target that says how far a command is."""

    def follow(
        self, command: Sequence[str], *, stdin: str, timeout: float, on_line: Callable[[str], None]
    ) -> Completed:
        """As `run`, with every line of standard error handed on as it comes."""


class Interpreter:
    """An interpreter of this machine: a virtualenv's, the system's, any other.

    Raises `OutsideError` when there is no such program.
    """

    def __init__(self, path: pathlib.Path | str) -> None:
        # Never resolved: the link is what makes a virtualenv of its interpreter.
        self._path = pathlib.Path(os.path.abspath(path))  # noqa: PTH100
        if not self._path.is_file():
            raise OutsideError(f"there is no interpreter {path}", hint="give the path of a python executable")

    @property
    def label(self) -> str:
        """The path itself."""
        return str(self._path)

    @property
    def python(self) -> str:
        """The path itself."""
        return str(self._path)

    @property
    def root(self) -> pathlib.Path:
        """The root of this machine."""
        return pathlib.Path("/")

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        """Run a command on this machine."""
        return process.run(command, input_text=stdin, timeout=timeout)

    def follow(
        self, command: Sequence[str], *, stdin: str, timeout: float, on_line: Callable[[str], None]
    ) -> Completed:
        """Run a command on this machine and hand on what it says."""
        return process.run(command, input_text=stdin, timeout=timeout, on_line=on_line)
