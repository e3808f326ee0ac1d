"""False alarms: healthy sets of popular packages, judged before they are built, then built and imported.

The sets stand in `healthy.toml`. A set counts when all its imports succeed; what `uv pip check` says of the
built environment stands beside our judgement.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

import envspec
from bench.measured import Measured, Side, Size, Skipped, Unit
from builder.backends.virtualenv import VirtualenvBackend
from builder.values.environment import Environment
from builder.values.plan import make_plan
from envspec.source.fetch import fetch_locked
from envspec.spec import load
from envspec.supply import uv
from envspec.supply.pip_settings import ask_pip
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system import process
from envspec.system.errors import EnvspecError
from envspec.system.finding import Finding, Severity, must_fix
from envspec.system.home import tool_home
from envspec.system.progress import SILENT

SETS = pathlib.Path(__file__).with_name("healthy.toml")
QUICK = ("old-style", "flask-2", "secure-shell")
"""Small ones, old and new, with and without compiled modules: what CI tries."""
ALARMS = Unit(symbol="sets", digits=0)
PATIENCE = 300.0
"""Seconds for the imports of one set."""


HealthySet = TypedDict(
    "HealthySet", {"python": str, "as-of": str, "install": Sequence[str], "imports": Sequence[str]}
)
"""A set of packages as the file of sets describes it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One set, judged and tried."""

    name: str
    alarms: tuple[Finding, ...]
    """Certain findings: errors that stop a build."""
    fault: str
    """Why it does not import in truth; empty when it does."""
    consistent: bool
    """What `uv pip check` says of the built environment."""
    packages: int
    seconds: Mapping[str, float]
    """By step: `lock`, `prove`, `build`, `import`."""

    @property
    def line(self) -> str:
        """For people."""
        state = f"does not import: {self.fault}" if self.fault else "imports"
        took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in self.seconds.items())
        said = "".join(f"\n    {found.rule} {found.message}" for found in self.alarms)
        return f"{self.name:18} {self.packages:4} packages, {state}; {len(self.alarms)} alarms; {took}{said}"


def sets() -> Mapping[str, HealthySet]:
    """Every set by name."""
    return tomllib.loads(SETS.read_text(encoding="utf-8"))


def measurements(size: Size) -> Iterator[Measured | Skipped]:
    """How many of the sets that import are refused: by `envspec check`, and by `uv pip check`."""
    healthy: list[Outcome] = []
    for name in QUICK if size.quick else sets():
        try:
            outcome = tried(name)
        except EnvspecError as error:
            yield Skipped(name=name, why=error.message)
            continue
        print(outcome.line, flush=True)
        if outcome.fault:
            yield Skipped(name=name, why=f"it does not import here: {outcome.fault}")
        else:
            healthy.append(outcome)
    ours = float(sum(bool(outcome.alarms) for outcome in healthy))
    theirs = float(sum(not outcome.consistent for outcome in healthy))
    sides = (Side(name="envspec check", values=(ours,)), Side(name="uv pip check", values=(theirs,)))
    yield Measured(name=f"false alarms on {len(healthy)} healthy sets", unit=ALARMS, sides=sides, goal=0.0)


def tried(name: str) -> Outcome:
    """Lock, prove, build, import and throw away one set. Raises `EnvspecError`."""
    wanted = sets()[name]
    spec = load.parse_spec(_text(name, wanted), name=name)
    store = Wheelhouse(tool_home() / "wheelhouse")
    seconds: dict[str, float] = {}
    began = time.monotonic()

    def step(what: str) -> None:
        seconds[what] = time.monotonic() - began - sum(seconds.values())

    held = envspec.lock(spec)
    step("lock")
    fetch_locked(held, Sources(spec, ask_pip()), store)
    step("fetch")
    found = (*envspec.lint(spec), *envspec.prove(spec, held))
    step("prove")
    with tempfile.TemporaryDirectory(prefix="envspec-healthy-") as folder:
        backend = VirtualenvBackend()
        environment = backend.build(make_plan(spec, held), pathlib.Path(folder), store, SILENT)
        step("build")
        try:
            fault = _imported(backend, environment, wanted["imports"], pathlib.Path(folder))
            step("import")
            consistent = _consistent(environment)
        finally:
            shutil.rmtree(environment.reference, ignore_errors=True)
    return Outcome(
        name=name,
        alarms=tuple(one for one in found if one.severity is Severity.ERROR) if must_fix(found) else (),
        fault=fault,
        consistent=consistent,
        packages=len(held.artifact),
        seconds=seconds,
    )


def _text(name: str, wanted: HealthySet) -> str:
    return (
        f'name = "{name}"\npython = "{wanted["python"]}"\nas-of = {wanted["as-of"]}\n\n'
        f'[base]\nhost = true\n\n[[stage]]\nname = "all"\ninstall = {json.dumps(wanted["install"])}\n'
    )


def _imported(
    backend: VirtualenvBackend, environment: Environment, modules: Sequence[str], folder: pathlib.Path
) -> str:
    """What the first import that fails says; empty when all succeed, each in a process of its own."""
    for module in modules:
        words = [environment.python, "-W", "ignore", "-c", f"import {module}"]
        done = backend.run(environment, words, env={"HOME": str(folder)}, timeout=PATIENCE)
        if not done.ok:
            return f"{module}: {(done.tail or 'no answer').splitlines()[-1]}"
    return ""


def _consistent(environment: Environment) -> bool:
    words = [uv.uv_program(), "pip", "check", "--no-config", "--python", environment.python]
    return process.run_process(words, timeout=120).ok
