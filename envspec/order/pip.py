"""Asking pip what it would install into an environment of which only the metadata is there."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import packaging.specifiers
import packaging.utils

from envspec.order.model import PipDistribution, PipStage
from envspec.order.place import PipTarget
from envspec.system import process
from envspec.system.errors import OutsideError
from envspec.system.sandbox import run_sandboxed

_PATIENCE = 600.0  # seconds for one stage; resolving may have to build the metadata of sdists
_EMULATOR = pathlib.Path(__file__).with_name("emulate.py")


class Refusal(Exception):  # noqa: N818 — an answer of pip, no error of ours
    """Pip would install nothing; its text is pip's reason."""


class StubEnvironment:
    """A throw-away virtualenv whose distributions consist of their metadata alone."""

    def __init__(
        self,
        folder: pathlib.Path,
        place: PipTarget,
        *,
        variables: Mapping[str, str] | None = None,
        check: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Make the virtualenv in `folder`; `OutsideError` when that fails.

        `variables` is pip's environment, by default this program's own. `check` is called after pip answered,
        with whether it refused, and raises `OutsideError` when pip could not ask what it had to.
        """
        self._variables = _environment(os.environ if variables is None else variables)
        self._check = check
        self.folder = folder
        self.place = place
        self.home = folder / "environment"
        base = place.interpreter or pathlib.Path(sys.executable)
        made = process.run_process([base, "-m", "venv", "--without-pip", self.home], timeout=300)
        self.python = self.home / "bin" / "python"
        sites = sorted(self.home.glob("lib/python3*/site-packages"))
        if not made.ok or not sites:
            why = made.tail or ("it did not end in time" if made.timed_out else f"it ended with {made.code}")
            raise made.refusal or OutsideError(
                f"{base} cannot make a virtualenv: {why}",
                hint="install its venv module (python3-venv on Debian)",
            )
        self.site = sites[0]
        self._command = self._pip_command()

    def hold(self, distributions: Iterable[PipDistribution]) -> None:
        """Let exactly these distributions be installed."""
        for old in self.site.glob("*.dist-info"):
            shutil.rmtree(old)
        for item in distributions:
            info = self.site / f"{item.name.replace('-', '_')}-{item.version}.dist-info"
            info.mkdir()
            lines = ["Metadata-Version: 2.1", f"Name: {item.name}", f"Version: {item.version}"]
            lines += [f"Requires-Dist: {text}" for text in item.requires]
            lines += [f"Provides-Extra: {extra}" for extra in item.extras]
            lines += [f"Requires-Python: {item.requires_python}"] if item.requires_python else []
            (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
            (info / "INSTALLER").write_text("pip\n", encoding="utf-8")
            (info / "RECORD").write_text("", encoding="utf-8")

    def would_install(self, stage: PipStage) -> tuple[PipDistribution, ...]:
        """What pip would install for a stage; `Refusal` when it would refuse.

        Raises `OutsideError` when pip gives no answer in time, or one that cannot be read.
        """
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        words = [*self._command, "--dry-run", "--quiet", "--report", str(report)]
        words += [*stage.options, "--", *stage.requirements]
        done = run_sandboxed(
            words, env=self._variables, timeout=_PATIENCE, writable=[self.folder], fetches=True
        )
        self._check(done.code != 0)
        if done.timed_out:
            raise OutsideError(f"pip did not resolve stage {stage.name} in {_PATIENCE:.0f} s")
        if done.code != 0:
            raise done.refusal or Refusal(_reason(done.stderr))
        try:
            answer = json.loads(report.read_text(encoding="utf-8"))
            return tuple(_distribution(item["metadata"]) for item in answer["install"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutsideError(f"pip's report about stage {stage.name} cannot be read: {error}") from error

    def _pip_command(self) -> list[str]:
        """Our own pip where it runs under the target's Python, the newest that does elsewhere."""
        if self.place.interpreter is None:
            folder = str(importlib.metadata.distribution("pip").locate_file(""))
            markers = json.dumps(dict(self.place.markers))
            words = [str(self.python), "-I", str(_EMULATOR), markers, folder]
            return [*words, "install", *self.place.pip_options]
        wanted = importlib.metadata.metadata("pip")["Requires-Python"]
        if packaging.specifiers.SpecifierSet(wanted).contains(self.place.target.release):
            return [sys.executable, "-m", "pip", "--python", str(self.python), "install"]
        return [str(self.python), str(self._older_pip() / "pip"), "install"]

    def _older_pip(self) -> pathlib.Path:
        done = process.run_process(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"),
                *("--python-version", self.place.target.release, "--dest", self.folder, "pip"),
            ],
            env=self._variables,
            timeout=_PATIENCE,
        )
        self._check(not done.ok)
        found = sorted(self.folder.glob("pip-*.whl"))
        if not done.ok or not found:
            raise done.refusal or OutsideError(
                f"no pip for Python {self.place.target.python} can be had: {done.tail}",
                hint="check the connection to the package index",
            )
        return found[-1]


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The user's own configuration of pip, without what belongs to another interpreter."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_USER", "PIP_PREFIX")
    kept = {key: value for key, value in variables.items() if key not in foreign}
    return kept | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_REQUIRE_VIRTUALENV": "0"}


def _reason(stderr: str) -> str:
    """Pip's errors without its warnings and prefixes."""
    lines = [line.removeprefix("ERROR:").strip() for line in stderr.splitlines()]
    said = [line for line in lines if line and not line.startswith(("WARNING", "[notice]", "DEPRECATION"))]
    return "; ".join(said[-6:]) or "pip gave no reason"


def _distribution(metadata: Mapping[str, Any]) -> PipDistribution:
    return PipDistribution(
        name=packaging.utils.canonicalize_name(metadata["name"]),
        version=metadata["version"],
        requires=tuple(metadata.get("requires_dist", ())),
        requires_python=metadata.get("requires_python", ""),
        extras=tuple(metadata.get("provides_extra", ())),
    )
