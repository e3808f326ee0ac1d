"""Killed at any moment, the next run finishes correctly; two runs at once do not disturb each other."""

import json
import pathlib
import random
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.index import json_page
from tests.support.program import BIN, machine, run
from tests.support.web import JSON, Answer, Web, serving
from tests.support.wheels import sdist

from .conftest import SPEC, shop_in, spec_in

KILLS = 10
BUILD = ("build-image", "--backend", "virtualenv", "--format", "json", "--fast")
TEXT = SPEC + '[[stage]]\nname = "third"\ninstall = ["source==1.0"]\n'


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An index that takes its time, so that downloads are hit too, and has one package as source only."""
    folder = tmp_path_factory.mktemp("files")
    files = [*shop_in(folder), sdist(folder)]
    with serving() as web:
        offer(web, files)
        yield f"{web.url}/simple"


def offer(web: Web, files: list[pathlib.Path]) -> None:
    for file in files:
        web.answers[f"/{file.name}"] = Answer(body=file.read_bytes(), ranges=True, pause=0.2)
    for project in ("numbers-kit", "greeter", "source"):
        own = [file for file in files if file.name.startswith(project.replace("-", "_"))]
        web.answers[f"/simple/{project}/"] = Answer(body=json_page(project, own, web.url), kind=JSON)


def world(folder: pathlib.Path, index: str) -> tuple[pathlib.Path, dict[str, str]]:
    """A spec's folder and a machine that has built nothing yet."""
    return spec_in(folder / "small", TEXT), machine(folder / "home", PIP_INDEX_URL=index)


def judged(small: pathlib.Path, env: dict[str, str]) -> None:
    """Run to the end, and look at what was built."""
    done = run(*BUILD, small, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ships"]
    check = "import greeter, source; assert greeter.hello() == 1 and source.built()"
    subprocess.run([report["environment"]["python"], "-c", check], check=True, timeout=60)
    environments = pathlib.Path(env["ENVSPEC_HOME"]) / "environments"
    assert (
        len([path for path in environments.iterdir() if path.name.startswith("small-") and path.is_dir()])
        == 1
    )


@pytest.fixture(scope="module")
def duration(tmp_path_factory: pytest.TempPathFactory, index: str) -> float:
    """Seconds of a whole run from nothing."""
    small, env = world(tmp_path_factory.mktemp("whole"), index)
    began = time.monotonic()
    judged(small, env)
    return time.monotonic() - began


@pytest.mark.parametrize("number", range(KILLS))
def test_the_run_after_a_kill_finishes(
    tmp_path: pathlib.Path, index: str, duration: float, number: int
) -> None:
    """One moment in each tenth of a run."""
    small, env = world(tmp_path, index)
    moment = (number + random.Random(number).random()) / KILLS * duration
    process = subprocess.Popen(
        [str(BIN / BUILD[0]), *BUILD[1:], str(small)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    judged(small, env)


def test_two_runs_at_once_both_succeed(tmp_path: pathlib.Path, index: str) -> None:
    small, env = world(tmp_path, index)
    command = [str(BIN / BUILD[0]), *BUILD[1:], str(small)]
    runs = [
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    said = [each.communicate(timeout=200) for each in runs]
    assert [each.returncode for each in runs] == [0, 0], said
    references = {json.loads(out)["environment"]["reference"] for out, _ in said}
    assert len(references) == 1
    judged(small, env)
