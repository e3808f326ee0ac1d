"""The lock in other tools' forms: each is read back by its own tool's parser."""

import pathlib
import tomllib

import pytest
from packaging.pylock import Pylock
from packaging.requirements import Requirement
from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_line
from pip._internal.req.req_file import parse_requirements

from envspec.lockfile.export import export_pylock, export_requirements
from envspec.lockfile.lock import File, Lock
from tests.support.specs import artifact, lock
from tests.support.wheels import sdist, wheel


@pytest.fixture
def held(tmp_path: pathlib.Path) -> Lock:
    built = File(file="source-1.0-py3-none-any.whl", sha256="a" * 64, size=3)
    return lock(
        artifact(wheel(tmp_path, "b", "2.0+cpu")),
        artifact(sdist(tmp_path)).model_copy(update={"wheel": built}),
        artifact(wheel(tmp_path, "a"), stage="two"),
        stages=("one", "two", "three"),
    )


def test_requirements_are_read_by_pip(held: Lock, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(export_requirements(held, "one"))
    lines = list(parse_requirements(str(file), PipSession()))
    read = [
        install_req_from_line(line.requirement, hash_options=line.options["hashes"])
        for line in lines
        if line.options is not None
    ]
    assert [str(each.req) for each in read] == ["b==2.0+cpu", "source==1.0"]
    assert [each.hash_options for each in read] == [
        {"sha256": [entry.installed.sha256]} for entry in held.artifact[:2]
    ]


def test_a_stage_without_packages_is_an_empty_file(held: Lock) -> None:
    assert export_requirements(held, "three") == ""


def test_pylock_is_read_by_packaging(held: Lock) -> None:
    read = Pylock.from_dict(tomllib.loads(export_pylock(held)))
    assert [(package.name, str(package.version)) for package in read.packages] == [
        ("a", "1.0"), ("b", "2.0+cpu"), ("source", "1.0"),
    ]  # fmt: skip
    (built,) = read.packages[2].wheels or ()
    assert built.hashes == {"sha256": "a" * 64}
    assert read.packages[0].tool == {"envspec": {"stage": "two"}}


def test_pylock_is_for_the_locks_python(held: Lock) -> None:
    read = Pylock.from_dict(tomllib.loads(export_pylock(held)))
    assert read.requires_python is not None
    assert read.requires_python.contains("3.11.9")
    assert not read.requires_python.contains("3.12.0")


def test_an_export_names_no_host(held: Lock) -> None:
    assert "://" not in export_pylock(held) + export_requirements(held, "one")


def test_a_requirement_is_one_that_everybody_reads(held: Lock) -> None:
    first = export_requirements(held, "one").splitlines()[0].removesuffix(" \\")
    assert Requirement(first).name == "b"
