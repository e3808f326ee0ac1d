"""The modules of wheels as Python compiles them: made once for each wheel and Python, and kept as its facts.

What a module compiles to depends on its text, its path in the environment and the Python, so it is the same
for every image and every virtual environment that has the wheel. Only what is loaded is made: see
`builder/inside/entrypoint/compile.py`, which is run where the Python is, in a folder with the wheels.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import pathlib
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence

from builder.inside.entrypoint import compile as compiling
from builder.inside.entrypoint.packed import FORM
from builder.values.copying import link_or_copy
from builder.values.stages import PlannedWheel
from envspec.lockfile.lock import File
from envspec.supply.facts import FactStore
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home
from envspec.system.pattern import expression
from envspec.system.scratch import scratch_folder

JOB = "job.json"
"""File that tells the program what is to be compiled, beside the wheels."""

ASK = "import sys; print(sys.implementation.cache_tag, f'{sys.hexversion:x}')"
"""Python that tells what `Python.told` reads."""

_DATA = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")

Run = Callable[[pathlib.Path, pathlib.Path], None]
"""Runs the program on the job in a folder; the other one is its OUT, on this machine."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Python:
    """A release of a Python, as far as what it compiles to depends on it."""

    tag: str
    """What its compiled files are called by, such as `cpython-311`."""
    release: str
    """All of its version, in hexadecimal."""

    @classmethod
    def told(cls, line: str) -> Python:
        """What a Python said to `ASK`. Raises `ValueError` for anything else."""
        tag, release = line.split()
        if not re.fullmatch(r"[a-z0-9-]+", tag) or not re.fullmatch(r"[0-9a-f]+", release):
            raise ValueError(line)
        return cls(tag=tag, release=release)

    @property
    def key(self) -> str:
        """Its part of the names of facts."""
        return f"{self.tag}-{self.release}"

    def beside(self, path: str) -> str:
        """Where the compiled module of a source stands."""
        folder, slash, name = path.rpartition("/")
        return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.{self.tag}.pyc"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StageModules:
    """What of one stage is loaded."""

    wheels: tuple[PlannedWheel, ...]
    trim: tuple[str, ...]
    modules: tuple[str, ...]
    """Dotted names of those that are imported."""


class WheelCompiler:
    """Compiles what is loaded of wheels, for environments whose site-packages is `site`."""

    def __init__(
        self, python: Python, site: str, store: Wheelhouse, run: Run, *, folder: pathlib.Path | None = None
    ) -> None:
        """`folder` is where its scratch stands; left out, where all temporary files do."""
        self._python = python
        self._site = site
        self._store = store
        self._run = run
        self._folder = folder
        self._facts = FactStore(tool_home() / "facts")
        self._known: dict[str, Mapping[str, Sequence[str]]] = {}

    def stages(self, stages: Sequence[StageModules]) -> tuple[Mapping[str, bytes], ...]:
        """For each stage the compiled files that what it loads adds, by their sources' paths in `site`.

        Raises what running the program raises, and `OutsideError` where a wheel is not in the store.
        """
        found = self._reached(stages)
        if any(path not in self._imports(wheel) for paths in found for path, wheel in paths.items()):
            self._make(stages)
            found = self._reached(stages)
        done: set[str] = set()
        added = []
        for paths in found:
            added.append(self._contents({path: paths[path] for path in sorted(paths.keys() - done)}))
            done |= paths.keys()
        return tuple(added)

    def _reached(self, stages: Sequence[StageModules]) -> list[dict[str, str]]:
        """For each stage what it loads, as far as imports are known: paths, and the wheels they are of."""
        there: dict[str, str] = {}
        found = []

        def find(name: str) -> str | None:
            return next(filter(there.__contains__, compiling.candidates(name)), None)

        def imported(path: str, _: str) -> Iterable[str]:
            return self._imports(there[path]).get(path, ())

        for stage in stages:
            for wheel in stage.wheels:
                there |= dict.fromkeys(self._members(stage, wheel), wheel.sha256)
            paths = compiling.reach(stage.modules, find, imported)
            found.append({path: there[path] for path in paths})
        return found

    def _members(self, stage: StageModules, wheel: PlannedWheel) -> dict[str, str]:
        """The members of a wheel that are modules and stay in, by their paths in `site`."""
        left_out = re.compile(expression(stage.trim)).fullmatch
        return {
            path: member
            for path, (member, _) in module_files(wheel, self._store).items()
            if not (stage.trim and left_out(path))
        }

    def _imports(self, sha256: str) -> Mapping[str, Sequence[str]]:
        """What the modules of a wheel import that were compiled, by path."""
        if sha256 not in self._known:
            self._known[sha256] = self._facts.get(sha256, f"imports-{self._python.key}", FORM) or {}
        return self._known[sha256]

    def _contents(self, wheels: Mapping[str, str]) -> dict[str, bytes]:
        """The compiled files of sources, each of which is in a wheel; none where one does not compile."""
        kept = {
            sha256: self._facts.get(sha256, f"compiled-{self._python.key}", FORM) or {}
            for sha256 in set(wheels.values())
        }
        found = {path: kept[sha256].get(path, "") for path, sha256 in wheels.items()}
        return {path: base64.b64decode(text) for path, text in found.items() if text}

    def _make(self, stages: Sequence[StageModules]) -> None:
        """Compile what is loaded and not known, and keep it."""
        wheels = {wheel.sha256: wheel for stage in stages for wheel in stage.wheels}
        self._store.require(wheels.values())
        with scratch_folder("compiling", self._folder) as folder:
            below, out = folder / "job", folder / "out"
            below.mkdir()
            out.mkdir()
            for sha256, wheel in wheels.items():
                link_or_copy(self._store.path(wheel), below / sha256)
            members = {
                wheel.sha256: self._members(stage, wheel) for stage in stages for wheel in stage.wheels
            }
            job = {
                "wheels": members,
                "site": self._site,
                "modules": sorted({name for stage in stages for name in stage.modules}),
                "known": {path: names for sha256 in wheels for path, names in self._imports(sha256).items()},
            }
            (below / JOB).write_text(json.dumps(job), encoding="utf-8")
            self._run(below, out)
            made = json.loads((out / compiling.MADE).read_bytes())
        for sha256, held in members.items():
            if new := {path: made[path] for path in held.keys() & made.keys()}:
                self._keep(sha256, new)

    def _keep(self, sha256: str, made: Mapping[str, tuple[list[str], str]]) -> None:
        """Keep what was made of a wheel beside what was made before: other services load other modules."""
        for reader, each in (("imports", 0), ("compiled", 1)):
            name = f"{reader}-{self._python.key}"
            before = self._facts.get(sha256, name, FORM) or {}
            self._facts.put(sha256, name, FORM, before | {path: new[each] for path, new in made.items()})
        self._known.pop(sha256, None)


def checked(compiled: bytes) -> bytes:
    """A compiled file that Python holds against its source whenever it loads it. Source: PEP 552."""
    return compiled[:4] + b"\3" + compiled[5:]


def module_files(wheel: File, store: Wheelhouse) -> Mapping[str, tuple[str, int]]:
    """The modules of a wheel: by their paths below site-packages the members that they are, and their sizes.

    Raises `zipfile.BadZipFile`.
    """
    read = functools.partial(_module_files, store.path(wheel))
    found: Mapping[str, tuple[str, int]] = FactStore(tool_home() / "facts").cached(
        wheel.sha256, "modules", 1, read
    )
    return found


def _module_files(wheel: pathlib.Path) -> dict[str, tuple[str, int]]:
    with zipfile.ZipFile(wheel) as archive:
        members = [(info.filename, info.file_size) for info in archive.infolist()]
    places = [(_DATA.sub("", name, count=1), name, size) for name, size in members if name.endswith(".py")]
    return {path: (name, size) for path, name, size in places if ".data/" not in path}
