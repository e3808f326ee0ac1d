"""The doctor's line about cards: what it says, when it refuses, and that no driver can make it crash."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.image import contents
from builder.inside.entrypoint import driver, gpu
from envspec.spec import cards
from tests.support.driver import stub_driver
from tests.support.paths import ROOT

PINS = {"nvidia-cuda-runtime-cu12": "12.8.90", "nvidia-cudnn-cu12": "9.10.2.21", "torch": "2.8.0"}
WANTED = {
    "driver": "525.60.13",
    "cuda": "12.0",
    "because": "nvidia-cuda-runtime-cu12 12.8.90",
    "kernels": {"torch 2.8.0": ["sm_80", "sm_90", "compute_90"]},
}
KNOWN = "driver 580.159.04 (CUDA 13.0), runtime 12.8.90, cuDNN 9.10.2.21"
H200 = {"name": "NVIDIA H200", "major": 9, "minor": 0}


def facts(**changes: object) -> dict[str, Any]:
    return {"pins": PINS, "gpu": {**WANTED, **changes}}


def found(*cards: Mapping[str, object], **changes: object) -> dict[str, Any]:
    return {"library": True, "cuda": 13000, "driver": "580.159.04", "cards": list(cards), **changes}


def line(facts: Mapping[str, Any], found: Mapping[str, Any], **env: str) -> tuple[bool, str]:
    (said,) = gpu.examine(facts, found, env)
    return said


def test_one_line_has_card_capability_driver_runtime_and_cudnn() -> None:
    assert line(facts(), found(H200)) == (
        True,
        f"NVIDIA H200 (sm_90), {KNOWN}",
    )
    assert line(facts(), found(H200, H200))[1].startswith("2 × NVIDIA H200 (sm_90), driver")


def test_nobody_asks_where_no_card_is_meant() -> None:
    assert list(gpu.examine({"pins": PINS}, {}, {})) == []


def test_an_older_driver_is_refused_with_who_needs_the_newer() -> None:
    good, said = line(facts(), found(H200, cuda=11040, driver="470.57.02"))
    assert not good
    assert said.endswith("; the driver is older than 525.60.13, which nvidia-cuda-runtime-cu12 12.8.90 needs")


def test_the_library_decides_over_the_kernel_module() -> None:
    """A compatibility package brings a library that is newer than the driver's."""
    assert line(facts(), found(H200, cuda=12080, driver="470.57.02"))[0]
    assert not line(facts(), found(H200, cuda=0, driver="470.57.02"))[0]


def test_a_card_without_kernels_is_refused() -> None:
    volta = {"name": "Tesla V100", "major": 7, "minor": 0}
    assert line(facts(), found(volta)) == (
        False,
        f"Tesla V100 (sm_70), {KNOWN}; torch 2.8.0 has no kernel for it",
    )
    assert line(facts(), found(volta, H200))[0]  # one that serves is enough


@pytest.mark.parametrize("without", [{"kernels": {}}, {"kernels": {"x 1": []}}, {"driver": "", "cuda": ""}])
def test_what_nobody_knows_is_no_reason_to_refuse(without: dict[str, Any]) -> None:
    assert line(facts(**without), found(H200))[0]


def test_no_card_is_refused_unless_a_processor_will_do() -> None:
    nothing = found(problem="the driver sees no card")
    assert line(facts(), nothing)[0] is False
    assert line(facts(), nothing, ENVSPEC_GPU="required")[0] is False
    good, said = line(facts(), nothing, ENVSPEC_GPU="optional")
    assert good
    assert said.endswith("the driver sees no card; ENVSPEC_GPU=optional: a processor will do")


@pytest.mark.parametrize(
    ("code", "runs", "not_on"),
    [
        ("sm_80", (8, 6), (9, 0)),
        ("sm_86", (8, 9), (8, 0)),
        ("sm_120", (12, 1), (10, 0)),
        ("sm_90a", (9, 0), (10, 0)),
        ("sm_100f", (10, 3), (12, 0)),
        ("compute_75", (9, 0), (7, 0)),
        ("compute_90a", (9, 0), (10, 0)),
        ("compute_100f", (10, 3), (11, 0)),
    ],
)
def test_which_code_runs_on_which_card(code: str, runs: tuple[int, int], not_on: tuple[int, int]) -> None:
    assert gpu.runs_on(code, *runs)
    assert not gpu.runs_on(code, *not_on)


@pytest.mark.parametrize("suffix", ["", "a", "f"])
@pytest.mark.parametrize("kind", ["sm", "compute"])
def test_the_doctor_and_the_proof_say_the_same(kind: str, suffix: str) -> None:
    for code in cards.KNOWN:
        word = f"{kind}_{code[0]}{code[1]}{suffix}"
        for number in cards.KNOWN:
            proved = cards.runs_on(
                cards.Architecture.parse(word), cards.Architecture(*number), ptx=kind == "compute"
            )
            assert gpu.runs_on(word, *number) == proved, (word, number)


@given(st.text(), st.integers(0, 99), st.integers(0, 9))
def test_words_that_nobody_knows_count_as_code_that_runs(word: str, major: int, minor: int) -> None:
    assert gpu.runs_on(word, major, minor) or gpu._CODE.fullmatch(word)


@given(st.integers(0, 2**31 - 1), st.text(max_size=20), st.text(max_size=20))
def test_no_answer_of_a_driver_is_too_strange(cuda: int, version: str, name: str) -> None:
    strange = found({"name": name, "major": 9, "minor": 0}, cuda=cuda, driver=version)
    assert len(list(gpu.examine(facts(), strange, {}))) == 1


# The whole program, with a driver's library made for the test.


@pytest.fixture
def image(tmp_path: pathlib.Path) -> pathlib.Path:
    """The entrypoint laid out as in an image, with nothing installed and a card that is meant."""
    place = tmp_path / "image"
    for name in (*contents.runtime_files(), contents.MAIN):
        target = place / ("__main__.py" if name == contents.MAIN else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (tmp_path / "site").mkdir()
    known = {"site": str(tmp_path / "site"), "pins": {}, "named": [], "embedded": False, "gpu": WANTED}
    known |= {"programs": {"main": {"command": ["echo", "serving"]}}}
    (place / "environment.json").write_text(json.dumps(known))
    return place


def served(image: pathlib.Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", "-B", str(image), "serve"]
    clean = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    return subprocess.run(command, capture_output=True, text=True, env={**clean, **env}, timeout=120)


def test_with_a_card_that_fits_it_serves(image: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = served(image, **stub_driver(tmp_path / "d", cards=2))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("[OK] 2 × NVIDIA H200 (sm_90), driver ")
    assert done.stdout.endswith("\nserving\n")


@pytest.mark.parametrize(
    ("driven", "words"),
    [
        ({"cuda": 11040}, "the driver is older than 525.60.13"),
        ({"init": 100}, "the driver sees no card"),
        ({"init": 34}, "what was loaded is a stub for linking"),
        ({"init": 803}, "library and its kernel module are of different versions"),
        ({"init": 999}, "the driver answers with error 999"),
        ({"cards": 0}, "no card is passed in"),
        ({"capability": 70, "name": "Tesla V100"}, "torch 2.8.0 has no kernel for it"),
        ({"on_init": "abort()"}, "the driver's library ended the process that asked it"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_in_words(
    image: pathlib.Path, tmp_path: pathlib.Path, driven: dict[str, Any], words: str
) -> None:
    variables = stub_driver(tmp_path / "d", **driven)
    done = served(image, **variables)
    assert (done.returncode, done.stderr) == (78, "")
    assert words in done.stdout
    assert "ENVSPEC_GPU=optional starts it all the same" in done.stdout
    assert served(image, **variables, ENVSPEC_GPU="optional").stdout.endswith("\nserving\n")


def test_a_machine_without_a_driver(image: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "libcuda.so.1").write_text("no library")
    done = served(image, LD_LIBRARY_PATH=str(tmp_path / "d"))
    assert (done.returncode, done.stderr) == (78, "")
    assert "no GPU; there is no driver here" in done.stdout.replace(", driver", "; driver")


def test_a_library_that_is_no_driver(tmp_path: pathlib.Path) -> None:
    assert "is no driver of NVIDIA's" in driver.driver_facts("libc.so.6")["problem"]
