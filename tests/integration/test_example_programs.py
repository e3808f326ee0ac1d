"""The examples of programs, each built from its lock and its source tree without an engine, and tried."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest

from tests.support.paths import EXAMPLES
from tests.support.program import run

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.slow]


@pytest.mark.parametrize(
    ("name", "programs"),
    [
        ("fastapi", {"main": True}),
        ("celery", {"main": True, "beat": True}),
        ("training", {"main": True, "nightly": False}),
        ("grpc", {"main": True}),
        ("streamlit", {"main": True}),
    ],
)
def test_an_example_ships_and_its_programs_work(
    tmp_path: pathlib.Path, name: str, programs: dict[str, bool]
) -> None:
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder)
    done = run("build-image", folder, "--backend", "oci", "--locked", "--format", "json", timeout=900)
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (0, "ships"), done.stdout[-3000:]
    tried = {
        each: bool(facts.get("ready") or facts.get("trials")) for each, facts in report["trials"].items()
    }
    assert tried == programs, report["trials"]
