"""Sets for machines with cards: what is said before anything is installed, beside what a solver alone says.

They stand in `gpu.toml`, broken and healthy ones, each with the rules that name its fault.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

import envspec
from bench.measured import Measured, Side, Size, Skipped, Unit
from envspec.spec import load

SETS = pathlib.Path(__file__).with_name("gpu.toml")
QUICK = ("xgb-470", "xgb", "ct2-alone", "ct2-libs", "ct2-nopath")
WRONG = Unit(symbol="sets", digits=0)


class GpuSet(TypedDict, total=False):
    """A set as the file describes it."""

    python: str
    machine: str
    install: Sequence[str]
    gpu: Sequence[str]
    driver: str
    path: str
    """LD_LIBRARY_PATH of the environment."""
    rules: Sequence[str]
    """Those that name its fault; without any it is healthy."""
    why: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What was said of one set."""

    name: str
    expected: frozenset[str]
    errors: Mapping[str, str]
    """Rule to the first message."""
    solved: bool
    """Whether a solver found all of it together."""

    @property
    def right(self) -> bool:
        """Whether a healthy set passes, and a broken one is refused by what names its fault."""
        return bool(self.expected & self.errors.keys()) if self.expected else not self.errors

    @property
    def line(self) -> str:
        """For people."""
        said = "".join(f"\n    {rule} {message}"[:240] for rule, message in self.errors.items())
        return f"{'right' if self.right else 'WRONG'} {self.name}{said or ' passes'}"


def sets() -> Mapping[str, GpuSet]:
    """All sets by name."""
    return tomllib.loads(SETS.read_text(encoding="utf-8"))


def measurements(size: Size) -> Iterator[Measured | Skipped]:
    """In how many sets the verdict is wrong, or has another cause."""
    known, verdicts = sets(), list[Verdict]()
    for name in QUICK if size.quick else known:
        try:
            verdicts.append(judged(name, known[name]))
        except envspec.OutsideError as error:
            yield Skipped(name=name, why=error.message)
        else:
            print(verdicts[-1].line, flush=True)
    if not verdicts:
        return
    alone = sum(verdict.solved == bool(verdict.expected) for verdict in verdicts)
    sides = (
        Side(name="envspec check", values=(float(sum(not verdict.right for verdict in verdicts)),)),
        Side(name="a solver alone", values=(float(alone),)),
    )
    yield Measured(name=f"wrong of {len(verdicts)} sets for cards", unit=WRONG, sides=sides, goal=0.0)


def judged(name: str, wanted: GpuSet) -> Verdict:
    """The verdict on a set before anything is installed. Raises `OutsideError`."""
    expected = frozenset(wanted.get("rules", ()))
    spec = load.parse_spec(spec_text(name, wanted))
    try:
        lock = envspec.lock(spec)
    except envspec.FindingsError as error:
        errors = {found.rule: found.message for found in error.findings}
        return Verdict(name=name, expected=expected, errors=errors, solved=False)
    found = [each for each in envspec.prove(spec, lock) if each.severity is envspec.Severity.ERROR]
    errors = {each.rule: each.message for each in reversed(found)}
    return Verdict(name=name, expected=expected, errors=errors, solved=True)


def spec_text(name: str, wanted: GpuSet) -> str:
    """A set as a spec."""
    lines = [f'name = "{name}"', f'python = "{wanted.get("python", "3.12")}"']
    lines += [f'machine = "{wanted.get("machine", "x86_64")}"', "[target]"]
    lines += [f"gpu = {json.dumps(wanted['gpu'])}", f'driver = "{wanted["driver"]}"']
    if path := wanted.get("path"):
        lines += ["[env]", f'LD_LIBRARY_PATH = "{path}"']
    lines += ["[[stage]]", 'name = "all"', f"install = {json.dumps(wanted['install'])}"]
    return "\n".join(lines) + "\n"
