"""What can be judged of facts without any environment."""

from __future__ import annotations

from typing import Any

import pytest

from builder.judge.facts import Facts
from builder.judge.rules import wheels
from builder.judge.smoke import without_ignored
from builder.report.families import OTHER, family_of
from envspec.spec.model import Smoke
from envspec.system.finding import Finding, Severity
from envspec.system.rules import RULES


def test_reports_have_a_family_for_every_rule() -> None:
    assert [rule for rule in RULES if family_of(rule) is OTHER] == []


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("EV203", False),
        ("EV203:numba.np.ufunc.tbbpool", False),
        ("EV203:tbbpool", False),
        ("EV203:tbb*", False),
        ("EV203:numba", False),
        ("EV203:other", True),
        ("EV204:tbbpool", True),
    ],
)
def test_findings_are_ignored_by_rule_and_part_of_the_place(pattern: str, kept: bool) -> None:
    finding = Finding(rule="EV203", severity=Severity.WARNING, message="m", where="numba.np.ufunc.tbbpool")
    assert bool(without_ignored([finding], Smoke(ignore=(pattern,)))) is kept


def facts(
    version: str = "3.11.7", libc: str = "glibc 2.36", machine: str = "x86_64", *, threads: bool = False
) -> Facts:
    markers = {
        "python_version": ".".join(version.split(".")[:2]),
        "implementation_name": "cpython",
        "platform_machine": machine,
        "sys_platform": "linux",
    }
    python: Any = {"version": version, "libc": libc, "markers": markers, "free_threaded": threads}
    nothing: Any = {}
    return Facts(python=python, distributions=(), imports=(), raw=nothing)


@pytest.mark.parametrize(
    ("tag", "suits"),
    [
        ("py3-none-any", True),
        ("py2-none-any", False),
        ("py312-none-any", False),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp311-cp311-manylinux_2_17_aarch64", False),
        ("cp310-cp310-manylinux1_x86_64", False),
        ("cp36-abi3-manylinux1_x86_64", True),
        ("cp312-abi3-manylinux1_x86_64", False),
        ("cp311-none-linux_x86_64", True),
        ("pp310-pypy310_pp73-manylinux1_x86_64", False),
        ("cp311-cp311-musllinux_1_1_x86_64", False),
        ("cp311-cp311-macosx_11_0_arm64", False),
        ("cp311-cp311-win_amd64", False),
    ],
)
def test_tags_are_held_against_python_and_platform(tag: str, suits: bool) -> None:
    assert wheels.suits(tag, facts()) is suits


@pytest.mark.parametrize(
    ("libc", "tag", "suits"),
    [
        ("", "cp311-cp311-musllinux_1_1_x86_64", True),
        ("musl", "cp311-cp311-musllinux_1_1_x86_64", True),
        ("musl 1.2.5", "cp311-cp311-linux_x86_64", True),
        ("musl", "cp311-cp311-manylinux_2_17_x86_64", False),
    ],
)
def test_wheels_suit_the_c_library(libc: str, tag: str, suits: bool) -> None:
    assert wheels.suits(tag, facts(libc=libc)) is suits


@pytest.mark.parametrize(
    ("tag", "suits"),
    [
        ("cp315-cp315t-linux_x86_64", True),
        ("cp315-cp315-linux_x86_64", False),
        ("cp314-cp314t-linux_x86_64", False),
        ("cp38-abi3-linux_x86_64", False),
        ("cp315-abi3t-linux_x86_64", True),
        ("py3-none-any", True),
    ],
)
def test_a_free_threaded_build_has_wheels_of_its_own(tag: str, suits: bool) -> None:
    assert wheels.suits(tag, facts("3.15.0", threads=True)) is suits


def test_what_is_built_for_free_threads_suits_no_other_build() -> None:
    assert not wheels.suits("cp314-cp314t-linux_x86_64", facts("3.14.0"))
