"""The target: which wheels run there, and which requirements count."""

import pytest
from packaging.markers import Marker

from envspec.spec.load import parse_spec
from envspec.spec.target import OLDEST_SUPPORTED, Target, host_glibc, target_of
from tests.support.specs import spec, spec_text, stage

HERE = Target(python="3.11", machine="x86_64", glibc=(2, 36))
NUMPY = stage("numeric", "numpy==1.23.5")


def base(line: str) -> Target:
    return target_of(spec(NUMPY, tail=f"[base]\n{line}\n"))


@pytest.mark.parametrize(
    ("line", "glibc"),
    [
        ('image = "python:3.11-slim-bookworm"', (2, 36)),
        ('image = "host.example:5000/python:3.11-bullseye@sha256:' + "0" * 64 + '"', (2, 31)),
        ('image = "python:3.12-slim"', (2, 41)),
        ('image = "docker.io/library/python:3.11.9"', (2, 36)),
        ('image = "mirror.example/library/python:3.10.4-slim"', (2, 31)),
        ('image = "python:3.12-slim@sha256:' + "0" * 64 + '"', (2, 36)),
        ('image = "mirror.example/python:3.12-slim"', OLDEST_SUPPORTED),
        ('image = "ubuntu:24.04"', (2, 39)),
        ('debian = "trixie"', (2, 41)),
        ('debian = "forky"', (2, 43)),
        ('image = "mine"', OLDEST_SUPPORTED),
        ('image = "python:3.11-alpine"\nlibc = "glibc"', OLDEST_SUPPORTED),
        ("host = true", host_glibc()),
    ],
)
def test_the_base_tells_the_c_library(line: str, glibc: tuple[int, int]) -> None:
    assert base(line).glibc == glibc


@pytest.mark.parametrize(
    "line",
    [
        'image = "alpine:3.20"',
        'image = "python:3.12-alpine"',
        'image = "host.example:5000/x/python:3.12-alpine3.20"',
        'image = "mine"\nlibc = "musl"',
    ],
)
def test_the_base_tells_that_it_stands_on_musl(line: str) -> None:
    found = base(line)
    assert (found.glibc, found.musl, found.platform) == (None, (1, 2), "musllinux_1_2_x86_64")
    assert found.libc == "musl 1.2"


def test_what_the_base_was_seen_to_have_counts_over_its_name() -> None:
    made = spec(NUMPY, tail='[base]\nimage = "python:3.11-slim-bookworm"\n')
    assert target_of(made, "musl").musl == (1, 2)
    assert target_of(spec(NUMPY, tail='[base]\nimage = "alpine"\n'), "glibc").glibc == OLDEST_SUPPORTED


@pytest.mark.parametrize(
    ("python", "name", "runs"),
    [
        ("3.14", "a-1-cp314-cp314-manylinux_2_17_x86_64.whl", True),
        ("3.14", "a-1-cp314-cp314t-manylinux_2_17_x86_64.whl", False),
        ("3.14", "a-1-cp38-abi3-manylinux_2_17_x86_64.whl", True),
        ("3.14t", "a-1-cp314-cp314t-manylinux_2_17_x86_64.whl", True),
        ("3.14t", "a-1-cp314-cp314-manylinux_2_17_x86_64.whl", False),
        ("3.14t", "a-1-cp38-abi3-manylinux_2_17_x86_64.whl", False),
        ("3.14t", "a-1-cp314-none-manylinux_2_17_x86_64.whl", True),
        ("3.14t", "a-1-py3-none-any.whl", True),
        ("3.15t", "a-1-cp315-abi3t-manylinux_2_17_x86_64.whl", True),
        ("3.7", "a-1-cp37-cp37m-manylinux_2_17_x86_64.whl", True),
    ],
)
def test_the_build_of_python_decides_which_wheels_run(python: str, name: str, runs: bool) -> None:
    target = Target(python=python, machine="x86_64", glibc=(2, 36))
    assert (target.rank(name) is not None) is runs


def test_musl_runs_its_own_wheels_and_none_of_glibc() -> None:
    musl = Target(python="3.12", machine="aarch64", musl=(1, 2))
    assert musl.rank("a-1-cp312-cp312-musllinux_1_2_aarch64.whl") is not None
    assert musl.rank("a-1-cp312-cp312-musllinux_1_1_aarch64.whl") is not None
    assert musl.rank("a-1-cp312-cp312-musllinux_1_3_aarch64.whl") is None
    assert musl.rank("a-1-cp312-cp312-manylinux_2_17_aarch64.whl") is None


@pytest.mark.parametrize(
    ("python", "marker", "counts"),
    [
        ("3.14t", "python_version == '3.14' and implementation_name == 'cpython'", True),
        ("3.12.7", "python_full_version >= '3.12.7'", True),
        ("3.12.7", "python_full_version >= '3.12.8'", False),
        ("3.12", "python_full_version >= '3.12.1'", False),
    ],
)
def test_markers_know_the_release_that_is_wanted(python: str, marker: str, counts: bool) -> None:
    made = target_of(parse_spec(spec_text(NUMPY).replace('"3.11"', f'"{python}"')))
    assert made.wants(Marker(marker)) is counts


RUN = [
    "a-1-py3-none-any.whl",
    "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "a-1-cp311-cp311-manylinux_2_36_x86_64.whl",
    "a-1-cp38-abi3-manylinux2010_x86_64.whl",
    "a-1-cp311-cp311-linux_x86_64.whl",
    "a-1-py2.py3-none-any.whl",
]
RUN_NOT = [
    "a-1-cp310-cp310-manylinux2014_x86_64.whl",
    "a-1-cp312-abi3-manylinux2014_x86_64.whl",
    "a-1-cp311-cp311-manylinux_2_37_x86_64.whl",
    "a-1-cp311-cp311-musllinux_1_1_x86_64.whl",
    "a-1-cp311-cp311-macosx_11_0_arm64.whl",
    "a-1-cp311-cp311-manylinux2014_aarch64.whl",
    "a-1-py2-none-any.whl",
]


@pytest.mark.parametrize("name", RUN)
def test_a_wheel_that_runs_has_a_rank(name: str) -> None:
    assert HERE.rank(name) is not None


@pytest.mark.parametrize("name", RUN_NOT)
def test_a_wheel_that_cannot_run_has_none(name: str) -> None:
    assert HERE.rank(name) is None


def test_a_closer_wheel_is_better() -> None:
    ranks = [HERE.rank(name) for name in (RUN[2], RUN[1], RUN[3], RUN[0])]
    assert ranks == sorted(rank for rank in ranks if rank is not None)


def test_the_other_processor_has_its_own_wheels() -> None:
    other = Target(python="3.11", machine="aarch64", glibc=(2, 36))
    assert other.rank(RUN_NOT[5]) is not None
    assert other.rank(RUN[1]) is None


@pytest.mark.parametrize(
    ("marker", "counts"),
    [
        ("python_version >= '3.11'", True),
        ("python_full_version < '3.11'", False),
        ("sys_platform == 'win32'", False),
        ("platform_machine == 'x86_64' and platform_system == 'Linux'", True),
        ("extra == 'test'", False),
    ],
)
def test_markers_are_judged_for_the_target(marker: str, counts: bool) -> None:
    assert HERE.wants(Marker(marker)) is counts


def test_extras_count_when_they_are_taken() -> None:
    marker = Marker("extra == 'test' and python_version > '3'")
    assert HERE.wants(marker, frozenset({"test"}))
    assert not HERE.wants(marker, frozenset({"docs"}))


def test_without_a_marker_a_requirement_counts() -> None:
    assert HERE.wants(None)
