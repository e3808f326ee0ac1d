"""What a failed build is understood to be."""

import json

import pytest

from builder.backends.docker.failure import build_failure
from builder.inside.places import FAILURE
from envspec.system.errors import BuildError, OutsideError

from .conftest import FakeEngine


def test_a_stage_tells_what_failed_in_it() -> None:
    facts = {"stage": "stage-2-web", "message": "broke", "requirement": "a==1", "hint": "do this"}
    error = build_failure(
        FakeEngine(), ["#9 1.2 noise", f"#9 1.3 {FAILURE}{json.dumps(facts)}", "#9 ERROR: 1"]
    )
    assert isinstance(error, BuildError)
    assert (error.message, error.hint) == ("stage web (a==1): broke", "do this")


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("write /x: no space left on device", OutsideError, "the engine's disk is full"),
        ('exec: "python3.11": executable file not found in $PATH', BuildError, "has no python3.11"),
        ("E: Unable to locate package libnothing", BuildError, "no Debian package libnothing"),
        ("pull access denied for x", OutsideError, "the base image cannot be had"),
        ("something new", BuildError, "could not build the image\nbefore\nsomething new"),
    ],
)
def test_what_engines_say(line: str, kind: type[Exception], message: str) -> None:
    error = build_failure(FakeEngine(), ["before", line])
    assert isinstance(error, kind)
    assert message in str(error)


def test_a_dead_engine_explains_everything() -> None:
    error = build_failure(FakeEngine(alive=False), ["no space left on device"])
    assert "stopped answering" in error.message
