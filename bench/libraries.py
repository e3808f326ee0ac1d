"""Libraries of the base: what `envspec check` says of wheels before the build, beside an import in the base.

The wheels stand in `libraries.toml`. Each is tried on a bare Debian base, and on one with what our hints add.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from typing import TypedDict

from packaging.utils import canonicalize_name

import envspec
from bench.measured import Measured, Side, Size, Skipped, Unit
from builder.backends.oci.run import run_in_layers
from builder.flow.base import base_layers, read_base
from builder.flow.project import Project
from builder.oci.store.blobs import Blobs
from builder.oci.store.tree import unpack_layers
from envspec.lockfile.lock import Lock
from envspec.proof.abi.libraries import packages_brought
from envspec.proof.prove import prove_lock
from envspec.spec import load
from envspec.supply import uv
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system import process
from envspec.system.errors import EnvspecError
from envspec.system.finding import Finding, Severity, must_fix
from envspec.system.home import tool_home
from envspec.system.process import Words
from envspec.system.progress import SILENT

WHEELS = pathlib.Path(__file__).with_name("libraries.toml")
SUITES: Mapping[str, str] = {"bookworm": "3.11", "trixie": "3.13"}
"""The Python of each Debian release."""
QUICK = ("lightgbm",)
CELLS = Unit(symbol="cells", digits=0)
PATIENCE = 300.0
"""Seconds for an installation, and for an import."""

WantedWheel = TypedDict("WantedWheel", {"import": str, "apt": list[str]}, total=False)
"""A wheel as the file describes it: a module that must import, and packages that no file of it names."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One wheel on one base."""

    name: str
    alarms: tuple[Finding, ...]
    """Why `envspec check` refuses it; empty when it does not."""
    warnings: tuple[Finding, ...]
    fault: str
    """Why it does not import there in truth; empty when it does."""

    @property
    def right(self) -> bool:
        """Whether what is said before the build is true."""
        return bool(self.alarms) == bool(self.fault)

    @property
    def line(self) -> str:
        """For people."""
        truth = f"fails: {self.fault}" if self.fault else "imports"
        said = "".join(f"\n    {one.rule} {one.message}"[:240] for one in (*self.alarms, *self.warnings))
        return f"{'right' if self.right else 'WRONG'} {self.name}: {truth[:160]}{said}"


def wheels() -> Mapping[str, WantedWheel]:
    """What is tried, by the name of its package."""
    return tomllib.loads(WHEELS.read_text(encoding="utf-8"))


def measurements(size: Size) -> Iterator[Measured | Skipped]:
    """In how many cells what is said before the build is not the truth."""
    cells: list[Cell] = []
    for name in QUICK if size.quick else wheels():
        for suite in SUITES:
            try:
                for cell in tried(name, suite):
                    print(cell.line, flush=True)
                    cells.append(cell)
            except EnvspecError as error:
                yield Skipped(name=f"{name} on {suite}", why=error.message)
    sides = (Side(name="envspec check", values=(float(sum(not cell.right for cell in cells)),)),)
    yield Measured(name=f"wrong of {len(cells)} wheels on bases", unit=CELLS, sides=sides, goal=0.0)


def tried(name: str, suite: str) -> Iterator[Cell]:
    """A wheel on the bare base, and on the one with the packages that hints and file name.

    Raises `EnvspecError`.
    """
    apt: tuple[str, ...] = ()
    cell = _cell(name, suite, apt)
    yield cell
    for _ in range(3):
        found = (*cell.alarms, *cell.warnings)
        more = {package for one in found for package in packages_brought(one.hint)} - {*apt}
        if not apt:
            more |= {*wheels()[name].get("apt", ())}
        if not more:
            return
        apt = (*apt, *sorted(more))
        cell = _cell(name, suite, apt)
        yield cell


def _cell(name: str, suite: str, apt: tuple[str, ...]) -> Cell:
    spec = load.parse_spec(
        f'name = "one"\npython = "{SUITES[suite]}"\n[base]\ndebian = "{suite}"\napt = {json.dumps(apt)}\n'
        f'[[stage]]\nname = "all"\ninstall = ["{name}"]\n[smoke]\nimports = ["{wheels()[name]["import"]}"]\n'
    )
    with tempfile.TemporaryDirectory(prefix="envspec-libraries-") as folder:
        place = pathlib.Path(folder)
        project = Project(file=place / "envspec.toml", spec=spec)
        held = envspec.lock(spec)
        base = read_base(project, held, SILENT)
        assert base.root is not None, base.why
        found = prove_lock(spec, held, project.sources(), project.store, base=lambda: base)
        (root,) = unpack_layers(base_layers(project, held, SILENT), [], Blobs(tool_home() / "oci"))
        try:
            fault = _imported(held, wheels()[name]["import"], root, place)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    version = held.pins[canonicalize_name(name)]
    return Cell(
        name=f"{name} {version} on {suite} with {' '.join(apt) or 'nothing'}",
        alarms=tuple(one for one in found if one.severity is Severity.ERROR) if must_fix(found) else (),
        warnings=tuple(one for one in found if one.rule == "EV130"),
        fault=fault,
    )


def _imported(held: Lock, module: str, base: pathlib.Path, place: pathlib.Path) -> str:
    """Why a module does not import in the base; empty when it does."""
    site = place / "layer" / "opt" / "site"
    store = Wheelhouse(tool_home() / "wheelhouse")
    words: Words = [uv.uv_program(), "pip", "install", "--no-config", "--no-deps", "--offline"]
    glibc = min(held.glibc or (2, 17), (2, 40))  # the newest that uv knows
    words += ["--target", site, "--python-version", held.python]
    words += ["--python-platform", f"x86_64-manylinux_{glibc[0]}_{glibc[1]}"]
    words += [store.path(one.installed) for one in held.artifact]
    process.run_process(words, check=True, timeout=PATIENCE)
    done = run_in_layers(
        [base, place / "layer"],
        [f"/usr/bin/python{held.python}", "-W", "ignore", "-c", f"import {module}"],
        user=1000,
        folder="/tmp",
        env={"PYTHONPATH": "/opt/site", "HOME": "/tmp", "PATH": "/usr/bin"},
        hint="",
        timeout=PATIENCE,
    )
    return "" if done.ok else (done.tail or f"ends with {done.code}").splitlines()[-1]
