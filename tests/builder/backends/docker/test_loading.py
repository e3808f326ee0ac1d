"""Compiling for another place than the modules' own, as in an image whose files cannot be written to."""

import json
import os
import pathlib
import subprocess
import sys
import venv

import pytest

from builder.image import travelling
from builder.inside.entrypoint import compile as loading
from tests.support.wheels import wheel


@pytest.fixture
def environment(tmp_path: pathlib.Path) -> pathlib.Path:
    """An environment with one package `alpha`, of which one module is loaded and one is not."""
    place = tmp_path / "env"
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    files = {
        "alpha/__init__.py": "import alpha.used\ndef known(kind): return kind in {'a', 'b', None, 2.5}",
        "alpha/used.py": "",
        "alpha/idle.py": "",
    }
    subprocess.run(["unzip", "-q", wheel(tmp_path, "alpha", files=files), "-d", site], check=True)
    return place


def compiled(out: pathlib.Path, job: str, *words: object, **variables: str) -> dict[str, bytes]:
    """What the program leaves in a folder, by path."""
    out.mkdir()
    text = travelling.program("entrypoint.compile").encode()
    command = [sys.executable, "-s", "-S", "-", str(out), job, *map(str, words)]
    subprocess.run(command, check=True, input=text, env={"PATH": os.defpath, **variables})
    return {f"/{file.relative_to(out)}": file.read_bytes() for file in out.rglob("*.pyc")}


def test_what_is_loaded_is_compiled_elsewhere(environment: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (site,) = environment.glob("lib/python*/site-packages")
    wanted = json.dumps({"site": str(site), "modules": ["alpha", "alpha.no_such"]})
    found = compiled(tmp_path / "out", "loaded", wanted)
    tag = sys.implementation.cache_tag
    assert set(found) == {f"{site}/alpha/__pycache__/{name}.{tag}.pyc" for name in ("__init__", "used")}
    assert not list(site.rglob("alpha/**/*.pyc"))
    again = compiled(tmp_path / "again", "loaded", wanted, PYTHONHASHSEED="7")
    assert again == found


def test_what_is_compiled_already_is_left_alone(environment: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (site,) = environment.glob("lib/python*/site-packages")
    subprocess.run([sys.executable, "-m", "compileall", "-q", site / "alpha" / "used.py"], check=True)
    found = compiled(tmp_path / "out", "loaded", json.dumps({"site": str(site), "modules": ["alpha"]}))
    assert [path.count("__init__") for path in found] == [1]


def test_files_are_compiled_but_for_what_does_not_compile(tmp_path: pathlib.Path) -> None:
    app = tmp_path / "app"
    (app / "deep").mkdir(parents=True)
    (app / "deep" / "good.py").write_text("x = 1\n")
    (app / "template.py").write_text("{{ no python }} at all\n")
    job = tmp_path / "job.json"
    job.write_text(json.dumps([f"{app}/deep/good.py", f"{app}/template.py"]))
    found = compiled(tmp_path / "out", "files", job)
    (path,) = found
    assert path.startswith(f"{app}/deep/__pycache__/good.")
    assert found[path][4:8] == b"\1\0\0\0", "trusted without a look at the source's time"


def test_the_standard_library_is_compiled_without_its_tests(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    for name in ("json/__init__.py", "json/gone.py", "test/__init__.py", "site-packages/a.py"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("")
    (home / "json" / "gone.py").unlink()
    (home / "json" / "gone.py").symlink_to("nowhere.py")
    loading.compile_library(str(home), str(tmp_path / "out"))
    assert [file.parts[-3] for file in (tmp_path / "out").rglob("*.pyc")] == ["json"]
