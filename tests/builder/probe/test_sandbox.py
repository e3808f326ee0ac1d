"""What a sandbox keeps from happening, in processes of their own: it cannot be taken off again."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[3]
HARM = """
import os, pathlib, shutil, subprocess, sys
guarded, free = map(pathlib.Path, sys.argv[1:])
def tries(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"
print(tries(lambda: (guarded / "kept.py").unlink()))
print(tries(lambda: (guarded / "kept.py").write_text("x")))
print(tries(lambda: (guarded / "new.py").write_text("x")))
print(tries(lambda: (guarded / "inner").rename(free / "inner")))
print(tries(lambda: (guarded / "inner" / "deep").mkdir()))
print("done" if subprocess.call(["rm", "-rf", str(guarded)], stderr=subprocess.DEVNULL) == 0 else "failed")
print((guarded / "kept.py").read_text())
print(tries(lambda: (free / "new").write_text("x")))
print(tries(lambda: pathlib.Path("/dev/null").write_text("x")))
"""
KEPT = ["PermissionError"] * 5 + ["failed", "kept", "done", "done"]


@pytest.fixture
def folders(tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """One that is guarded, with a file and a folder, and one beside it."""
    guarded, free = tmp_path / "env" / "site", tmp_path / "env" / "free"
    (guarded / "inner").mkdir(parents=True)
    free.mkdir()
    (guarded / "kept.py").write_text("kept")
    return guarded, free


def run(script: str, *words: object) -> list[str]:
    command = [
        sys.executable,
        "-c",
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{script}",
        *map(str, words),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


def test_landlock_keeps_folders_and_nothing_else(folders: tuple[pathlib.Path, pathlib.Path]) -> None:
    guard = "from builder.inside.probe import landlock\n"
    guard += "if not landlock.protect([sys.argv[1]]): print('no landlock')\n"
    said = run(guard + HARM, *folders)
    if said[0] == "no landlock":
        pytest.skip("this kernel has no Landlock")
    assert said == KEPT


def test_without_namespaces_the_sandbox_falls_back_on_landlock(
    folders: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    """The whole sandbox, on a kernel that refuses namespaces."""
    program = tmp_path / "harm.py"
    program.write_text(HARM)
    script = (
        "import json, os\n"
        "from builder.inside.probe import landlock, sandbox\n"
        "sandbox.unshare = lambda: False\n"
        "guarded, free, program, job = sys.argv[1:]\n"
        "command = [sys.executable, program, guarded, free]\n"
        "json.dump({'command': command, 'guarded': [guarded], 'report': os.dup(1)}, open(job, 'w'))\n"
        "sys.argv[1:] = ['bundle', job]\n"
        "sandbox.main({})\n"
    )
    assert run(script, *folders, program, tmp_path / "job.json") == KEPT


def test_without_namespaces_signals_stay_inside() -> None:
    script = (
        "import ctypes, os\n"
        "from builder.inside.probe import landlock\n"
        "libc = ctypes.CDLL(None)\n"
        "version = libc.syscall(landlock.SYS_CREATE_RULESET, None, ctypes.c_size_t(0), landlock.VERSION)\n"
        "landlock.protect(['/usr'])\n"
        "try: os.kill(os.getppid(), 0)\n"
        "except PermissionError: print('kept', version)\n"
        "else: print('reached', version)\n"
    )
    said, version = run(script)[0].split()
    assert said == ("kept" if int(version) >= 6 else "reached")
