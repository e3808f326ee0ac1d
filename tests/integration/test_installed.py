"""Installed from its wheel, far from its sources: everything that the programs need travelled along."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import uv

from envspec.spec.model import spec_schema
from tests.support.paths import ROOT
from tests.support.program import machine

from .conftest import SPEC, spec_in

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The `bin` folder of an empty virtual environment into which the project's wheel was installed."""
    folder = tmp_path_factory.mktemp("installed")
    tool, env = uv.find_uv_bin(), {**os.environ, "SETUPTOOLS_SCM_PRETEND_VERSION": "0"}
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=200)
    command = [tool, "build", "--wheel", "--quiet", "--python", sys.executable, "--out-dir", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, timeout=300, env=env)
    (wheel,) = folder.glob("*.whl")
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(pip, check=True, timeout=500)
    return folder / "venv" / "bin"


def call(programs: pathlib.Path, *words: object, cwd: pathlib.Path, env: dict[str, str] | None = None) -> str:
    """Run one of the installed programs elsewhere; what it printed."""
    program, *rest = map(str, words)
    clean = {name: value for name, value in (env or os.environ).items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [programs / program, *rest], cwd=cwd, env=clean, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_schema_is_the_same(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert json.loads(call(programs, "envspec", "schema", cwd=tmp_path)) == spec_schema()


def test_a_spec_is_built_there(
    programs: pathlib.Path, tmp_path: pathlib.Path, shop: str, small: pathlib.Path
) -> None:
    assert spec_in(small, SPEC) == small
    env = machine(tmp_path / "home", PIP_INDEX_URL=shop)
    said = call(programs, "build-image", "--backend", "virtualenv", "--fast", cwd=small, env=env)
    assert "verdict: ships" in said


def test_examples_template_and_payload_travelled(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    site = next((programs.parent / "lib").glob("python*/site-packages"))
    resources = site / "builder" / "resources"
    assert (resources / "Dockerfile.template").read_text() == (ROOT / "Dockerfile.template").read_text()
    assert {"espeak", "sambert-hifigan", "article"} <= {
        path.name for path in (resources / "examples").iterdir()
    }
    shutil.copytree(resources / "examples" / "espeak", tmp_path / "espeak")
    said = call(programs, "build-image", "espeak", "--stop-after", "plan", "--locked", cwd=tmp_path)
    assert "verdict: sound so far" in said


def test_pages_of_rules_travelled(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for command in ("rules", "rule"):
        assert call(programs, "envspec", command, "EV101", cwd=tmp_path) == read_page("EV101")
    (tmp_path / "envspec.toml").write_text(
        'name = "x"\npython = "3.11"\n[[stage]]\nname = "a"\ninstall = ["six"]\n'
    )
    html = call(programs, "build-image", "--stop-after", "lint", "--format", "html", cwd=tmp_path)
    assert "What EV001 finds, how, and what to do" in html


def read_page(rule: str) -> str:
    return (ROOT / "docs" / "rules" / f"{rule}.md").read_text(encoding="utf-8")


def test_a_first_spec_is_made_where_there_is_no_checkout(
    programs: pathlib.Path, tmp_path: pathlib.Path, shop: str
) -> None:
    (tmp_path / "requirements.txt").write_text("greeter==1.0\n")
    env = machine(tmp_path / "home", PIP_INDEX_URL=shop)
    call(programs, "envspec", "init", "requirements.txt", cwd=tmp_path, env=env)
    call(programs, "envspec", "check", cwd=tmp_path, env=env)
    assert "FROM " in call(programs, "envspec", "render", "--locked", cwd=tmp_path, env=env)
    said = call(programs, "envspec", "explain", ".", "numbers-kit", cwd=tmp_path, env=env)
    assert "greeter" in said


def test_every_file_of_the_rooms_travelled(programs: pathlib.Path) -> None:
    """Data files too: what git knows below the three rooms is in the wheel."""
    site = next((programs.parent / "lib").glob("python*/site-packages"))
    listed = subprocess.run(
        ["git", "ls-files", "envspec", "builder", "service"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("there is no git here")
    lost = [name for name in listed.stdout.split() if (ROOT / name).is_file() and not (site / name).is_file()]
    assert lost == []


KEYS = """
import json, pathlib, sys
from builder.backends.oci.recipe import image_recipe
from builder.flow.kept import proof_depends
from builder.flow.project import open_project
from builder.oci.image.base import BaseImage
from builder.values.payload import collect_payload
from builder.values.plan import make_plan
from builder.values.tool import result_key, tool_digest
project = open_project(pathlib.Path(sys.argv[1]), None)
lock = project.needed_lock()
payload = collect_payload(project.spec.service, project.folder)
planned = make_plan(project.spec, lock, payload)
recipe = image_recipe(planned, BaseImage(name="base", machine="amd64", layers=()))
proof = result_key(proof_depends(project.spec, lock, base_read=True))
print(json.dumps([tool_digest(), recipe.digest, recipe.key("base", "python", "stages", "time"), proof]))
"""


def test_two_installations_of_a_release_compute_the_same_keys(
    programs: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """One from a wheel, one a checkout: other folders, other dates, and files that only a checkout has."""
    shutil.copytree(ROOT / "examples" / "espeak", tmp_path / "espeak")
    command = ["-c", KEYS, str(tmp_path / "espeak")]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    said = [
        subprocess.check_output([str(python), *command], cwd=cwd, env=env, text=True, timeout=120)
        for python, cwd in ((programs / "python", tmp_path), (sys.executable, ROOT))
    ]
    assert json.loads(said[0]) == json.loads(said[1])
    assert len(set(json.loads(said[0]))) == 4
