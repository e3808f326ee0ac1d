"""uv's own cache, which uv trusts: thrown away where somebody else changed it, or where uv cannot read it."""

import os
import pathlib
import stat

import pytest

from envspec.supply.uv import run_with_cache

PROGRAM = """#!/bin/sh
mkdir -p "{cache}"
if [ -f "{cache}/broken" ]; then echo "cause: Failed to deserialize cache entry" >&2; exit 2; fi
echo answer >>"{cache}/entry"
wc -l <"{cache}/entry"
"""
"""What writes a line into the cache with every call, and says how many there are."""


@pytest.fixture
def program(home: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "uv"
    file.write_text(PROGRAM.format(cache=home / "uv"))
    file.chmod(stat.S_IRWXU)
    return file


def lines(program: pathlib.Path) -> int:
    return int(run_with_cache([program], env=os.environ, timeout=60).stdout)


def test_a_cache_that_only_uv_wrote_to_stays(
    program: pathlib.Path, home: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert [lines(program) for _ in range(3)] == [1, 2, 3]
    assert caplog.text == ""
    assert list((home / "locks").iterdir()) == []


def test_a_cache_that_another_changed_goes(
    program: pathlib.Path, home: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines(program)
    (home / "uv" / "entry").write_text("answes\n")
    assert lines(program) == 1
    assert caplog.messages == ["kept file uv was changed by another than uv: thrown away, made anew"]


def test_a_run_that_was_killed_makes_no_cache_suspect(
    program: pathlib.Path, home: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first to come forgets how the cache looked: from then on uv may have written to it."""
    lines(program)
    killed = program.with_name("killed")
    killed.write_text(f"#!/bin/sh\necho more >>{home}/uv/entry\nkill -KILL $PPID\n")
    killed.chmod(stat.S_IRWXU)
    if (child := os.fork()) == 0:
        run_with_cache([killed], env=os.environ, timeout=60)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    (home / "uv" / ".tmpAb12cd").mkdir()
    assert lines(program) == 3
    assert caplog.text == ""
    assert not list((home / "uv").glob(".tmp*")), "what a killed uv had under way, which it never sweeps"


def test_a_cache_that_uv_cannot_read_goes(
    program: pathlib.Path, home: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "uv").mkdir(parents=True)
    (home / "uv" / "broken").write_text("")
    assert lines(program) == 1
    assert lines(program) == 2
    assert caplog.messages == ["kept file uv cannot be read by uv: thrown away, made anew"]


def test_a_build_that_fails_in_the_cache_leaves_it(
    home: pathlib.Path, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = home / "uv"
    cache.mkdir(parents=True)
    (cache / "entry").write_text("answer\n")
    said = (
        f'error: Failed to build x\n  File "{cache}/builds-v0/.tmpA1/lib/setuptools/build_meta.py", line 1\n'
    )
    said += f'  File "{cache}/sdists-v9/pypi/x/1/src/setup.py", line 2\nModuleNotFoundError: torch'
    failing = tmp_path / "uv"
    failing.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 2\n")
    failing.chmod(stat.S_IRWXU)
    assert not run_with_cache([failing], env=os.environ, timeout=60).ok
    assert (cache / "entry").exists()
    assert caplog.text == ""
