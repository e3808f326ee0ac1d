"""Runs the project's programs as a user does, on a machine whose pip knows only what the test gives it."""

import os
import pathlib
import subprocess
import sys

BIN = pathlib.Path(sys.executable).parent


def machine(home: pathlib.Path, **more: str) -> dict[str, str]:
    """The environment of a machine with its own tool home, whose pip has no configuration but `more`."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "ENVSPEC_", "UV_"))
    }
    return {**inherited, "ENVSPEC_HOME": str(home), "PIP_CONFIG_FILE": os.devnull, **more}


def run(
    *words: object, env: dict[str, str] | None = None, cwd: pathlib.Path | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run `build-image ...` or `envspec ...` to its end."""
    program, *rest = map(str, words)
    return subprocess.run(
        [BIN / program, *rest], env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout
    )
