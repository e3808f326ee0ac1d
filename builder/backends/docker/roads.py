"""The two roads to an image: BuildKit through Docker's client program, or the engine's classic builder."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from builder.backends.docker import failure
from builder.backends.docker.engine import BROKEN, Engine
from builder.backends.docker.program import buildkit_program, variables
from envspec.machine import Machine
from envspec.process import Words, run
from envspec.progress import Progress

LONGEST = 3600.0
"""Seconds that a whole build may take."""

_STAGE = re.compile(r"(?:^|\s)stage stage-\d+-(\S+): \d+ wheels$")
"""What the stage installer says first."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One build that is asked for."""

    context: pathlib.Path
    """The folder that `layout` filled."""
    target: str
    """The stage of the Dockerfile to build."""
    network: str
    """`none`, `default` or `host`."""
    arguments: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Build arguments."""


class Road(Protocol):
    """A way to build."""

    mounts: bool
    """Whether build steps can mount."""

    def build(self, order: Order, progress: Progress) -> str:
        """Id of the image built, which has no name yet. Raises `BuildError` and `OutsideError`."""

    def debian(self, machine: Machine) -> contextlib.AbstractContextManager[Mapping[str, str]]:
        """What the step that installs Debian packages needs of this machine, as build arguments."""


def road(engine: Engine) -> Road:
    """BuildKit where the engine has it and a client program can speak it, else the classic builder."""
    program = buildkit_program() if engine.has_buildkit else None
    return BuildKit(engine, program) if program else Classic(engine)


class BuildKit:
    """Builds through the client program."""

    mounts = True

    def __init__(self, engine: Engine, program: pathlib.Path) -> None:
        self._engine = engine
        self._program = program
        self._secrets: Mapping[str, pathlib.Path] = {}

    def build(self, order: Order, progress: Progress) -> str:
        """See `Road`."""
        with tempfile.TemporaryDirectory(prefix="envspec-docker-") as name:
            written = pathlib.Path(name, "id")
            command: Words = [self._program, "build", "--progress", "plain", "--iidfile", written]
            command += ["--network", order.network, "--target", order.target]
            for key, value in order.arguments.items():
                command += ["--build-arg", f"{key}={value}"]
            for key, file in self._secrets.items():
                command += ["--secret", f"id={key},src={file}"]
            lines: list[str] = []
            done = run(
                [*command, order.context],
                env=variables(self._engine.address),
                timeout=LONGEST,
                on_line=listener(lines, progress),
            )
            if not done.ok or not written.is_file():
                raise failure.understood(self._engine, [*lines, *done.stdout.splitlines()])
            return written.read_text().strip()

    @contextlib.contextmanager
    def debian(self, machine: Machine) -> Iterator[Mapping[str, str]]:
        """Proxy and certificates travel as secrets: files that exist only while the step runs."""
        with tempfile.TemporaryDirectory(prefix="envspec-secret-") as name:
            settings = pathlib.Path(name, "apt.conf")
            settings.write_text(apt_settings(machine), encoding="utf-8")
            self._secrets = {"apt.conf": settings}
            if machine.cert and pathlib.Path(machine.cert).is_file():
                self._secrets = {**self._secrets, "certificates": pathlib.Path(machine.cert)}
            try:
                yield {}
            finally:
                self._secrets = {}


def apt_settings(machine: Machine) -> str:
    """apt's configuration for this machine's proxy and certificates."""
    env = machine.environment()
    lines = []
    for scheme in ("http", "https"):
        proxy = env.get(f"{scheme}_proxy") or env.get(f"{scheme.upper()}_PROXY")
        if proxy and '"' not in proxy:
            lines.append(f'Acquire::{scheme}::Proxy "{proxy}";\n')
    if machine.cert and pathlib.Path(machine.cert).is_file():
        lines.append('Acquire::https::CaInfo "/run/secrets/certificates";\n')
    return "".join(lines)


class Classic:
    """Builds through the engine's API, whose steps cannot mount anything."""

    mounts = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def build(self, order: Order, progress: Progress) -> str:
        """See `Road`."""
        lines: list[str] = []
        hear = listener(lines, progress)
        try:
            answer = self._engine.client.api.build(
                path=str(order.context),
                target=order.target,
                network_mode=order.network,
                buildargs=dict(order.arguments),
                rm=True,
                forcerm=True,
                decode=True,
            )
            built = ""
            for event in answer:
                for line in str(event.get("stream", "") or event.get("error", "")).splitlines():
                    hear(line)
                if "error" in event:
                    raise failure.understood(self._engine, lines)
                built = (event.get("aux") or {}).get("ID", built)
        except BROKEN as error:
            raise failure.understood(self._engine, [*lines, str(error)]) from error
        if not built:
            raise failure.understood(self._engine, lines)
        return str(built)

    @contextlib.contextmanager
    def debian(self, machine: Machine) -> Iterator[Mapping[str, str]]:
        """The proxy travels as one of the build arguments that leave no trace in an image.

        There is no such way for certificates: https archives of a private authority need BuildKit.
        """
        env = machine.environment()
        names = ("http_proxy", "https_proxy", "no_proxy")
        found = {name: env.get(name) or env.get(name.upper()) for name in names}
        yield {name: value for name, value in found.items() if value}


def listener(lines: list[str], progress: Progress) -> Callable[[str], None]:
    """Keeps every line and tells the progress which stage has begun."""

    def hear(line: str) -> None:
        lines.append(line)
        if begun := _STAGE.search(line):
            progress.step(f"stage {begun[1]}")

    return hear
