"""An interpreter of this machine under judgement: `envspec verify --python PATH`."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

from envspec.system.errors import OutsideError
from envspec.system.machine import want_linux
from envspec.system.process import Completed
from envspec.system.sandbox import Sandbox, best_sandbox, run_sandboxed, without_secrets


class InterpreterSubject:
    """An interpreter of this machine: a virtualenv's, the system's, any other.

    `env` are variables beside the user's own, as the spec of the environment has them. Raises `OutsideError`
    when there is no such program.
    """

    def __init__(self, path: pathlib.Path | str, env: Mapping[str, str] | None = None) -> None:
        want_linux(
            "environments are judged where they run, on Linux",
            hint="verify an image of an engine: `envspec verify --image NAME`",
        )
        self._env = dict(env or {})
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

    @property
    def sandbox(self) -> Sandbox:
        """The best that this machine allows."""
        return best_sandbox()

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        """Run a command on this machine, in its sandbox."""
        return run_sandboxed(command, env=self._variables(), input_text=stdin, timeout=timeout, nests=True)

    def follow(
        self, command: Sequence[str], *, stdin: str, timeout: float, on_line: Callable[[str], None]
    ) -> Completed:
        """As `run`, with every line of standard error handed on as it comes."""
        return run_sandboxed(
            command, env=self._variables(), input_text=stdin, timeout=timeout, on_line=on_line, nests=True
        )

    def _variables(self) -> dict[str, str]:
        """The user's variables but the secrets, where this user's own packages are, and the spec's."""
        home = os.path.expanduser("~")  # noqa: PTH111 - as `site` has it; HOME is another in the sandbox
        return {"PYTHONUSERBASE": f"{home}/.local", **without_secrets(os.environ), **self._env}
