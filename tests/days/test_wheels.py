"""Hostile wheels through whole programs: the right exit, no traceback, nothing outside changed.

`ENVSPEC_DAYS=all` tries every one of them; without it some do.
"""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Iterator

import pytest

from envspec.system import confine
from envspec.system.sandbox import best_sandbox
from tests.support.amount import ALL
from tests.support.hostile_wheels import WHEELS, write
from tests.support.program import machine, run

pytestmark = pytest.mark.days

FEW = ("configuration", "deep", "large-module", "writes", "writes-at-start", "reads-secrets")
HANG = 240.0
"""Seconds after which a program hangs: a guard, not a measure."""


@pytest.fixture
def outside() -> Iterator[pathlib.Path]:
    """A user's home that is no temporary folder: what a sandbox lets write there goes with the sandbox."""
    with tempfile.TemporaryDirectory(prefix=".outside-", dir=pathlib.Path(__file__).parent) as folder:
        yield pathlib.Path(folder)


def canaries(folder: pathlib.Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("name", WHEELS if ALL else FEW)
def test_a_hostile_wheel_harms_nobody(name: str, tmp_path: pathlib.Path, outside: pathlib.Path) -> None:
    if best_sandbox().kind != confine.NAMESPACES and os.environ.get("CI") != "true":
        pytest.skip("this kernel has no user namespaces")
    hostile = WHEELS[name]
    (outside / ".ssh").mkdir()
    (outside / ".ssh" / "id").write_text("a private key")
    (outside / "kept").write_text("kept")
    before = canaries(outside)
    folder = write(tmp_path / name, hostile, outside)
    env = machine(tmp_path / "home", HOME=str(outside), SOME_TOKEN="a token", PIP_NO_INDEX="1")
    for words, code in (
        (("envspec", "check", folder), hostile.check),
        (("build-image", folder, "--backend", "virtualenv"), hostile.build),
    ):
        done = run(*words, env=env, timeout=HANG)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        assert "a private key" not in said
        assert "a token" not in said
        assert max(map(len, said.splitlines())) < 1_000
        assert canaries(outside) == before
        if code:
            assert hostile.says in said
    assert hostile.says in said
