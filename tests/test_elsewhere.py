"""The programs load where Linux's own modules are not; `tests/integration/test_elsewhere.py` runs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from envspec.system import confine, locking, machine, sandbox
from envspec.system.errors import OutsideError
from tests.support.paths import ROOT

LOAD = """
import importlib, sys
from tests.support import elsewhere
elsewhere.settle(sys.argv[1])
from builder.cli import main
for name in ("build_image", *main.COMMANDS):
    main.load_command(name)
for name in ("docker.backend", "oci.backend", "virtualenv", "choose"):
    importlib.import_module(f"builder.backends.{name}")
import builder, envspec
from envspec.system import locking
print(locking.KNOWN)
"""


@pytest.mark.parametrize(("system", "locks"), [("darwin", "True"), ("win32", "False")])
def test_all_commands_load(system: str, locks: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOAD, system], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, locks), done.stderr


def test_here_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert locking.KNOWN
    machine.want_linux("x", hint="y")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OutsideError, match="x, and this machine runs macOS"):
        machine.want_linux("x", hint="y")
    assert sandbox.best_sandbox.__wrapped__().kind == sandbox.NONE


def test_the_names_of_sandboxes_are_those_of_their_program() -> None:
    """The sandbox's program cannot be loaded elsewhere, so its names stand twice."""
    assert (sandbox.NAMESPACES, sandbox.LANDLOCK, sandbox.NONE, sandbox._REFUSED) == (
        confine.NAMESPACES,
        confine.LANDLOCK,
        confine.NONE,
        confine.REFUSED,
    )
