"""Images built by a real engine, with both builders, from small wheels."""

import io
import json
import pathlib
import socket
import tarfile
import threading
from typing import Any

import pytest

from builder.backends.docker import container
from builder.backends.docker.engine import Engine
from builder.inside import places
from builder.values.environment import Environment
from builder.values.models import lock_models
from builder.values.plan import Plan
from envspec.lockfile.lock import LockedBase
from envspec.system.errors import BuildError, OutsideError, SpoiledError

from .conftest import IMAGE, Workshop, served

pytestmark = pytest.mark.docker


def listing(engine: Engine, image: str) -> dict[str, tuple[str, int, int]]:
    """Every path of an image, with its kind, mode and size (0 for what dates make differ)."""
    made = engine.client.containers.create(image)
    try:
        chunks: Any = made.export()  # the types say text
        data = b"".join(chunks)
    finally:
        made.remove(force=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name: (str(entry.type), entry.mode, entry.size) for entry in tar}


def inside(workshop: Workshop, environment: Environment, code: str) -> str:
    done = workshop.backend.run(environment, ["python", "-c", code])
    assert done.ok, done.tail
    return done.stdout.strip()


def three_stages(workshop: Workshop, late: str = "1.0", **more: object) -> Plan:
    return workshop.plan(
        ("first", [workshop.wheel("alpha")]),
        ("second", [workshop.wheel("beta")]),
        ("third", [workshop.wheel("gamma", late)]),
        **more,
    )


def test_installs_every_stage(workshop: Workshop) -> None:
    environment = workshop.build(three_stages(workshop))
    assert inside(workshop, environment, "import alpha, beta, gamma; print(gamma.__version__)") == "1.0"
    assert workshop.heard.stages == ["first", "second", "third"]


def test_a_late_pin_runs_no_earlier_stage_again(workshop: Workshop) -> None:
    workshop.build(three_stages(workshop))
    environment = workshop.build(three_stages(workshop, late="2.0"))
    assert workshop.heard.stages == ["third"]
    assert inside(workshop, environment, "import gamma; print(gamma.__version__)") == "2.0"


def test_the_same_plan_is_not_built_again(quick: Workshop) -> None:
    first, second = quick.build(three_stages(quick)), quick.build(three_stages(quick))
    assert (first.reused, second.reused) == (False, True)
    assert first.contents == second.contents != ""


def test_an_edit_of_the_payload_installs_nothing(workshop: Workshop) -> None:
    first = workshop.build(served(workshop))
    (workshop.folder / "code" / "more.py").write_text("x = 1\n")
    second = workshop.build(served(workshop))
    assert workshop.heard.stages == []
    assert first.reference != second.reference
    assert first.contents == second.contents != ""
    assert inside(workshop, second, "import more; print(more.x)") == "1"


def test_both_builders_make_the_same_files(
    engine: Engine, base: str, bare_home: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    from .conftest import make_builder

    listings = []
    for name in ("buildkit", "classic"):
        workshop = Workshop(engine, make_builder(name, engine), tmp_path)
        listings.append(listing(engine, workshop.build(served(workshop)).reference))
    one, other = listings
    assert set(one) == set(other)
    differing = {path for path in one if one[path] != other[path]}
    assert differing <= {"etc/passwd-", "etc/group-"}


def test_a_wheel_that_rewrites_an_earlier_one_fails_its_stage(workshop: Workshop) -> None:
    hostile = workshop.wheel("intruder", files={"intruder.py": "", "numpy/__init__.py": "changed = True\n"})
    plan = workshop.plan(
        ("numeric", [workshop.wheel("numpy", "1.23.5")]), ("late", [workshop.wheel("harmless"), hostile])
    )
    with pytest.raises(BuildError, match=r"stage late .*both bring numpy/__init__\.py") as caught:
        workshop.build(plan)
    assert "intruder==1.0" in caught.value.message
    assert caught.value.hint
    assert workshop.images() == []


def test_a_damaged_wheel_is_never_built_of_and_named(workshop: Workshop) -> None:
    """Whoever runs the backend fetches it again."""
    plan = workshop.plan(("one", [workshop.wheel("alpha")]), ("two", [damaged := workshop.wheel("beta")]))
    stored = workshop.store.path(plan.stages[1].wheels[0])
    stored.chmod(0o644)
    stored.write_bytes(b"x" * damaged.stat().st_size)
    with pytest.raises(SpoiledError, match=r"beta-1\.0-py3-none-any\.whl"):
        workshop.build(plan)
    assert not stored.exists()


def test_trims_files_and_their_records(workshop: Workshop) -> None:
    files = {"alpha/__init__.py": "", "alpha/tests/__init__.py": "", "alpha/tests/deep/test_a.py": ""}
    plan = workshop.plan(("one", [workshop.wheel("alpha", files=files)]))
    stage = plan.stages[0].model_copy(update={"trim": ("**/tests/**",)})
    environment = workshop.build(plan.model_copy(update={"stages": (stage,)}))
    code = (
        "import importlib.metadata as m, pathlib, alpha; print(sorted(map(str, m.files('alpha'))),"
        "(pathlib.Path(alpha.__file__).parent / 'tests').exists())"
    )
    said = inside(workshop, environment, code)
    assert "tests" not in said
    assert said.endswith("False")


def test_nothing_of_the_build_stays_in_the_image(workshop: Workshop) -> None:
    environment = workshop.build(served(workshop))
    paths = set(listing(workshop.engine, environment.reference))
    assert not [path for path in paths if path.endswith(".whl")]
    assert not {path.rpartition("/")[2] for path in paths if "/bin/" in path} & {"uv", "pip", "gcc", "cc"}
    assert not [path for path in paths if path.startswith("mnt/") and path != "mnt/"]
    assert not [path for path in paths if "/.cache/" in path]
    history = json.dumps(workshop.engine.client.images.get(environment.reference).history())
    assert "wheels" not in history


def test_what_serving_loads_is_compiled(workshop: Workshop) -> None:
    files = {"alpha/__init__.py": "from alpha import used\n", "alpha/used.py": "", "alpha/unused.py": ""}
    plan = workshop.plan(("one", [workshop.wheel("alpha", files=files)]))
    paths = set(listing(workshop.engine, workshop.build(plan).reference))
    compiled = {
        path.rpartition("/")[2].partition(".")[0]
        for path in paths
        if "/alpha/__pycache__/" in path and path.endswith(".pyc")
    }
    assert compiled == {"__init__", "used"}


@pytest.mark.parametrize("compiled", [True, False])
def test_the_standard_library_is_compiled_unless_the_spec_says_otherwise(
    workshop: Workshop, compiled: bool
) -> None:
    plan = workshop.plan(("one", [workshop.wheel("alpha")]), compiled=compiled)
    paths = listing(workshop.engine, workshop.build(plan).reference)
    assert ("usr/lib/python3.11/__pycache__/argparse.cpython-311.pyc" in paths) is compiled
    assert not [path for path in paths if "/test/" in path and path.endswith(".pyc")]


def test_build_steps_have_no_network(workshop: Workshop) -> None:
    """A module that is imported while the image is built tries to call home."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def listen() -> None:
            with server.accept()[0] as connection:
                heard.append(connection.recv(20))

        listener = threading.Thread(target=listen)
        listener.start()
        call = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2).sendall(b'inside')\n"
        plan = workshop.plan(("one", [workshop.wheel("caller", files={"caller.py": call})]))
        workshop.build(plan)
        assert heard == []
        with socket.create_connection(("127.0.0.1", port)) as own:  # the server does hear who reaches it
            own.sendall(b"outside")
        listener.join()
    assert heard == [b"outside"]


def test_variables_reach_the_service_unchanged(workshop: Workshop) -> None:
    environment = workshop.build(served(workshop))
    config = workshop.engine.client.images.get(environment.reference).attrs["Config"]
    assert 'WORD=a $b "c" \\d' in config["Env"]


def test_models_have_a_layer_of_their_own(workshop: Workshop) -> None:
    """Readable to the service's user, told to the service and the doctor; a change installs no package."""
    weights = workshop.folder / "voices" / "mine" / "weights.bin"
    weights.parent.mkdir(parents=True)

    def speaking(content: str) -> Plan:
        weights.write_text(content)
        weights.chmod(0o600)
        plan = served(workshop)
        assert plan.service is not None
        service = plan.service.model_copy(update={"models": ("./voices/mine",)})
        return plan.model_copy(update={"service": service, "models": lock_models(service, workshop.folder)})

    code = (
        "import os, pathlib; print(pathlib.Path("
        "os.environ['TTS_MODELS_DIR'], os.environ['TTS_MODELS'], 'weights.bin').read_text())"
    )
    first = workshop.build(speaking("first"))
    assert inside(workshop, first, code) == "first"
    doctor = [*places.entrypoint(), "doctor"]
    assert "[OK] model voices/mine" in workshop.backend.run(first, doctor).stdout
    second = workshop.build(speaking("second"))
    assert inside(workshop, second, code) == "second"
    assert workshop.heard.stages == []


def test_says_what_it_is(quick: Workshop) -> None:
    plan = served(quick)
    config = quick.engine.client.images.get(quick.build(plan).reference).attrs["Config"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == quick.name
    assert labels["io.envspec.lock"] == plan.lock
    assert labels["io.envspec.plan"] == plan.digest
    assert labels["io.envspec.packages"] == "gunicorn==1.0"
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert list(config["ExposedPorts"]) == ["5099/tcp"]
    assert "/opt/envspec" in config["Healthcheck"]["Test"]


def test_carries_its_bill_of_materials(quick: Workshop) -> None:
    environment = quick.build(three_stages(quick))
    path = quick.engine.client.images.get(environment.reference).attrs["Config"]["Labels"]["io.envspec.sbom"]
    said = inside(quick, environment, f"print(open({path!r}).read())")
    assert {each["name"] for each in json.loads(said)["components"]} >= {"alpha", "beta", "gamma"}


def test_an_image_of_that_name_is_a_base_too(quick: Workshop) -> None:
    plan = three_stages(quick, base=LockedBase(image=IMAGE))
    assert inside(quick, quick.build(plan), "import alpha; print(alpha.__version__)") == "1.0"


def test_a_base_that_cannot_be_had(workshop: Workshop) -> None:
    plan = three_stages(workshop, base=LockedBase(image="127.0.0.1:9/no/such:image"))
    with pytest.raises(OutsideError, match=r"127\.0\.0\.1:9/no/such:image is not in the engine"):
        workshop.build(plan)


def test_a_base_with_another_python(workshop: Workshop) -> None:
    plan = three_stages(workshop, base=LockedBase(image=IMAGE), python="3.9")
    with pytest.raises(BuildError, match=r"the base image has no python3\.9"):
        workshop.build(plan)


def test_an_engine_of_another_processor(quick: Workshop) -> None:
    plan = three_stages(quick, machine="riscv64")
    with pytest.raises(OutsideError, match="the spec is for riscv64"):
        quick.build(plan)


def test_commands_get_input_variables_and_a_deadline(quick: Workshop) -> None:
    environment = quick.build(three_stages(quick))
    code = (
        "import os, sys; print(sys.stdin.read(), os.environ['X']);"
        "print('aside', file=sys.stderr); sys.exit(3)"
    )
    done = quick.backend.run(environment, ["python", "-c", code], stdin="given", env={"X": "y"})
    assert (done.stdout, done.stderr, done.code) == ("given y\n", "aside\n", 3)
    late = quick.backend.run(environment, ["python", "-c", "import time; time.sleep(60)"], timeout=1)
    assert late.timed_out
    assert quick.backend.run(environment, ["no-such-program"]).code == 127


def test_a_signal_is_told_as_one(quick: Workshop) -> None:
    environment = quick.build(three_stages(quick))
    assert quick.backend.run(environment, ["python", "-c", "import sys; sys.exit(139)"]).code == -11


def test_finds_the_interpreter_of_a_foreign_image(engine: Engine, base: str) -> None:
    assert container.find_python(engine, base).startswith("/usr/bin/python3")
