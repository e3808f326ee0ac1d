"""Runs the quick tests on other Pythons, each in a virtual environment of its own below .venvs/.

`python -m tests.pythons` runs them on all that the project promises besides its own, `... 3.13` on that one;
words that begin with a dash, such as `--cov`, are pytest's.
"""

import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from envspec.supply import uv
from envspec.supply.pip_settings import ask_pip
from tests.support.paths import ROOT

VERSIONS = ("3.12", "3.13", "3.14")
PROJECT = ROOT / "pyproject.toml"
PATIENCE = {"UV_HTTP_RETRIES": "5", "UV_HTTP_CONNECT_TIMEOUT": "60", "UV_CONCURRENT_DOWNLOADS": "8"}
"""Settings with which uv sits out a connection that fails: here it has no relay before it that would."""

NOT_HERE = 4
"""Exit code of `scripts/python` for a version that it cannot get."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What the tests said on one Python."""

    version: str
    said: str
    seconds: float
    passed: bool

    def __str__(self) -> str:
        return f"{self.version:8} {self.said:10} {self.seconds:6.0f} s"


def main(words: Sequence[str]) -> int:
    options = [word for word in words if word.startswith("-")]
    versions = [word for word in words if word not in options] or VERSIONS
    results = [tried(version, options) for version in versions]
    print("\nPython   result       time", *results, sep="\n")
    return 0 if all(result.passed for result in results) else 1


def tried(version: str, options: Sequence[str]) -> Result:
    """Set the version up where it is not, and run the quick tests on it, with options of pytest's."""
    print(f"\n== Python {version}", flush=True)
    began = time.monotonic()
    try:
        venv = ready(version)
        code = subprocess.run(
            [ROOT / "scripts" / "test", "quick", "-q", *options], env={**os.environ, "VENV": str(venv)}
        ).returncode
        said = "passed" if code == 0 else f"failed: {code}"
    except subprocess.CalledProcessError as error:
        # Neither the machine nor Debian has every version: that is said, and fails nothing but CI.
        absent = error.returncode == NOT_HERE
        code = 0 if absent and os.environ.get("CI") != "true" else error.returncode
        said = "not here" if absent else "not set up"
    return Result(version=version, said=said, seconds=time.monotonic() - began, passed=code == 0)


def ready(version: str) -> pathlib.Path:
    """A virtual environment of that version with all that the tests need, from where pip would take it."""
    venv = ROOT / ".venvs" / version
    mark = venv / "ready"  # written last: an interrupted set-up is done again
    if not mark.exists() or mark.stat().st_mtime < PROJECT.stat().st_mtime:
        settings = ask_pip()
        env = uv.uv_environment(settings) | PATIENCE
        find = [str(ROOT / "scripts" / "python"), version]
        python = subprocess.run(find, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        with tempfile.TemporaryDirectory() as folder:
            given = ("--quiet", "--config-file", str(uv.write_settings(pathlib.Path(folder), settings)))
            for words in (
                ("venv", "--clear", "--python", python, str(venv)),
                ("pip", "install", "--python", str(venv), "--editable", f"{ROOT}[dev]"),
            ):
                subprocess.run([uv.uv_program(), *words, *given], env=env, check=True)
        mark.touch()
    return venv


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
