"""Programs in containers of a real engine: started by name, asked for their health, stopped by signals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from envspec.spec.program import Health
from envspec.system.errors import SpecError

from .conftest import Workshop

pytestmark = pytest.mark.docker

LOOP = """
import os, signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(9))
print(os.getpid(), os.getuid(), os.environ.get("MODE"), os.environ.get("ONLY"), os.getcwd(), flush=True)
while True:
    time.sleep(0.1)
"""
WRITE = "open('/data/x', 'w').close(); import os; print('wrote as', os.getuid())"


def planned(workshop: Workshop, **worker: Any) -> Plan:
    main = PlannedProgram(
        name="main",
        command=("python", "-c", LOOP),
        env={"MODE": "fast", "ONLY": "main"},
        workdir="/srv/main",
        stop_signal="SIGUSR1",
        health=Health(command=("python", "-c", "import os, sys; sys.exit(os.environ['MODE'] != 'fast')")),
    )
    values = {
        "command": ("python", "-c", LOOP),
        "env": {"MODE": "slow"},
        "health": Health(command=("python", "-c", "import os, sys; sys.exit(os.environ['MODE'] == 'slow')")),
    }
    other = PlannedProgram(name="worker", **{**values, **worker})
    writer = PlannedProgram(
        name="writer", command=("python", "-c", WRITE), user="www-data", volumes=("/data",), lasting=False
    )
    return workshop.plan(
        ("one", [workshop.wheel("lib")]), programs=(main, other, writer), env={"MODE": "all"}
    )


@pytest.fixture
def image(quick: Workshop) -> Iterator[tuple[Workshop, Environment]]:
    yield quick, quick.build(planned(quick))
    quick.clear()


def started(workshop: Workshop, image: str, *words: str, **how: Any) -> Any:
    return workshop.engine.client.containers.run(
        image, list(words), detach=True, network_mode="none", read_only=True, **how
    )


def said(container: Any, lines: int) -> list[str]:
    """The first lines that it said, but for the doctor's."""
    for _ in range(100):
        found = [line for line in container.logs().decode().splitlines() if not line.startswith("[OK]")]
        if len(found) >= lines:
            return found
        time.sleep(0.1)
    raise AssertionError(container.logs())


def test_programs_are_first_processes_with_variables_and_folders_of_their_own(
    image: tuple[Workshop, Environment],
) -> None:
    workshop, environment = image
    for words, line in (
        ((), "1 10001 fast main /srv/main"),
        (("worker",), "1 10001 slow None /srv/main"),
    ):
        container = started(workshop, environment.reference, *words)
        try:
            assert said(container, 1) == [line]
            container.stop(timeout=20)
            assert container.wait()["StatusCode"] == 9
        finally:
            container.remove(force=True)


def test_health_is_that_of_the_program_in_the_container(image: tuple[Workshop, Environment]) -> None:
    workshop, environment = image
    for words, code in (((), 0), (("worker",), 1)):
        container = started(workshop, environment.reference, *words)
        try:
            said(container, 1)
            test = container.attrs["Config"]["Healthcheck"]["Test"]
            assert container.exec_run(test[1:]).exit_code == code
        finally:
            container.remove(force=True)


def test_a_volume_belongs_to_who_writes_to_it(image: tuple[Workshop, Environment]) -> None:
    workshop, environment = image
    name = workshop.name
    for user in ("root", "www-data"):
        container = started(
            workshop, environment.reference, "writer", user=user, volumes={name: {"bind": "/data"}}
        )
        try:
            assert container.wait()["StatusCode"] == 0, container.logs()
            assert said(container, 1) == ["wrote as 33"]
        finally:
            container.remove(force=True)
    workshop.engine.client.volumes.get(name).remove()


def test_a_user_that_the_base_does_not_have_is_refused_before_anything_ships(quick: Workshop) -> None:
    with pytest.raises(SpecError, match="the base has no user nobody-knows"):
        quick.build(planned(quick, user="nobody-knows"))
    assert quick.images() == []
