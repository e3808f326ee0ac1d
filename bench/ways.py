"""The ways to a runnable image that are compared: this project's, and what one would write by hand."""

from __future__ import annotations

import contextlib
import enum
import functools
import http.server
import itertools
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

import uv

from bench.project import Project
from bench.steps import command
from builder.backends.docker.engine import Engine
from builder.backends.docker.program import buildkit_program
from envspec.supply.pip_settings import PipSettings, local_path

CERTIFICATES = "/etc/bench-certificates.pem"
"""Where the seed of all bases keeps this machine's certificate authorities."""


class Way(Protocol):
    """One way to build a project's image."""

    def build(self, project: Project) -> None:
        """Make the image of the project as it stands. Raises `StepError`."""

    def forget(self, project: Project) -> None:
        """Drop what earlier builds left, but for downloads; the base is renewed besides."""


class Ours:
    """`build-image --backend docker` up to the finished image: locked and proved, not yet verified."""

    def build(self, project: Project) -> None:
        project.tool("build-image", "--backend", "docker", "--stop-after", "build", "--locked", "--quiet")

    def forget(self, project: Project) -> None:
        """The base's new bytes are enough."""


class Layers:
    """`build-image --backend oci` up to the finished image, which the engine is given where it is another."""

    TAG = "envspec-bench/layers:latest"
    BASE = "envspec-bench/layers-base:latest"

    def __init__(self) -> None:
        self._date = random.SystemRandom().randrange(10**9)  # the engine may hold what earlier runs left
        self._loaded = ""

    def build(self, project: Project) -> None:
        built = project.tool(
            "build-image",
            *("--backend", "oci", "--stop-after", "build", "--locked", "--quiet"),
            variables=self._variables,
        )
        name = next(line for line in built.splitlines() if line.startswith("oci: ")).split()[1]
        if name != self._loaded:
            self._run("image", name, project, self.TAG)
            self._loaded = name

    def forget(self, project: Project) -> None:
        """Date all files anew, so that nothing there fits, and provide the base, as other ways have theirs.

        Nothing is deleted, for a file system is slow to fill where many files have just gone.
        """
        self._date += 1
        self._run("base", str(project.folder), project, self.BASE)

    @property
    def _variables(self) -> dict[str, str]:
        return {"SOURCE_DATE_EPOCH": str(self._date)}

    def _run(self, what: str, of: str, project: Project, tag: str) -> None:
        env = project.env | self._variables
        command([sys.executable, "-m", "bench.load", what, of, tag], env=env)()


class Handwritten:
    """A Dockerfile as people write them."""

    def __init__(self, recipe: Recipe, program: Sequence[str], env: Mapping[str, str]) -> None:
        self._recipe = recipe
        self._program = program
        self._env = env

    def build(self, project: Project) -> None:
        command([*self._program, *self._recipe.options, str(project.folder)], env=self._env)()

    def forget(self, project: Project) -> None:
        """The base's new bytes are enough."""

    def prepare(self, project: Project) -> None:
        """Write the Dockerfile and what it copies; not part of what is timed."""
        self._recipe.write(project)


class Buildah(Handwritten):
    """The same without an engine: Buildah, with a store of its own that goes with the project's folder."""

    def __init__(self, recipe: Recipe, store: pathlib.Path, engine: Engine, base: str) -> None:
        places = ["--root", str(store / "root"), "--runroot", str(store / "run")]
        self._places = ["buildah", *places, "--storage-driver", "overlay"]
        build = [*self._places, "build", "--quiet", "--layers", "--isolation", "chroot", "--network", "host"]
        super().__init__(recipe, build, dict(os.environ))
        self._store = store
        self._engine = engine
        self._base = base

    def forget(self, project: Project) -> None:  # noqa: ARG002
        """Throw all images away and take the renewed base out of the engine."""
        self._store.mkdir(exist_ok=True)
        command([*self._places, "rmi", "--all", "--force"])()
        tar = self._store / "base.tar"
        with tar.open("wb") as stream:
            for chunk in self._engine.client.images.get(self._base).save(named=True):
                stream.write(chunk)
        command([*self._places, "pull", "--quiet", f"docker-archive:{tar}"])()
        tar.unlink()

    def close(self) -> None:
        """Give back what the store mounted."""
        subprocess.run(["umount", str(self._store / "root" / "overlay")], check=False, capture_output=True)


class Style(enum.Enum):
    """How a hand-written Dockerfile installs."""

    PIP = "pip from the index, a step for each stage"
    WHEELHOUSE = "a folder of wheels copied in, then pip without a network, a step for each stage"
    UV = "uv from a mounted folder of wheels, with a cache that is kept, a step for each stage"
    UV_AT_ONCE = "the same in one step for all, as uv's own guide to Docker has it"


class Recipe:
    """A hand-written Dockerfile."""

    def __init__(self, base: str, style: Style, settings: Collection[str] = ()) -> None:
        """`settings` names variables of the client's that pip gets too, in steps alone."""
        self._base = base
        self._style = style
        self._settings = tuple(settings)

    @property
    def options(self) -> list[str]:
        """Of the client program: it takes the values, which may be secret, from its own environment."""
        return [word for name in self._settings for word in ("--build-arg", name)]

    def write(self, project: Project) -> None:
        """The Dockerfile, and the requirements and wheels that it asks for."""
        stages = [stage.wheels for stage in project.plan.stages]
        if self._style is Style.UV_AT_ONCE:
            stages = [tuple(itertools.chain(*stages))]
        for folder in project.folder.glob("stage-*"):
            shutil.rmtree(folder)
        shutil.rmtree(project.folder / "wheels", ignore_errors=True)
        (project.folder / "wheels").mkdir()
        lines = [f"FROM {self._base}", *(f"ARG {name}" for name in self._settings)]
        lines += ["RUN python3 -m venv /opt/env"]
        if self._style is Style.WHEELHOUSE:
            lines += ["COPY wheels /wheels"]
        for number, wheels in enumerate(stages, 1):
            folder = project.folder / f"stage-{number}"
            folder.mkdir()
            pins = "".join(f"{wheel.name}=={wheel.version}\n" for wheel in wheels)
            (folder / "requirements.txt").write_text(pins)
            if self._style is not Style.PIP:
                place = project.folder / "wheels" if self._style is Style.WHEELHOUSE else folder
                for wheel in wheels:
                    (place / wheel.file).hardlink_to(project.store.path(wheel).resolve())
            lines += self._stage(folder.name)
        lines += ["COPY app /app", 'CMD ["/opt/env/bin/python", "-m", "service"]']
        (project.folder / "Dockerfile").write_text("\n".join(lines) + "\n")
        (project.folder / ".dockerignore").write_text("envspec.toml\nenvspec.lock\n")
        program = project.folder / "uv"
        if self._style in (Style.UV, Style.UV_AT_ONCE) and not program.exists():
            shutil.copy(os.fsdecode(uv.find_uv_bin()), program)

    def _stage(self, folder: str) -> list[str]:
        pip = "/opt/env/bin/pip install -q"
        copied = f"COPY {folder}/requirements.txt /{folder}.txt"
        match self._style:
            case Style.PIP:
                return [copied, f"RUN {pip} --no-cache-dir -r /{folder}.txt"]
            case Style.WHEELHOUSE:
                return [copied, f"RUN {pip} --no-index --find-links /wheels -r /{folder}.txt"]
            case Style.UV | Style.UV_AT_ONCE:
                mounts = f"--mount=type=bind,source={folder},target=/w"
                mounts += " --mount=type=bind,source=uv,target=/uv"
                mounts += " --mount=type=cache,id=bench-uv,target=/c"
                install = "/uv pip install -q --offline --no-index --no-deps --find-links /w"
                install += " --python /opt/env/bin/python --cache-dir /c --link-mode copy"
                return [f"RUN {mounts} {install} -r /w/requirements.txt"]


def docker_environment(engine: Engine, *, buildkit: bool) -> dict[str, str]:
    """Environment of the client program."""
    return {**os.environ, "DOCKER_HOST": engine.address.host, "DOCKER_BUILDKIT": "1" if buildkit else "0"}


def docker_program() -> str | None:
    """The client program that the project itself uses, which can do without BuildKit too."""
    found = buildkit_program()
    return str(found) if found else shutil.which("docker")


@contextlib.contextmanager
def index(machine: PipSettings) -> Iterator[dict[str, str]]:
    """Settings by which pip in a container of this machine's network finds what pip finds here.

    Folders of this machine are served on its loopback address meanwhile.
    """
    with contextlib.ExitStack() as stack:

        def reachable(place: str) -> str:
            folder = local_path(place)
            if folder is None:
                return place
            # An index's links often lead to a folder beside it.
            return f"{stack.enter_context(_served(folder.parent))}{folder.name}/"

        found = {
            "PIP_INDEX_URL": machine.index_url,
            "PIP_EXTRA_INDEX_URL": " ".join(map(reachable, machine.extra_index_urls)),
            "PIP_FIND_LINKS": " ".join(map(reachable, machine.find_links)),
            "PIP_PROXY": machine.proxy or "",
            "PIP_CERT": CERTIFICATES if machine.cert else "",
        }
        yield {name: value for name, value in found.items() if value}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass


@contextlib.contextmanager
def _served(folder: pathlib.Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
