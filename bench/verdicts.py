"""Verdicts on broken and on healthy environments: ours against `pip check` and `uv pip check`.

Each case is built in a fresh virtualenv and its own probe tells the truth; then every judge speaks through
its exit code. `verdicts.toml` holds a few; ENVSPEC_CORPUS names a JSON file with more of the same shape.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence

import uv

from bench.measured import PERCENT, Measured, Side, Size, Skipped, Unit
from envspec.system import process

CASES = pathlib.Path(__file__).with_name("verdicts.toml")
CORPUS = "ENVSPEC_CORPUS"
"""Variable that names a file of cases."""
ALARMS = Unit(symbol="environments", digits=0)
JUDGES = ("envspec verify", "envspec check", "pip check", "uv pip check")
PATIENCE = 900.0
"""Seconds for one command."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One environment to be made."""

    id: str
    install: tuple[tuple[str, ...], ...]
    """Words for the installer, one list a step; `@uninstall` begins one that takes away."""
    probe: str
    """Python that fails where the environment is broken."""
    python: str = ""
    """Version; this interpreter's where none is given."""
    post: tuple[str, ...] = ()
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def declared(self) -> bool:
        """Whether a spec can say it, so that it can be judged without being installed."""
        words = [word for step in self.install for word in step]
        return not self.post and not self.env and not any(word.startswith(("-", "@")) for word in words)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What is true of one environment, and who said it was broken."""

    case: Case
    broken: bool
    alarmed: Mapping[str, bool]
    """By judge; a judge that said nothing is left out."""


def measurements(size: Size) -> Iterator[Measured | Skipped]:
    """Share of broken environments found, and healthy ones refused."""
    file = pathlib.Path(os.environ.get(CORPUS) or CASES)
    cases = read(CASES if size.quick else file)
    outcomes = [found for case in cases if (found := _outcome(case)) is not None]
    if len(outcomes) < len(cases):
        yield Skipped(name=f"{len(cases) - len(outcomes)} cases", why="they could not be installed here")
    yield from scores(outcomes)


def read(file: pathlib.Path) -> tuple[Case, ...]:
    """The cases of a TOML or JSON file; those that are about a failing installation are left out."""
    text = file.read_text("utf-8")
    rows = tomllib.loads(text)["case"] if file.suffix == ".toml" else json.loads(text)
    return tuple(
        Case(
            id=row["id"],
            install=tuple(tuple(step) for step in row["install"]),
            probe=row["probe"],
            python=row.get("python", ""),
            post=tuple(row.get("post", ())),
            env=dict(row.get("env", {})),
        )
        for row in rows
        if row.get("phase") != "install"
    )


def scores(outcomes: Sequence[Outcome]) -> Iterator[Measured]:
    """Each judge over the cases on which it said something."""
    broken = [each for each in outcomes if each.broken]
    healthy = [each for each in outcomes if not each.broken]
    for name, unit, group, goal in (
        ("broken environments found", PERCENT, broken, 97.0),
        ("healthy environments refused", ALARMS, healthy, 0.0),
    ):
        sides = []
        for judge in JUDGES:
            said = [each.alarmed[judge] for each in group if judge in each.alarmed]
            if said:
                value = 100 * sum(said) / len(said) if unit is PERCENT else float(sum(said))
                sides.append(Side(name=judge, values=(value,), note=f"of {len(said)}"))
        if sides:
            yield Measured(name=name, unit=unit, sides=tuple(sides), goal=goal)


def _outcome(case: Case) -> Outcome | None:
    """Make one environment and ask everybody; None where it cannot be made."""
    with tempfile.TemporaryDirectory(prefix="verdicts-") as name:
        folder = pathlib.Path(name)
        python = _made(case, folder)
        if python is None:
            return None
        env = {**_variables(), **{key: _filled(value, python) for key, value in case.env.items()}}
        tool = pathlib.Path(sys.executable).parent / "envspec"
        judges = {
            "envspec verify": [str(tool), "verify", "--quiet", "--python", str(python)],
            "pip check": [sys.executable, "-m", "pip", "--python", str(python), "check"],
            "uv pip check": [uv.find_uv_bin(), "pip", "check", "-q", "-p", str(python)],
        }
        if case.declared:
            (folder / "envspec.toml").write_text(spec(case), "utf-8")
            judges["envspec check"] = [str(tool), "check", "--quiet", str(folder / "envspec.toml")]
        cwd = folder / "cwd"
        cwd.mkdir()
        truth = process.run_process([python, "-c", case.probe], env=env, cwd=cwd, timeout=PATIENCE)
        codes = {
            judge: process.run_process(words, env=env, cwd=cwd, timeout=PATIENCE).code
            for judge, words in judges.items()
        }
    found = {judge: code == 1 for judge, code in codes.items() if code in (0, 1)}
    print(f"  {case.id}: {'works' if truth.ok else 'broken'}; refused by {_named(found)}", flush=True)
    return Outcome(case=case, broken=not truth.ok, alarmed=found)


def _named(found: Mapping[str, bool]) -> str:
    return ", ".join(judge for judge, alarmed in found.items() if alarmed) or "nobody"


def _made(case: Case, folder: pathlib.Path) -> pathlib.Path | None:
    """The interpreter of a virtualenv as the case describes it."""
    venv, env = folder / "venv", {**_variables(), "UV_LINK_MODE": "copy"}
    python = venv / "bin" / "python"
    steps = [["venv", "-q", "--no-project", "-p", case.python or sys.executable, str(venv)]]
    for words in case.install:
        what = ["uninstall", *words[1:]] if words[0] == "@uninstall" else ["install", *words]
        steps.append(["pip", what[0], "-q", "-p", str(python), *(_filled(word, python) for word in what[1:])])
    for step in steps:
        if not process.run_process([uv.find_uv_bin(), *step], env=env, timeout=PATIENCE).ok:
            return None
    for text in case.post:
        process.run_process(["sh", "-c", _filled(text, python)], env=env, timeout=PATIENCE)
    return python


def _filled(text: str, python: pathlib.Path) -> str:
    """$SP, $PY and $V as cases write them."""
    venv = python.parent.parent
    site = next(venv.glob("lib/python3*/site-packages"), venv)
    return text.replace("$SP", str(site)).replace("$PY", str(python)).replace("$V", str(venv))


def _variables() -> dict[str, str]:
    """This process's variables without those that name another environment."""
    return {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}


def spec(case: Case) -> str:
    """The case as a spec: one stage a step."""
    python = case.python or f"{sys.version_info[0]}.{sys.version_info[1]}"
    lines = [f"name = {json.dumps(case.id)}", f"python = {json.dumps(python)}", "", "[base]", "host = true"]
    for number, step in enumerate(case.install, 1):
        lines += ["", "[[stage]]", f'name = "step-{number}"', f"install = {json.dumps(list(step))}"]
    return "\n".join(lines) + "\n"
