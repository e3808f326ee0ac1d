"""Killed or interrupted at any moment: answered at once, nothing left, and the next run is right."""

import dataclasses
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.builder.backends.docker.conftest import engine_address
from tests.integration.conftest import SPEC, shop_in, spec_in
from tests.support.amount import amount
from tests.support.base_image import write_base
from tests.support.index import simple_index
from tests.support.processes import below, catches, marked, within
from tests.support.program import BIN, machine, run

SEED = int(os.environ.get("ENVSPEC_SEED", "15"))
HANGING = 5.0
"""Seconds after which it counts as no answer, however busy the machine is; what is measured is printed."""

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}
BASE = "nowhere.invalid/killed:bookworm"


@dataclasses.dataclass(frozen=True)
class World:
    """A spec on a machine that has built nothing yet; all that runs there is known by the folder's name."""

    folder: pathlib.Path
    backend: str
    index: str

    @property
    def spec(self) -> pathlib.Path:
        return self.folder / "small"

    @property
    def home(self) -> pathlib.Path:
        return self.folder / "home"

    @property
    def temporary(self) -> pathlib.Path:
        return self.folder / "tmp"

    @property
    def env(self) -> dict[str, str]:
        return machine(self.home, PIP_INDEX_URL=self.index, TMPDIR=str(self.temporary))

    @property
    def words(self) -> list[str]:
        return [str(BIN / "build-image"), str(self.spec), "--backend", self.backend, "--format", "json"]

    def another(self, folder: pathlib.Path) -> "World":
        """The same spec on a new machine."""
        shutil.copytree(self.spec, folder / "small", ignore=shutil.ignore_patterns("envspec.lock"))
        return made(dataclasses.replace(self, folder=folder))

    def left(self) -> list[object]:
        """What a run that has ended must not leave: processes, temporary folders and containers."""
        found: list[object] = [*marked(str(self.folder)), *self.temporary.iterdir()]
        return [*found, *containers()] if self.backend == "docker" else found


@dataclasses.dataclass(frozen=True)
class Whole:
    """What one clean run made."""

    seconds: float
    digest: str
    lock: bytes
    files: dict[str, int]
    """Bytes of each file of the home."""

    @property
    def size(self) -> int:
        return sum(self.files.values())


def containers() -> list[str]:
    """All containers of images on this base; other tests use the same engine."""
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"ancestor={BASE}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def made(world: World) -> World:
    world.temporary.mkdir(parents=True, exist_ok=True)
    return world


BACKENDS = ["virtualenv", "oci", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture(scope="module", params=BACKENDS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp(request.param)
    bases = {"virtualenv": "host = true", "oci": f'image = "{BASE}"\narchive = "base.tar"'}
    base = bases.get(request.param, f'image = "{BASE}"')
    spec = spec_in(folder / "small", SPEC.replace("host = true", base))
    if request.param != "virtualenv":
        write_base(spec / "base.tar")
    if request.param == "docker":
        address = engine_address()
        if address is None:
            pytest.skip("no engine answers: scripts/engine starts one")
        os.environ["DOCKER_HOST"] = address
        subprocess.run(["docker", "import", spec / "base.tar", BASE], check=True, capture_output=True)
        (spec / "base.tar").unlink()
    index = simple_index(folder / "simple", shop_in(folder / "files"))
    return made(World(folder=folder, backend=request.param, index=index))


@pytest.fixture(scope="module")
def whole(world: World) -> Whole:
    """A clean run on the first machine, whose home is warm from then on."""
    return to_the_end(world)


def to_the_end(world: World) -> Whole:
    began = time.monotonic()
    done = run(*world.words[:1], *world.words[1:], env=world.env)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert world.left() == []
    return Whole(
        seconds=seconds,
        digest=json.loads(done.stdout)["environment"]["digest"],
        lock=(world.spec / "envspec.lock").read_bytes(),
        files={
            str(path.relative_to(world.home)): path.lstat().st_size
            for path in world.home.rglob("*")
            if path.is_file() and not path.is_symlink()
        },
    )


def stop(world: World, moment: float, number: signal.Signals) -> float | None:
    """Send a run this signal at this moment; seconds until it had ended, None where it was done already."""
    before = world.left()  # by a SIGKILL: a run that is ended early has not swept yet
    with subprocess.Popen(
        world.words, env=world.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert within(HANGING, lambda: catches(process.pid, signal.SIGTERM))
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            pass
        else:
            return None
        family = below(process.pid)
        began = time.monotonic()
        process.send_signal(number)
        try:
            code = process.wait(HANGING)
        finally:
            process.kill()
        seconds = time.monotonic() - began
        said = process.stderr.read()
    if code == 0:
        return None
    assert code == CODES[number], said
    assert "Traceback" not in said
    assert said.count("nothing half-made is left behind") == (number != signal.SIGKILL)
    assert within(HANGING, lambda: not any(each.lives for each in family)), [e for e in family if e.lives]
    assert within(HANGING, lambda: not marked(str(world.folder))), marked(str(world.folder))
    if number != signal.SIGKILL:
        assert [each for each in world.left() if each not in before] == []
    return seconds


def moments(count: int, seconds: float, name: str) -> list[tuple[float, signal.Signals]]:
    """Moments spread over a run of that length, one at random in each part, and the signal for each."""
    chance = random.Random(f"{SEED} {name}")
    numbers = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP]
    return [
        ((part + chance.random()) / count * seconds, numbers[(part + chance.randrange(2)) % len(numbers)])
        for part in range(count)
    ]


def tell(world: World, home: str, answers: list[tuple[float, signal.Signals, float | None]]) -> None:
    """Print what was measured: the worst is what counts."""
    answered = [seconds for _, number, seconds in answers if seconds is not None and number != signal.SIGKILL]
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    lines = [f"{world.backend}, {home} home, seed {SEED}, load {load}: {len(answers)} moments"]
    lines += [f"{len(answered)} signals answered, the worst in {max(answered, default=0.0):.2f} s"]
    lines += [
        f"{moment:6.2f} s {number.name:8} {'done' if seconds is None else f'{seconds:.2f} s'}"
        for moment, number, seconds in answers
    ]
    sys.stdout.write("\n" + "\n  ".join(lines) + "\n")


def same(world: World, whole: Whole) -> None:
    """Run to the end, and hold it against a clean run."""
    again = to_the_end(world)
    assert (again.digest, again.lock) == (whole.digest, whole.lock)
    assert again.size <= whole.size * 1.05, sorted(again.files.items() - whole.files.items())


def test_from_an_empty_home(world: World, whole: Whole, tmp_path: pathlib.Path) -> None:
    answers = []
    for number, (moment, kind) in enumerate(moments(amount(2, 40), whole.seconds, f"{world.backend} empty")):
        fresh = world.another(tmp_path / str(number))
        answers.append((moment, kind, stop(fresh, moment, kind)))
        same(fresh, whole)
        shutil.rmtree(fresh.folder)
    tell(world, "empty", answers)


def test_again_and_again_in_one_home(world: World, whole: Whole, tmp_path: pathlib.Path) -> None:
    """It gets a little further each time."""
    fresh = world.another(tmp_path / "one")
    answers = []
    for moment, kind in moments(amount(4, 40), whole.seconds, f"{world.backend} one"):
        answers.append((moment, kind, stop(fresh, moment, kind)))
    same(fresh, whole)
    tell(world, "ever the same", answers)


def test_from_a_warm_home(world: World, whole: Whole) -> None:
    began = time.monotonic()
    same(world, whole)
    answers = []
    for moment, kind in moments(amount(4, 40), time.monotonic() - began, f"{world.backend} warm"):
        answers.append((moment, kind, stop(world, moment, kind)))
    same(world, whole)
    tell(world, "warm", answers)
