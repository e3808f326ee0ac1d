"""Why builds fail, in words: what each kind of last line means, and what to do."""

import pathlib

import pytest
import requests

from envspec.source.backend import Attempt, BuildRoom
from envspec.source.failures import build_failure
from envspec.supply.build_root import THIS_MACHINE, BuildRoot, Missing, ThisMachine
from envspec.supply.listings import Listings
from envspec.supply.pip_settings import PipSettings
from envspec.supply.relay import Relay
from envspec.system.errors import BuildError
from envspec.system.process import Completed


def failure(
    what: str, tried: Attempt, *, own: bool = False, timeout: float = 1800, root: BuildRoot = THIS_MACHINE
) -> BuildError:
    machine = PipSettings(no_index=True)
    relay = Relay(machine, Listings(requests.Session), requests.Session)
    room = BuildRoom(python=pathlib.Path("python"), relay=relay, root=root, timeout=timeout)
    return build_failure(what, tried, room, own=own)


def attempt(said: str = "", *, step: str = "build_wheel", late: bool = False, code: int = 1) -> Attempt:
    done = Completed(command=("x",), code=code, stdout="", stderr=said, timed_out=late)
    return Attempt(done=done, step=step)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>",
            "the network",
        ),
        ("error: failed to fetch: Could not resolve host: host.example", "the network"),
        ("error: can't find Rust compiler; cargo not found", "it needs the program cargo"),
        ("error: command 'false' failed with exit code 1", "it needs the program gcc"),
        ("CMake Error: Could not find ninja", "it needs the program ninja"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'swig'", "it needs the program swig"),
        ("x.c:1:10: fatal error: pq.h: No such file or directory", "it needs the header pq.h"),
        ("LookupError: setuptools-scm was unable to detect version for /x", "git's tags"),
        (
            "Exception: Versioning for this project requires either an sdist tarball, or access",
            "from git, of",
        ),
        (
            "Error from source `uv-dynamic-versioning`: Unable to detect version control system.",
            "from git, of",
        ),
        (
            'poetry_dynamic_versioning/x.py", line 1\nRuntimeError: This does not appear to be a Git project',
            "from git, of",
        ),
        ("OSError: [Errno 30] Read-only file system: '/usr/x'", "its own folder alone"),
    ],
)
def test_what_a_last_line_means_is_said(said: str, meant: str) -> None:
    error = failure("./core", attempt(said), own=True)
    assert meant in error.message
    assert said in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("code", "said"), [(3, "ended with exit code 3"), (137, "was killed"), (-9, "was killed")]
)
def test_how_a_silent_step_ended_is_said(code: int, said: str) -> None:
    error = failure("./core", attempt(code=code), own=True)
    assert f"build_wheel {said}" in error.message
    assert "last lines" not in error.hint


def test_what_nobody_knows_is_shown_as_it_is() -> None:
    error = failure("./core", attempt("boom\ncargo built 3 crates"), own=True)
    assert error.message == "no wheel could be built from ./core\nboom\ncargo built 3 crates"


def test_a_build_that_does_not_end_is_said_with_its_limit() -> None:
    error = failure("./core", attempt(late=True), timeout=5400)
    assert "did not end within 90 minutes" in error.message
    assert "build-timeout" in error.hint


def test_a_file_of_ones_own_that_is_missing_is_no_program() -> None:
    said = "FileNotFoundError: [Errno 2] No such file or directory: 'README.md'"
    assert "it needs" not in failure("./core", attempt(said), own=True).message


class Knowing(ThisMachine):
    """A root that knows one package."""

    def advise(self, missing: Missing) -> str:
        return "add readme-tool" if missing.name == "README.md" else ""


def test_what_the_root_knows_counts_over_what_is_not_sure() -> None:
    said = "FileNotFoundError: [Errno 2] No such file or directory: 'README.md'"
    assert failure("./core", attempt(said), root=Knowing()).hint == "add readme-tool"


def test_tools_that_cannot_be_had_are_no_fault_of_the_code() -> None:
    error = failure("./core", attempt("No solution found", step="install"))
    assert "what builds it cannot be had" in error.message


def test_a_backend_that_leaves_nothing_is_said_so() -> None:
    assert "left no wheel" in failure("./core", attempt(code=0)).message


def test_no_password_of_an_address_is_repeated() -> None:
    error = failure("./core", attempt("cannot fetch https://user:secret@host.example/x"))
    assert "secret" not in error.message


def test_our_own_versions_give_way_to_what_a_project_asks(tmp_path: pathlib.Path) -> None:
    from envspec.source.backend import _constraints, _fitting

    ours = _constraints()
    assert {line.partition("==")[0] for line in ours} == {"setuptools", "wheel"}
    assert _fitting(ours, ["setuptools>=40"]) == ours
    assert {line.partition("==")[0] for line in _fitting(ours, ["Setuptools<60"])} == {"wheel"}
    assert _fitting(ours, ["nothing at all !"]) == ours
