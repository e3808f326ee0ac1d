"""Which backend carries out a plan, and what is asked for before a plan is made."""

import dataclasses
import pathlib

import pytest

from builder.backends.choose import choose_backend
from builder.flow.project import Project
from builder.flow.run import Run
from builder.flow.seeking import seek_base
from builder.report.model import Report
from builder.values.request import Request
from envspec.lockfile.lock import LockedBase
from envspec.spec.load import parse_spec
from envspec.system.errors import OutsideError, UsageError
from envspec.system.progress import SILENT
from tests.support.specs import lock, spec_text, stage

IMAGE = LockedBase(image="python:3.11-slim")


def test_a_spec_of_this_machine_is_built_on_it() -> None:
    assert choose_backend(Request(), LockedBase(host=True)).name == "virtualenv"


def test_the_backend_that_is_asked_for_is_taken() -> None:
    assert choose_backend(Request(backend="virtualenv"), IMAGE).name == "virtualenv"


@pytest.mark.parametrize("backend", ["docker", "oci"])
def test_no_image_can_stand_on_this_machine(backend: str) -> None:
    with pytest.raises(UsageError, match="the spec's base is this machine") as caught:
        choose_backend(Request(backend=backend), LockedBase(host=True))
    assert "--backend virtualenv" in caught.value.hint


def run_of(base: str = "", **request: object) -> Run:
    """A run of a spec on that base, for a backend that would have to ask a registry."""
    text = spec_text(stage("one", "six"), tail="[base]\n" + base)
    asked = dataclasses.replace(Request(backend="oci", offline=True), **request)  # type: ignore[arg-type]
    project = Project(file=pathlib.Path("envspec.toml"), spec=parse_spec(text), text=text)
    return Run(request=asked, project=project, progress=SILENT, report=Report(name="demo"))


@pytest.mark.usefixtures("home")
def test_an_image_that_cannot_be_had_is_told_before_anything_is_solved() -> None:
    with pytest.raises(OutsideError, match=r"image python:3\.11-slim, which a spec without") as caught:
        seek_base(run_of(), None)
    for word in ('debian = "bookworm"', "`archive`", "virtual environment"):
        assert word in caught.value.hint
    with pytest.raises(OutsideError, match=r"image python:3\.11 cannot be had"):
        seek_base(run_of('image = "python:3.11"'), None)


@pytest.mark.usefixtures("home")
def test_what_wants_no_image_asks_for_none() -> None:
    seek_base(run_of(stop_after="prove"), None)
    seek_base(run_of(backend="virtualenv"), None)
    seek_base(run_of('debian = "bookworm"'), None)
    held = lock(base=LockedBase(image="python:3.11-slim", digest="sha256:" + "0" * 64))
    seek_base(run_of(), held)  # it may be kept
