"""Where the files of wheels go: what would replace the environment's own, or each other's."""

import pathlib
from collections.abc import Mapping

import pytest

from envspec.proof.places import place_findings, placed_files
from envspec.supply.wheel import Wheel
from envspec.system.pattern import matcher
from tests.support.wheels import wheel

Files = Mapping[str, str | bytes]
DATA = "demo-1.0.data"


def found(folder: pathlib.Path, removed: tuple[str, ...] = (), **wheels: Files) -> list[str]:
    """Rule and severity of each finding of these wheels, in install order."""
    opened = {name: Wheel(wheel(folder, name, files=files)) for name, files in wheels.items()}
    try:
        findings = list(place_findings(opened, matcher(removed)))
    finally:
        for each in opened.values():
            each.__exit__()
    return [f"{each.rule} {each.severity.value}" for each in findings]


def test_files_go_where_installers_put_them(tmp_path: pathlib.Path) -> None:
    files = {
        "demo/__init__.py": "",
        f"{DATA}/purelib/pure.py": "",
        f"{DATA}/platlib/plat.py": "",
        f"{DATA}/scripts/tool": "",
        f"{DATA}/headers/demo.h": "",
        f"{DATA}/data/share/demo/x": "",
        f"{DATA}/data/lib/python3.11/site-packages/inner.py": "",
        f"{DATA}/anywhere/x": "",
        "other-1.0.data/scripts/x": "",
        "demo-1.0.dist-info/entry_points.txt": "[console_scripts]\nrun = demo:main\n",
    }
    with Wheel(wheel(tmp_path, files=files)) as opened:
        placed, lost = placed_files(opened)
    paths = {each.path for each in placed}
    assert paths >= {
        "site/demo/__init__.py", "site/pure.py", "site/plat.py", "bin/tool", "include/site/demo/demo.h",
        "share/demo/x", "site/inner.py", "bin/run",
    }  # fmt: skip
    assert lost == (f"{DATA}/anywhere/x", "other-1.0.data/scripts/x")


@pytest.mark.parametrize(
    "path",
    [
        *(f"{DATA}/scripts/{name}" for name in ("python", "python3", "python3.11", "pip", "pip3", "pip3.12",
          "activate", "activate.fish", "Activate.ps1", "activate_this.py", "envspec", "Python3")),
        f"{DATA}/data/pyvenv.cfg", f"{DATA}/data/bin/python", f"{DATA}/data/lib64",
        f"{DATA}/data/lib/python3.11/os.py", f"{DATA}/anywhere/x", "other-1.0.data/purelib/x.py",
        f"{DATA}/purelib/click-8.1.dist-info/METADATA",
        f"{DATA}/data/lib/python3.11/site-packages/click-8.1.dist-info/RECORD",
    ],
)  # fmt: skip
def test_what_would_replace_the_environments_own_is_an_error(tmp_path: pathlib.Path, path: str) -> None:
    assert found(tmp_path, demo={"demo/__init__.py": "", path: "x"}) == ["EV160 error"]


@pytest.mark.parametrize("name", ["python", "pip", "activate", "python3.11"])
def test_programs_of_entry_points_count_as_well(tmp_path: pathlib.Path, name: str) -> None:
    entry = {"demo-1.0.dist-info/entry_points.txt": f"[console_scripts]\n{name} = demo:main\n"}
    assert found(tmp_path, demo={"demo.py": "", **entry}) == ["EV160 error"]


@pytest.mark.parametrize(
    "name", ["pip-compile", "python-argcomplete-tcsh", "activate-global-python-argcomplete", "ipython",
             "pythonx", "pipx", "virtualenv", "pip_audit"],
)  # fmt: skip
def test_programs_with_names_like_these_are_fine(tmp_path: pathlib.Path, name: str) -> None:
    assert found(tmp_path, demo={"demo.py": "", f"{DATA}/scripts/{name}": "x"}) == []


def test_pip_may_bring_pip(tmp_path: pathlib.Path) -> None:
    entry = {"pip-1.0.dist-info/entry_points.txt": "[console_scripts]\npip = pip:main\npip3 = pip:main\n"}
    assert found(tmp_path, pip={"pip/__init__.py": "", **entry}) == []


def test_metadata_of_another_version_than_the_files_is_an_error(tmp_path: pathlib.Path) -> None:
    made = wheel(tmp_path, "demo", "1.0")
    other = made.rename(made.with_name("demo-2.0-py3-none-any.whl"))
    with Wheel(other) as opened:
        assert [each.rule for each in place_findings({"demo": opened}, matcher(()))] == ["EV160"]


@pytest.mark.parametrize(
    ("files", "rules"),
    [
        ({"sitecustomize.py": "x = 1"}, ["EV162 warning"]),
        ({"usercustomize/__init__.py": "x = 1"}, ["EV162 warning"]),
        ({"demo.pth": "import demo\n"}, ["EV162 info"]),
        ({"demo.pth": "demo/vendored\n"}, []),
        ({"demo-nspkg.pth": "import sys, types, os\n"}, []),
        ({"distutils-precedence.pth": "import os; x = 1\n"}, []),
        ({"demo/sitecustomize.py": "", "demo/inner.pth": "import os\n"}, []),
        ({"sitecustomized.py": ""}, []),
    ],
)
def test_what_runs_at_every_start_is_told(tmp_path: pathlib.Path, files: Files, rules: list[str]) -> None:
    assert found(tmp_path, demo={"demo/__init__.py": "", **files}) == rules


@pytest.mark.parametrize(
    ("first", "second", "rules"),
    [
        ({"a/x.py": "1"}, {"a/x.py": "2"}, ["EV161 error"]),
        ({"a/x.py": "1"}, {"a/x.py": "1"}, []),
        ({"a/x.py": "1"}, {"two-1.0.data/purelib/a/x.py": "2"}, ["EV161 error"]),
        ({"top.py": "1"}, {"top.py": "2"}, ["EV161 error"]),
        ({"README.md": "1"}, {"README.md": "2"}, []),
        ({"tests/x.py": "1"}, {"tests/x.py": "2"}, []),
        ({"one-1.0.data/scripts/run": "1"}, {"two-1.0.data/scripts/run": "2"}, ["EV161 warning"]),
        ({"a/x.py": "1"}, {"a/__pycache__/x.cpython-311.pyc": "2"}, ["EV161 error"]),
        ({"a/x.py": "1"}, {"a/x.cpython-311-x86_64-linux-gnu.so": "2"}, ["EV161 warning"]),
        ({"a/x.py": "1"}, {"a/x/__init__.py": "2"}, ["EV161 warning"]),
        ({"a/x.py": "1"}, {"a/X.py": "2"}, ["EV161 info"]),
        ({"a/\u00e9.py": "1"}, {"a/e\u0301.py": "2"}, ["EV161 info"]),
        ({"a/x.py": "1"}, {"a/y.py": "2"}, []),
    ],
)
def test_files_of_two_wheels_in_one_place(
    tmp_path: pathlib.Path, first: Files, second: Files, rules: list[str]
) -> None:
    assert found(tmp_path, one=first, two=second) == rules


def test_what_the_spec_leaves_out_is_in_nobodys_way(tmp_path: pathlib.Path) -> None:
    assert found(tmp_path, ("a/*.py",), one={"a/x.py": "1"}, two={"a/x.py": "2"}) == []
