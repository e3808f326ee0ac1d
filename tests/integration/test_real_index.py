"""The machine's own package index, through pip's configuration: small real specs, locked and built."""

import json
import os
import pathlib
import shutil
import subprocess
from typing import Any

import pytest

from envspec.lockfile.lock import parse_lock
from tests.support.paths import EXAMPLES
from tests.support.program import run

from .conftest import spec_in

pytestmark = pytest.mark.network

SMALL = """\
name = "real"
python = "3.11"
[base]
host = true
[[stage]]
name = "web"
install = ["flask==3.0.3"]
[[stage]]
name = "sources"
install = ["crcmod==1.7"]
[smoke]
imports = ["flask", "crcmod"]
"""


def on_this_machine(home: pathlib.Path, **more: str) -> dict[str, str]:
    return {**os.environ, "ENVSPEC_HOME": str(home), **more}


@pytest.fixture(scope="module")
def env(shared_home: pathlib.Path) -> dict[str, str]:
    """This machine as it is, with a home of the tool for these tests."""
    return on_this_machine(shared_home)


@pytest.fixture(scope="module")
def real(
    tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]
) -> tuple[pathlib.Path, dict[str, Any]]:
    """A small real spec, built; its folder and its report."""
    folder = spec_in(tmp_path_factory.mktemp("real"), SMALL)
    done = run("build-image", folder, "--backend", "virtualenv", "--format", "json", env=env, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, json.loads(done.stdout)


def test_a_real_spec_ships(real: tuple[pathlib.Path, dict[str, Any]]) -> None:
    folder, report = real
    assert report["ships"]
    python = report["environment"]["python"]
    script = "import flask, crcmod; from importlib.metadata import version; print(version('flask'))"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "3.0.3\n"
    assert "://" not in (folder / "envspec.lock").read_text()


def test_a_package_without_a_wheel_was_built_and_recorded(real: tuple[pathlib.Path, dict[str, Any]]) -> None:
    held = parse_lock((real[0] / "envspec.lock").read_text())
    (entry,) = [each for each in held.artifact if each.name == "crcmod"]
    assert entry.file == "crcmod-1.7.tar.gz"
    assert entry.wheel is not None
    assert entry.wheel.file.startswith("crcmod-1.7-")


def test_a_second_machine_builds_the_same_wheel(
    real: tuple[pathlib.Path, dict[str, Any]], tmp_path: pathlib.Path
) -> None:
    only = SMALL.replace('[[stage]]\nname = "web"\ninstall = ["flask==3.0.3"]\n', "")
    folder = spec_in(tmp_path / "again", only)
    assert run("envspec", "lock", folder, env=on_this_machine(tmp_path / "home"), timeout=580).returncode == 0
    wheels = [
        {each.name: each.wheel for each in parse_lock((place / "envspec.lock").read_text()).artifact}[
            "crcmod"
        ]
        for place in (real[0], folder)
    ]
    assert wheels[0] == wheels[1]


def test_once_full_no_network_is_needed(
    real: tuple[pathlib.Path, dict[str, Any]], env: dict[str, str]
) -> None:
    folder, report = real
    shutil.rmtree(report["environment"]["reference"])
    away = {
        **env,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
    }
    done = run("build-image", folder, "--backend", "virtualenv", "--locked", "--offline", "--fast", env=away)
    assert done.returncode == 0, done.stdout


def test_both_resolvers_agree_on_a_small_spec(
    real: tuple[pathlib.Path, dict[str, Any]], tmp_path: pathlib.Path, env: dict[str, str]
) -> None:
    folder = spec_in(tmp_path / "pip", SMALL)
    done = run("envspec", "lock", folder, "--resolver", "pip-tools", env=env, timeout=580)
    assert done.returncode == 0, done.stdout
    held = [parse_lock((place / "envspec.lock").read_text()) for place in (real[0], folder)]
    assert [each.resolver for each in held] == ["uv", "pip-tools"]
    assert held[0].pins == held[1].pins
    assert list(held[0].by_stage()) == list(held[1].by_stage())


def test_the_article_is_refused_with_what_contradicts_what(tmp_path: pathlib.Path) -> None:
    """Its torch index cannot matter: what can be proved without it is said first."""
    folder = shutil.copytree(EXAMPLES / "article", tmp_path / "article")
    env = on_this_machine(tmp_path / "home", ENVSPEC_INDEX_TORCH_CPU="http://127.0.0.1:9/whl")
    done = run("build-image", folder, "--format", "json", env=env, timeout=580)
    assert done.returncode == 1, done.stderr
    (finding,) = [each for each in json.loads(done.stdout)["findings"] if each["rule"] == "EV101"]
    for word in ("modelscope==1.13.0", "datasets>=2.14.5", "datasets==2.13.0", "stage modelscope"):
        assert word in finding["message"]
    assert finding["where"] == "modelscope"
    assert [path.name for path in folder.iterdir()] == ["envspec.toml"]
    assert not (tmp_path / "home" / "environments").exists()


def test_a_placeholder_is_never_taken_for_the_real_package(tmp_path: pathlib.Path) -> None:
    """The `full` variant wants `kantts` from ModelScope's own index; the public one has an empty namesake."""
    folder = shutil.copytree(EXAMPLES / "sambert-hifigan", tmp_path / "sambert")
    env = on_this_machine(tmp_path / "home", ENVSPEC_INDEX_MODELSCOPE="http://127.0.0.1:9/simple")
    done = run("envspec", "lock", folder, "--variant", "full", env=env, timeout=580)
    assert done.returncode == 4, done.stdout
    assert "cannot be asked for" in done.stdout
    assert not (folder / "envspec.full.lock").exists()


SERVED = """\
name = "served"
python = "3.11"
[base]
host = true
[[stage]]
name = "web"
install = ["flask==3.0.3", "gunicorn==23.0.0"]
[service]
module = "hello:app"
source = "app"
health = "/"
"""
HELLO = "import flask\n\napp = flask.Flask(__name__)\n\n\n@app.get('/')\ndef hello():\n    return {}\n"


def test_an_edit_of_the_payload_asks_for_a_new_trial_and_no_new_verdict(
    tmp_path: pathlib.Path, env: dict[str, str]
) -> None:
    folder = spec_in(tmp_path / "served", SERVED)
    (folder / "app").mkdir()

    def build(answer: str) -> tuple[int, set[str]]:
        (folder / "app" / "hello.py").write_text(HELLO.format(answer))
        done = run("build-image", folder, "--backend", "virtualenv", env=env, timeout=580)
        return done.returncode, {"• verify", "• try the payload"} & set(done.stderr.splitlines())

    assert build("'first'") == (0, {"• verify", "• try the payload"})
    assert build("'first'") == (0, set())
    assert build("'second'") == (0, {"• try the payload"})
    assert build("(")[0] == 1
