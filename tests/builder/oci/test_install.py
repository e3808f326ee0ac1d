"""What a wheel becomes, compared with what pip makes of it."""

import pathlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from builder.oci.install import Item, items
from builder.oci.packed import PackedWheel
from builder.oci.place import Place
from envspec.pattern import matcher
from envspec.wheel import WheelError

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


def test_the_files_are_those_that_pip_installs(
    make_wheel: Callable[..., pathlib.Path], tmp_path: pathlib.Path
) -> None:
    """Paths, modes and contents; entry points by name, mode and interpreter: pip has its own template."""
    wheel = make_wheel(
        "odd-one", ODD, executable=("odd/tool.sh", *(name for name in ODD if "/scripts/" in name))
    )
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    command = ["-m", "pip", "--python", str(venv / "bin/python"), "install", "--quiet", "--no-compile"]
    command += ["--no-index", "--no-deps", "--find-links", str(wheel.parent), "odd-one"]
    before = files(venv)
    run(sys.executable, *command)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    place = Place(prefix=str(venv), version=version, base_python=sys.executable)
    with PackedWheel(wheel) as opened:
        ours = {f"/{item.path}": (item.executable, content(opened, item)) for item in items(opened, place)}
    theirs = {path: facts for path, facts in files(venv).items() if path not in before}
    info = f"{place.site}/odd_one-1.0.dist-info"
    generated = {f"{place.prefix}/bin/{name}" for name in ("odd", "odd-deep", "odd-gui")}
    theirs.pop(f"{info}/REQUESTED")
    own = {f"{info}/INSTALLER", f"{info}/RECORD", *generated}
    assert ours.keys() == theirs.keys()
    assert {p: f for p, f in ours.items() if p not in own} == {
        p: f for p, f in theirs.items() if p not in own
    }
    for path in generated:
        assert ours[path][0]
        assert ours[path][1].splitlines()[0] == theirs[path][1].splitlines()[0]
    assert record(ours[f"{info}/RECORD"][1], own) == record(theirs[f"{info}/RECORD"][1], own)


def test_scripts_are_programs_even_when_the_archive_forgot_to_say_so(
    make_wheel: Callable[..., pathlib.Path], place: Place
) -> None:
    """As the installation rules have it, and uv; pip leaves them as they are."""
    with PackedWheel(make_wheel("demo", {"demo-1.0.data/scripts/run": "#!/bin/sh\n"})) as opened:
        found = {item.path: item.executable for item in items(opened, place)}
    assert found["opt/env/bin/run"]


def record(body: bytes, own: set[str]) -> list[str]:
    """RECORD's lines, but for those of files that pip makes in its own way."""
    names = ({path.rsplit("/", 1)[-1] for path in own} | {"REQUESTED"}) - {"RECORD"}
    lines = body.decode().splitlines()
    return sorted(line for line in lines if line.split(",")[0].rsplit("/", 1)[-1] not in names)


def files(root: pathlib.Path) -> dict[str, tuple[bool, bytes]]:
    return {
        str(path): (bool(path.stat().st_mode & 0o100), path.read_bytes())
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def content(wheel: PackedWheel, item: Item) -> bytes:
    return item.source if isinstance(item.source, bytes) else wheel.read(item.source)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_trimmed_files_are_in_no_record(make_wheel: Callable[..., pathlib.Path], place: Place) -> None:
    wheel = make_wheel("demo", {"demo/__init__.py": "", "demo/tests/test_a.py": "", "tests/b.py": ""})
    with PackedWheel(wheel) as opened:
        found = {item.path: item for item in items(opened, place, matcher(["**/tests/**"]))}
    site = place.site[1:]
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
        ({"demo/" + "x" * 250: ""}, "no file system"),
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
    make_wheel: Callable[..., pathlib.Path], place: Place, files: dict[str, str], problem: str
) -> None:
    with PackedWheel(make_wheel("demo", files)) as opened, pytest.raises(WheelError, match=problem):
        items(opened, place)
