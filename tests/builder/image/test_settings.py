"""How containers start: the variables of an image, in which order they win, and what the toolkit reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from builder.image.cards import card_labels, toolkit_variables
from builder.image.contents import image_facts
from builder.image.settings import image_labels, image_variables
from builder.values.gpu import PlannedGpu
from builder.values.stages import PlannedWheel
from envspec.spec.model import Service
from tests.builder.backends.docker.conftest import make_plan

ONE: list[tuple[str, list[PlannedWheel]]] = [("one", [])]
GPU = PlannedGpu(
    cards=("sm_90", "sm_89"),
    driver="525.60.13",
    cuda="12.0",
    because="nvidia-cuda-runtime-cu12 12.8.90",
    kernels={"torch 2.8.0": ("sm_90", "sm_80", "compute_90")},
)


def service(**env: str) -> Service:
    return Service(module="app:app", env=env)


def test_the_variables_of_the_environment_have_its_places() -> None:
    plan = make_plan(ONE, env={"LIB": "{prefix}/lib:{site}/x", "JSON": '{"a": {}}'})
    found = image_variables(plan)
    assert found["LIB"] == "/opt/env/lib:/opt/env/lib/python3.11/site-packages/x"
    assert found["JSON"] == '{"a": {}}'


def test_the_services_own_win_over_the_environments_and_both_over_ours() -> None:
    env = {"PYTHONUNBUFFERED": "0", "WORD": "environment", "NVIDIA_VISIBLE_DEVICES": "0"}
    found = image_variables(make_plan(ONE, env=env, service=service(WORD="service"), gpu=GPU))
    assert (found["PYTHONUNBUFFERED"], found["WORD"]) == ("0", "service")
    assert found["NVIDIA_VISIBLE_DEVICES"] == "0"


def test_the_toolkit_is_told_the_floor_of_the_driver() -> None:
    found = image_variables(make_plan(ONE, gpu=GPU))
    assert {name: found[name] for name in found if name.startswith("NVIDIA")} == {
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "NVIDIA_REQUIRE_CUDA": "cuda>=12.0,driver>=525.60.13",
    }
    assert image_labels(make_plan(ONE, gpu=GPU))["io.envspec.gpu"] == "sm_90 sm_89"
    assert card_labels(GPU)["io.envspec.driver"] == "525.60.13"


def test_a_floor_that_nobody_knows_is_not_told() -> None:
    unknown = PlannedGpu(cards=("sm_90",))
    assert "NVIDIA_REQUIRE_CUDA" not in toolkit_variables(unknown)
    assert set(card_labels(unknown)) == {"io.envspec.gpu"}


@pytest.mark.parametrize("plan", [{}, {"gpu": None}])
def test_where_no_card_is_meant_nothing_is_said_of_cards(plan: dict[str, Any]) -> None:
    made = make_plan(ONE, **plan)
    assert not [name for name in image_variables(made) if name.startswith("NVIDIA")]
    assert "io.envspec.gpu" not in image_labels(made)
    assert "gpu" not in image_facts(made)


def test_the_image_knows_what_the_doctor_asks_for() -> None:
    facts = json.loads(json.dumps(image_facts(make_plan(ONE, gpu=GPU))))
    assert facts["gpu"]["kernels"] == {"torch 2.8.0": ["sm_90", "sm_80", "compute_90"]}
    assert (facts["gpu"]["driver"], facts["gpu"]["cuda"]) == ("525.60.13", "12.0")
