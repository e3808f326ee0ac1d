"""Linking in another process gives what linking here gives."""

import pathlib

import pytest

from envspec.proof.imports import process
from envspec.proof.imports.process import Job, Member
from envspec.system.errors import OutsideError
from tests.support.wheels import wheel


def job(folder: pathlib.Path, app: str, *, root: str = "") -> Job:
    """A job of two wheels: `app`, which is asked for, and `lib`, which it requires."""
    lib = wheel(folder, "lib", files={"lib.py": "there = 1\n"})
    files = {"app/__init__.py": "from . import inner\n", "app/inner.py": app}
    asking = wheel(folder, "app", requires=["lib"], files=files)
    members = (
        Member(wheel=lib, name="lib"),
        Member(wheel=asking, name="app", requires=("lib",), requested=True),
    )
    return Job(members=members, python="3.11", root=root, versions={} if root else {"GLIBC": "2.36"})


@pytest.mark.parametrize(
    "app", ["from lib import gone\n", "import lib\nlib.there\n", "import asyncore\n1 +\n"]
)
@pytest.mark.parametrize("root", ["", "/"])
def test_both_ways_report_the_same(tmp_path: pathlib.Path, app: str, root: str) -> None:
    asked = job(tmp_path, app, root=root)
    assert process.linked(asked) == asked.report()


def test_a_failure_comes_back_whole(tmp_path: pathlib.Path) -> None:
    (failure,) = process.linked(job(tmp_path, "import lib\nfrom lib import gone\n")).failures
    assert (failure.package, failure.certain, failure.fault.wanted) == ("app", True, "lib.gone")
    assert [str(line) for line in failure.chain] == ["app:1"]
    assert str(failure.fault.where) == "app.inner:2"


def test_a_process_that_dies_is_an_error_in_words(tmp_path: pathlib.Path) -> None:
    asked = job(tmp_path, "")
    asked.members[0].wheel.unlink()
    with pytest.raises(OutsideError, match="could not be linked"):
        process.linked(asked)


def test_only_large_sets_are_worth_a_process(tmp_path: pathlib.Path) -> None:
    small = job(tmp_path, "")
    large = Member(wheel=small.members[0].wheel, name="lib", size=process.LARGE)
    assert not process.is_large(small)
    assert process.is_large(Job(members=(large,), python="3.11"))
