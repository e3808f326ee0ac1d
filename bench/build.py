"""To a runnable image and back again after a change: this project's roads against Dockerfiles as people write
them, all on one base, from one lock, in turn.

`cold` has the base and the downloads and nothing else: every round begins with a base of new bytes, so that
nothing a way kept of earlier builds fits. Dockerfiles that fetch from the index do so each time, for that is
how they are; cache mounts stay filled. Locking and proving are not part of any time, verification neither.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import pathlib
import shutil
import tarfile
import tempfile
import uuid
from collections.abc import Callable, Iterator

from bench.measured import SECONDS, Measured, Size, Skipped
from bench.project import Project, Stack
from bench.steps import Step, interleaved, timed
from bench.ways import (
    CERTIFICATES,
    Buildah,
    Handwritten,
    Layers,
    Ours,
    Recipe,
    Style,
    Way,
    docker_environment,
    docker_program,
    index,
)
from builder.backends.docker.base import import_root
from builder.backends.docker.engine import Engine
from builder.debian.base import obtain_base
from builder.oci.store.blobs import Blobs
from builder.oci.store.network import Network
from builder.values.plan import Plan
from envspec.lockfile.lock import LockedBase
from envspec.supply.pip_settings import ask_pip
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from envspec.system.progress import SILENT

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"

SEED = "envspec-bench/seed"
BASE = "envspec-bench/base:latest"

SMALL = Stack(
    example=EXAMPLES / "espeak",
    base='debian = "bookworm"',
    late=tuple(
        f"prometheus-client==0.{version}" for version in ("22.1", "22.0", "21.1", "21.0", "20.0", "19.0")
    ),
    early=tuple(f"scipy==1.{version}" for version in ("11.4", "11.3", "11.2", "11.1", "10.1", "10.0")),
)
LARGE = Stack(
    example=EXAMPLES / "sambert-hifigan",
    base='debian = "bookworm"',
    late=SMALL.late,
    early=SMALL.early,
)

OURS = "envspec docker"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One change, and how fast the image follows."""

    name: str
    change: Callable[[Bench, str, int], None]
    """Makes the change in the project of a way, before round `n` (from 1); not timed."""
    runs: int = 5
    """Rounds at most: some take minutes."""
    goal: float | None = None
    """Seconds."""


def measurements(size: Size) -> Iterator[Measured | Skipped]:
    """A question for each change: how long until its image can run."""
    stacks = {"small": SMALL} if size.quick else {"small": SMALL, "reference": LARGE}
    runs = 1 if size.quick else min(size.runs, len(SMALL.late) - 1)
    engine = Engine()
    program = docker_program()
    try:
        engine.client.ping()
    except OutsideError as error:
        yield Skipped(name="build", why=error.message)
        return
    if program is None:
        yield Skipped(name="build", why="there is no docker client to build by hand with")
        return
    for title, stack in stacks.items():
        with tempfile.TemporaryDirectory() as place, index(ask_pip()) as settings:
            bench = Bench(pathlib.Path(place), stack, engine, program, settings)
            try:
                for case in CASES:
                    steps = {name: bench.step(name, case) for name in bench.ways}
                    sides = interleaved(steps, runs=min(runs, case.runs), warm_up=0)
                    yield Measured(name=f"{title}, {case.name}", unit=SECONDS, sides=sides, goal=case.goal)
            finally:
                bench.clear()


class Bench:
    """A base in the engine, and a project for each way."""

    def __init__(
        self, place: pathlib.Path, stack: Stack, engine: Engine, program: str, settings: dict[str, str]
    ) -> None:
        self._place = place
        self._engine = engine
        self._program = program
        self._late = self._early = 0
        self._seed()
        self.ways = self._ways(settings)
        self._projects = {
            # as uv, which compiles nothing, and as pip, which compiles everything
            name: Project(place / str(number), stack, *self._base(name, stack), compiled=name not in PLAIN)
            for number, name in enumerate(self.ways)
        }
        self.renew()
        for name in self.ways:
            self.state(name, late=0, early=0)

    def _base(self, way: str, stack: Stack) -> tuple[str, pathlib.Path]:
        """The spec's line for the base of a way, and where the locks on that base are kept."""
        if way == LAYERS:  # what has no engine makes its base itself
            return stack.base, self._place / "locks" / "debian"
        return f'image = "{BASE}"', self._place / "locks" / "image"

    def _ways(self, settings: dict[str, str]) -> dict[str, Way]:
        build = [self._program, "build", "--quiet", "--network"]
        classic = docker_environment(self._engine, buildkit=False)
        ways: dict[str, Way] = {
            OURS: Ours(),
            OURS_PLAIN: Ours(),
            LAYERS: Layers(),
            "classic docker build, pip a stage": Handwritten(
                Recipe(BASE, Style.PIP, settings), [*build, "host"], classic | settings
            ),
            "classic docker build, wheelhouse, pip a stage": Handwritten(
                Recipe(BASE, Style.WHEELHOUSE), [*build, "none"], classic
            ),
        }
        if self._engine.has_buildkit:
            kit = docker_environment(self._engine, buildkit=True)
            for name, style in (("uv in one step", Style.UV_AT_ONCE), ("uv a stage", Style.UV)):
                ways[f"BuildKit, {name}"] = Handwritten(Recipe(BASE, style), [*build, "none"], kit)
        if shutil.which("buildah"):
            store = self._place / "buildah"
            ways["buildah, wheelhouse, pip a stage"] = Buildah(
                Recipe(BASE, Style.WHEELHOUSE), store, self._engine, BASE
            )
        return ways

    def _seed(self) -> None:
        """The base of all ways: Debian's Python with what pip needs, and this machine's certificates."""
        plan = Plan(
            name="seed",
            variant=None,
            python="3.11",
            machine=self._engine.machine,
            glibc=(2, 36),
            base=LockedBase(debian="bookworm", apt=("libgomp1", "python3-venv")),
            stages=(),
            payload=None,
            service=None,
            lock="",
        )
        store, blobs = Wheelhouse(tool_home() / "wheelhouse"), Blobs(tool_home() / "oci")
        made = obtain_base(plan, store, blobs, lambda: Network(ask_pip()), SILENT)
        import_root(self._engine, blobs.plain(made.layer), f"{SEED}:debian")
        cert = ask_pip().cert
        content = pathlib.Path(cert).read_bytes() if cert else b""
        self._image(f"FROM {SEED}:debian\nCOPY file {CERTIFICATES}\n", content, f"{SEED}:latest")

    def renew(self) -> None:
        """Give the base new bytes: whatever stood on it must be built again."""
        self._image(f"FROM {SEED}:latest\nCOPY file /etc/bench\n", uuid.uuid4().bytes, BASE)

    def _image(self, text: str, content: bytes, tag: str) -> None:
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as tar:
            for name, data in (("Dockerfile", text.encode()), ("file", content)):
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, io.BytesIO(data))
        context.seek(0)
        self._engine.client.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)

    def state(self, name: str, *, late: int | None = None, early: int | None = None) -> None:
        """Bring a way's project into a state."""
        self._late = self._late if late is None else late
        self._early = self._early if early is None else early
        project = self._projects[name]
        project.state(self._late, self._early)
        way = self.ways[name]
        if isinstance(way, Handwritten):
            way.prepare(project)

    def forget(self, name: str) -> None:
        """Begin anew with a way; the first one's turn renews the base for all."""
        if name == next(iter(self.ways)):
            self.renew()
        self.ways[name].forget(self._projects[name])

    def edit(self, name: str) -> None:
        """Change a file of the payload."""
        self._projects[name].edit()

    def step(self, name: str, case: Case) -> Step:
        """The change, then the build, of which only the build counts."""
        rounds = iter(range(1, 1000))

        def step() -> float:
            case.change(self, name, next(rounds))
            return timed(lambda: self.ways[name].build(self._projects[name]))

        return step

    def clear(self) -> None:
        """Take what was built out of the engine, and out of Buildah's store."""
        for way in self.ways.values():
            if isinstance(way, Buildah):
                way.close()
        with contextlib.suppress(OutsideError):
            for image in self._engine.client.images.list():
                for tag in image.tags:
                    if tag.startswith("envspec-bench/"):
                        self._engine.client.images.remove(tag, force=True)


OURS_PLAIN = "envspec docker, nothing compiled"
LAYERS = "envspec oci, nothing compiled, loaded"
PLAIN = (OURS_PLAIN, LAYERS)

CASES = (
    Case(name="cold", change=lambda bench, name, _: bench.forget(name), runs=3),
    Case(name="no change", change=lambda *_: None, goal=0.3),
    Case(name="app file", change=lambda bench, name, _: bench.edit(name), goal=0.6),
    Case(name="small late bump", change=lambda bench, name, n: bench.state(name, late=n), goal=1.5),
    Case(name="early bump", change=lambda bench, name, n: bench.state(name, early=n), runs=3),
)
