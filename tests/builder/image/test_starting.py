"""The line that says how an image is started."""

from __future__ import annotations

from typing import Any

import pytest

from builder.image.starting import image_folders, image_start, start_line
from builder.values.copies import CopiedFile, PlannedCopy
from builder.values.program import planned_programs
from envspec.spec.load import parse_spec
from tests.builder.backends.docker.conftest import make_plan

ALONE = "it is Python alone: [run] in the spec says what to start"


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (
            {"Cmd": ["serve"], "ExposedPorts": {"9000/tcp": {}, "8000/tcp": {}}},
            "serve it: docker run --rm --read-only --publish 8000:8000 --publish 9000:9000 a:1",
        ),
        (
            {"Cmd": ["serve"], "ExposedPorts": {"80/tcp": {}}, "Labels": {"io.envspec.writes": "/app"}},
            "serve it: docker run --rm --publish 80:80 a:1",
        ),
        ({"Cmd": ["serve"]}, "start it: docker run --rm a:1"),
        (
            {"Cmd": ["python"]},
            f"start it: docker run --rm --interactive --tty a:1 ({ALONE})",
        ),
    ],
)
def test_an_image_says_how_it_is_started(config: dict[str, Any], line: str) -> None:
    assert start_line("a:1", config) == line


def test_where_containers_have_the_machines_network_no_port_is_published() -> None:
    config = {"Cmd": ["serve"], "ExposedPorts": {"80/tcp": {}}}
    assert start_line("a:1", config, host=True).endswith("--read-only --network host a:1")


def test_an_image_of_a_plan_without_programs_is_python_alone() -> None:
    command = list(image_start(make_plan([("one", [])])).command)
    assert "Python alone" in start_line("a:1", {"Cmd": command})


def test_a_folder_that_programs_start_in_belongs_to_who_owns_its_copy() -> None:
    run = '[run]\ncommand = ["x"]\nworkdir = "/srv"\n[[copy]]\nfrom = "a"\nto = "/srv"\nowner = "app"\n'
    spec = parse_spec(f'name = "a"\npython = "3.11"\n[[stage]]\nname = "a"\ninstall = ["b==1"]\n{run}')
    (program,) = planned_programs(spec)
    assert program.writes == ("/srv",)
    file = CopiedFile(path="/srv/main.py", sha256="0" * 64)
    plan = make_plan([("one", [])])
    for files, owner in (((file,), "10001:10001"), ((), "0:0")):
        copy = PlannedCopy(to="/srv", files=files, owner="app")
        found = image_folders(plan.model_copy(update={"programs": (program,), "copies": (copy,)}))
        assert [(each.path, each.owner) for each in found] == [("/srv", owner)]


@pytest.mark.parametrize("to", ["/app", ".", "./"])
@pytest.mark.parametrize(("service", "writes"), [("", ("/app",)), ('[service]\nmodule = "a:app"\n', ())])
def test_a_program_writes_to_app_where_that_is_its_copy_and_no_payload(
    service: str, writes: tuple[str, ...], to: str
) -> None:
    run = f'[run.worker]\ncommand = ["x"]\n[[copy]]\nfrom = "a"\nto = "{to}"\nowner = "app"\n'
    head = 'name = "a"\npython = "3.11"\n[[stage]]\nname = "a"\ninstall = ["b==1"]\n'
    *_, program = planned_programs(parse_spec(f"{head}{service}{run}"))
    assert program.writes == (() if to.endswith("/") else writes)
