"""Cards of a target from the spec to what an image is told: it is what was proved, whatever was kept."""

from __future__ import annotations

import json
import pathlib
import shutil
import sys

import pytest

from tests.support.fatbins import PTX, container, elf, entry
from tests.support.program import machine, run
from tests.support.wheels import wheel

SPEC = f"""\
name = "cards"
python = "{sys.version_info.major}.{sys.version_info.minor}"
[base]
debian = "bookworm"
[target]
gpu = ["RTX 4090", "sm_90"]
driver = "550"
[env]
LD_LIBRARY_PATH = "{{site}}/app/lib"
[[stage]]
name = "one"
install = ["app==1.0"]
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    """A spec with one package, which has machine code for one card and PTX for the other."""
    code = container(entry(89), entry(80, PTX, language=(7, 0)))
    files: dict[str, str | bytes] = {
        "app/__init__.py": "",
        "app/kernels.so": elf(code, needs=["libcudart.so.12"]),
        "app/lib/libcudart.so.12": elf(),
    }
    wheel(tmp_path / "files", "app", files=files)
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "envspec.toml").write_text(SPEC)
    return folder


def test_an_image_is_told_what_was_proved_even_where_the_facts_are_gone(
    project: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    env = machine(tmp_path / "home", PIP_FIND_LINKS=str(tmp_path / "files"), PIP_NO_INDEX="1")
    rendered = []
    for _ in range(2):
        done = run("envspec", "render", project, env=env)
        assert done.returncode == 0, done.stderr
        rendered.append(done.stdout)
        shutil.rmtree(tmp_path / "home" / "facts")
    assert rendered[0] == rendered[1]
    assert 'NVIDIA_REQUIRE_CUDA="cuda>=12.0,driver>=525.60.13"' in rendered[0]
    assert 'io.envspec.gpu="sm_89 sm_90"' in rendered[0]


def test_explain_and_the_report_say_the_same(project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    env = machine(tmp_path / "home", PIP_FIND_LINKS=str(tmp_path / "files"), PIP_NO_INDEX="1")
    report = json.loads(run("envspec", "check", project, "--format", "json", env=env).stdout)
    assert (report["gpu"]["floor"], report["gpu"]["raised_by"]) == ("525.60.13", ["app"])
    lines = run("envspec", "explain", project, "--gpu", env=env).stdout.splitlines()
    assert lines[0] == "cards   RTX 4090 (sm_89), sm_90"
    assert lines[1].startswith("driver  525.60.13 or newer, for app 1.0: it computes with CUDA 12")
    assert lines[-1].split() == ["app", "1.0", "12", "525.60.13", "sm_89", "PTX", "of", "sm_80"]
    refused = run("envspec", "explain", project, "app", "--gpu", env=env)
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, "error: name a package, or ask --gpu")
