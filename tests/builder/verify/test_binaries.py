"""What compiled modules ask of processors and interpreters, on modules that the tests compile."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from builder.inside.probe import startup
from builder.judge import judge_subject
from builder.judge.facts import Distribution, Facts
from builder.judge.rules import binaries
from envspec.system.finding import Severity

from .compiling import compiled
from .environments import Environment, errors


def install(environment: Environment, data: bytes, *, tag: str = "py3-none-any") -> None:
    environment.install("good", {"good/__init__.py": "import os\n", "good/_fast.abi3.so": data}, tag=tag)


@pytest.mark.parametrize(("here", "severity"), [(3, Severity.ERROR), (4, Severity.INFO), (0, Severity.INFO)])
def test_a_module_for_newer_processors_is_an_error_where_this_one_is_older(
    tmp_path: pathlib.Path, here: int, severity: Severity
) -> None:
    compiled(tmp_path, "-Wl,-z,x86-64-v4")
    dist = Distribution(
        name="good", version="1.0", folder="/", entry="good-1.0.dist-info", roots=("good",),
        extensions=("good._fast",), extension_files=("_fast.so",), requires=(), optional=(),
        requires_python="", tags=(), requested=True, listed=True, metadata=True, stem_version="1.0",
        summary="", editable=False,
    )  # fmt: skip
    python: Any = {"cpu_level": here}
    nothing: Any = {}
    facts = Facts(python=python, distributions=(dist,), imports=(), raw=nothing)
    found = list(binaries.judge_binaries(facts, tmp_path))
    assert [(each.rule, each.severity) for each in found] == [("EV228", severity)]
    assert "x86-64-v4" in found[0].message


def test_an_unknown_instruction_is_named_as_such(environment: Environment, tmp_path: pathlib.Path) -> None:
    install(environment, compiled(tmp_path, body="__builtin_trap();"))
    assert "SIGILL" in errors(judge_subject(environment.target))["EV228:good._fast"]


@pytest.mark.parametrize(
    ("body", "tag", "said"),
    [
        ("_PyUnicode_Ready(Py_None);", "cp39-abi3-any", "_PyUnicode_Ready, which the stable ABI lacks"),
        ("PyType_GetName((void *)&PyType_Type);", "cp39-abi3-any", "PyType_GetName, which came later"),
        ("PyType_GetName((void *)&PyType_Type);", "cp311-abi3-any", ""),
        ("PyList_New(0);", "cp39-abi3-any", ""),
    ],
)  # fmt: skip
def test_an_abi3_module_is_held_to_its_claim(
    environment: Environment, tmp_path: pathlib.Path, body: str, tag: str, said: str
) -> None:
    data = compiled(tmp_path, declarations="volatile int never;", body=f"if (never) {body}")
    install(environment, data, tag=tag)
    messages = [each.message for each in judge_subject(environment.target).findings if each.rule == "EV227"]
    assert [message.endswith(said) for message in messages] == ([True] if said else [])


def test_the_table_of_the_stable_abi_holds_what_every_module_uses() -> None:
    known = binaries.stable_abi()
    assert known["PyModule_Create2"] == (3, 2)
    assert known["_Py_NoneStruct"] == (3, 2)
    assert known["PyType_GetName"] == (3, 11)
    assert "_PyUnicode_Ready" not in known


@pytest.mark.parametrize(
    ("flags", "level"),
    [("fpu sse2", 1), ("cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3", 2), ("avx2 avx512f", 1), ("", 1)],
)
def test_the_level_of_a_processor(tmp_path: pathlib.Path, flags: str, level: int) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")
    assert startup.cpu_level(str(tmp_path / "cpuinfo")) == level
    assert startup.cpu_level(str(tmp_path / "absent")) == 0
