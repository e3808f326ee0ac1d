"""What each phase costs as locks grow: 10, 100 and 400 packages, first from nothing, then with nothing to do.

The packages are made up, a dozen modules each that import those of two others, so that only their number
differs; the index is a folder. The figures tell how phases grow, not what real packages cost. What starts
from nothing is done once: it takes minutes.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping

from bench.measured import Measured, Side, Size, Unit
from bench.steps import StepError
from tests.support.index import simple_index
from tests.support.program import machine
from tests.support.wheels import wheel

COUNTS = (10, 100, 400)
QUICK = (5, 20)
FINE = Unit(symbol="s", digits=3)

_TOOL = pathlib.Path(sys.executable).parent
_MODULES = 12
_BODY = "".join(
    f"\n\ndef step_{number}(value, *, scale={number}):\n"
    f"    if value < 0:\n        raise ValueError(value)\n    return value * scale + {number}\n"
    for number in range(12)
)


def measurements(size: Size) -> Iterator[Measured]:
    """A question for each phase; its sides are the numbers of packages."""
    with tempfile.TemporaryDirectory() as name:
        projects = [
            Project(pathlib.Path(name, str(count)), count) for count in (QUICK if size.quick else COUNTS)
        ]
        for state, runs in (("from nothing", 1), ("nothing to do", size.runs)):
            found: dict[Project, list[Mapping[str, float]]] = {project: [] for project in projects}
            for _ in range(runs):
                for project in projects:
                    if state == "from nothing":
                        project.forget()
                    found[project].append(project.build())
            for phase in found[projects[0]][0]:
                sides = tuple(
                    Side(name=f"{project.count} packages", values=tuple(seconds[phase] for seconds in rounds))
                    for project, rounds in found.items()
                )
                yield Measured(name=f"{phase}, {state}", unit=FINE, sides=sides)


class Project:
    """A spec of so many packages, and a machine that knows only these."""

    def __init__(self, folder: pathlib.Path, count: int) -> None:
        self.count = count
        self._home = folder / "home"
        self._place = folder / "project"
        self._env = machine(self._home, PIP_INDEX_URL=_index(folder, count))
        _spec(self._place, count)

    def forget(self) -> None:
        """As if nothing had ever been locked or built here."""
        shutil.rmtree(self._home, ignore_errors=True)
        (self._place / "envspec.lock").unlink(missing_ok=True)

    def build(self) -> Mapping[str, float]:
        """Build and verify; seconds of each phase. Raises `StepError`."""
        words = [str(_TOOL / "build-image"), str(self._place), "--backend", "virtualenv", "--format", "json"]
        done = subprocess.run([*words, "--quiet"], check=False, env=self._env, capture_output=True, text=True)
        if done.returncode:
            raise StepError(f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        seconds: dict[str, float] = json.loads(done.stdout)["seconds"]
        return {**seconds, "all of it": sum(seconds.values())}


def _index(folder: pathlib.Path, count: int) -> str:
    """An index of packages 1 to `count`, each of which needs the two at a half and a third of its number."""
    files = []
    for number in range(1, count + 1):
        below = sorted({number // 2, number // 3} - {0})
        package = f"made_up_{number}"
        imports = "".join(f"import made_up_{other}.part_0\n" for other in below)
        modules = {f"{package}/part_{part}.py": imports + _BODY for part in range(_MODULES)}
        start = f"from {package} import part_0\n\nanswer = part_0.step_1\n"
        files.append(
            wheel(
                folder / "files",
                package.replace("_", "-"),
                "1.0",
                requires=[f"made-up-{other}>=1" for other in below],
                files={f"{package}/__init__.py": start, **modules},
            )
        )
    return simple_index(folder / "simple", files)


def _spec(project: pathlib.Path, count: int) -> None:
    """A spec that names the packages which no other needs."""
    project.mkdir()
    names = ", ".join(f'"made-up-{number}==1.0"' for number in range(count // 2 + 1, count + 1))
    python = ".".join(map(str, sys.version_info[:2]))
    (project / "envspec.toml").write_text(
        f'name = "scale"\npython = "{python}"\n\n[base]\nhost = true\n\n'
        f'[[stage]]\nname = "all"\ninstall = [{names}]\n'
    )
