"""What an image does when it runs: the doctor, the service, its health and its end."""

import contextlib
import http.client
import json
import pathlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from builder.backends.docker.subject import DockerSubject
from builder.judge import judge_subject
from builder.values.environment import Environment
from envspec.spec.model import Smoke
from envspec.system.errors import OutsideError

from .conftest import Workshop

pytestmark = pytest.mark.docker

PORT = 5099

CMDLINE = "import pathlib; print(pathlib.Path('/proc/1/cmdline').read_text())"


@contextlib.contextmanager
def running(workshop: Workshop, image: str, **more: Any) -> Iterator[Any]:
    """A container of the image, on the machine's own network."""
    made = workshop.engine.client.containers.run(image, detach=True, network_mode="host", **more)
    try:
        yield made
    finally:
        made.remove(force=True)


def ask(path: str, patience: float = 20.0) -> int:
    """Status of one request, once the service answers at all."""
    end = time.monotonic() + patience
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


def test_serves_under_a_read_only_root_without_any_right(
    serving_image: tuple[Workshop, Environment],
) -> None:
    workshop, environment = serving_image
    limits: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}
    with running(workshop, environment.reference, **limits) as container:
        assert ask("/") == 200
        said = container.logs().decode()
        assert said.splitlines()[0] == "[OK] gunicorn 1.0"
        assert container.exec_run(["python", "-c", "import os; print(os.getuid())"]).output == b"10001\n"


def test_becomes_healthy(serving_image: tuple[Workshop, Environment]) -> None:
    workshop, environment = serving_image
    test = workshop.engine.client.images.get(environment.reference).attrs["Config"]["Healthcheck"]["Test"]
    quick = {"test": test, "interval": 10**9 // 2, "timeout": 5 * 10**9, "retries": 2}
    with running(workshop, environment.reference, healthcheck=quick) as container:
        assert wait_for(container, "healthy")


def test_is_unhealthy_while_nothing_answers(serving_image: tuple[Workshop, Environment]) -> None:
    workshop, environment = serving_image
    image = workshop.engine.client.images.get(environment.reference)
    test = image.attrs["Config"]["Healthcheck"]["Test"]
    assert test[0] == "CMD"
    assert workshop.backend.run(environment, test[1:]).code == 1


def wait_for(container: Any, status: str) -> bool:
    for _ in range(100):
        container.reload()
        if container.attrs["State"]["Health"]["Status"] == status:
            return True
        time.sleep(0.1)
    return False


def test_signals_reach_the_service(serving_image: tuple[Workshop, Environment]) -> None:
    """The service is process 1 itself: nothing stands between it and a signal."""
    workshop, environment = serving_image
    with running(workshop, environment.reference) as container:
        assert ask("/") == 200
        command = container.exec_run(["python", "-c", CMDLINE]).output.decode().split("\0")
        assert command[1:3] == ["-m", "gunicorn"]


def test_refuses_to_start_when_something_is_not_as_locked(
    serving_image: tuple[Workshop, Environment],
) -> None:
    workshop, environment = serving_image
    site = "/opt/env/lib/python3.11/site-packages"
    drift = f"import os, shutil; os.chdir({site!r}); os.mkdir('extra-1.dist-info');"
    drift += "shutil.move('gunicorn-1.0.dist-info', 'gunicorn-2.0.dist-info')"
    lines = f"FROM {environment.reference}\nUSER 0\nRUN {json.dumps(['python', '-c', drift])}\n"
    moved = subprocess.run(
        ["docker", "-H", workshop.engine.address.host, "build", "-q", "--network", "none", "-"],
        input=lines, capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/usr/local/bin:/bin", "DOCKER_BUILDKIT": "0", "HOME": "/tmp"},
    ).stdout.strip()  # fmt: skip
    container = workshop.engine.client.containers.run(moved, detach=True, network_mode="none")
    try:
        assert container.wait(timeout=30)["StatusCode"] == 78
        assert container.logs().decode().splitlines() == [
            "[FAIL] gunicorn 1.0 is 2.0 instead",
            "[FAIL] extra 1 was never locked",
            "refusing to start: this is not the environment that was locked; build it again",
        ]
    finally:
        container.remove(force=True)
        workshop.engine.client.images.remove(moved, force=True)


def test_the_doctor_costs_little(serving_image: tuple[Workshop, Environment]) -> None:
    """Less than half a second, measured inside where the engine's own time does not count."""
    workshop, environment = serving_image
    code = (
        "import subprocess, time; t = time.monotonic();"
        "subprocess.run(['/opt/env/bin/python', '-I', '-S', '-B', '/opt/envspec', 'doctor'], check=True,"
        " stdout=subprocess.DEVNULL); print(time.monotonic() - t)"
    )
    took = min(float(workshop.backend.run(environment, ["python", "-c", code]).stdout) for _ in range(2))
    assert took < 0.5


def test_other_commands_run_as_they_are(serving_image: tuple[Workshop, Environment]) -> None:
    workshop, environment = serving_image
    run = workshop.engine.client.containers.run
    said = run(environment.reference, ["python", "-c", "print('own')"], network_mode="none", remove=True)
    assert said == b"own\n"
    assert run(environment.reference, "doctor", network_mode="none", remove=True) == b"[OK] gunicorn 1.0\n"


def test_temporary_files_have_a_place_under_a_read_only_root(
    serving_image: tuple[Workshop, Environment],
) -> None:
    workshop, environment = serving_image
    said = workshop.engine.client.containers.run(
        environment.reference,
        ["python", "-c", "import tempfile; print(tempfile.gettempdir())"],
        network_mode="none", read_only=True, remove=True,
    )  # fmt: skip
    assert said == b"/dev/shm\n"


def test_the_judge_looks_at_an_image(serving_image: tuple[Workshop, Environment]) -> None:
    workshop, environment = serving_image
    image = workshop.engine.client.images.get(environment.reference)
    target = DockerSubject(environment.reference, workshop.engine)
    verdict = judge_subject(target, lock={"gunicorn": "1.0"}, smoke=Smoke(exchange=False), fast=True)
    assert verdict.ships, verdict.findings
    assert verdict.target == environment.reference
    assert verdict.python.startswith("3.11.")
    assert workshop.engine.client.images.get(environment.reference).id == image.id


def test_the_judge_needs_an_image_with_a_python(
    serving_image: tuple[Workshop, Environment], tmp_path: pathlib.Path
) -> None:
    workshop, _ = serving_image
    with pytest.raises(OutsideError, match="has no image no/such:image"):
        DockerSubject("no/such:image", workshop.engine)
    (tmp_path / "file").write_text("x")
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY file /file\nCMD ["/file"]\n')
    image, _ = workshop.engine.client.images.build(path=str(tmp_path), tag=f"{workshop.name}-bare", rm=True)
    with pytest.raises(OutsideError, match="no Python"):
        _ = DockerSubject(image.tags[0], workshop.engine).python


def test_nothing_answers_from_outside_a_judged_container(
    serving_image: tuple[Workshop, Environment],
) -> None:
    """Commands run without a network: they see a loopback device and nothing else."""
    workshop, environment = serving_image
    done = workshop.backend.run(
        environment, ["python", "-c", "import os; print(os.listdir('/sys/class/net'))"]
    )
    assert json.loads(done.stdout.replace("'", '"')) == ["lo"]


def test_no_container_is_left_behind(serving_image: tuple[Workshop, Environment]) -> None:
    workshop, environment = serving_image
    workshop.backend.run(environment, ["python", "-c", "import time; time.sleep(30)"], timeout=0.5)
    left = workshop.engine.client.containers.list(all=True, filters={"ancestor": environment.reference})
    assert left == []
