"""Which backend carries out a plan, and how a payload is served."""

import pathlib

import pytest

from builder.backends.choose import choose_backend
from builder.values.plan import Plan, make_plan
from builder.values.request import Request
from envspec.lockfile.lock import LockedBase
from envspec.system.errors import UsageError
from tests.support.specs import artifact, lock, spec, stage
from tests.support.wheels import wheel


def planned(tmp_path: pathlib.Path, base: LockedBase) -> Plan:
    return make_plan(spec(stage("one", "demo==1.0")), lock(artifact(wheel(tmp_path)), base=base))


def test_a_spec_of_this_machine_is_built_on_it(tmp_path: pathlib.Path) -> None:
    assert choose_backend(Request(), planned(tmp_path, LockedBase(host=True))).name == "virtualenv"


def test_the_backend_that_is_asked_for_is_taken(tmp_path: pathlib.Path) -> None:
    there = planned(tmp_path, LockedBase(image="python:3.11-slim"))
    assert choose_backend(Request(backend="virtualenv"), there).name == "virtualenv"


@pytest.mark.parametrize("backend", ["docker", "oci"])
def test_no_image_can_stand_on_this_machine(tmp_path: pathlib.Path, backend: str) -> None:
    with pytest.raises(UsageError, match="the spec's base is this machine") as caught:
        choose_backend(Request(backend=backend), planned(tmp_path, LockedBase(host=True)))
    assert "--backend virtualenv" in caught.value.hint
