"""The two roads to an image: BuildKit through Docker's client program, or the engine's classic builder."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import tempfile
from collections.abc import Callable, Mapping
from typing import Protocol

from builder.backends.docker import failure
from builder.backends.docker.container import archive
from builder.backends.docker.engine import BROKEN, Engine, translated
from builder.backends.docker.program import buildkit_program, variables
from envspec.spec.model import digest_of
from envspec.supply.pip_settings import Machine
from envspec.system.process import Words, run
from envspec.system.progress import Progress

LONGEST = 3600.0
"""Seconds that a whole build may take."""

_INSTALLED = "envspec/debian"
"""Names bases with Debian packages that the classic road made."""

_GIVEN = "/run/envspec"
"""Where a container finds this machine's proxy and certificates while it installs Debian packages."""

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


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Packages:
    """Debian packages that are wanted on a base."""

    base: str
    """Name of the base's image."""
    command: str
    """The shell command that installs them, as the Dockerfile has it."""


class Road(Protocol):
    """A way to build."""

    mounts: bool
    """Whether build steps can mount."""

    def build(self, order: Order, progress: Progress) -> str:
        """Id of the image built, which has no name yet. Raises `BuildError` and `OutsideError`."""

    def debian(self, order: Order, packages: Packages, machine: Machine, progress: Progress) -> str:
        """Id of the base with its Debian packages. Raises `BuildError` and `OutsideError`.

        The one step with a network, and with this machine's proxy and certificates, of which nothing stays.
        """


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

    def debian(self, order: Order, packages: Packages, machine: Machine, progress: Progress) -> str:  # noqa: ARG002
        """See `Road`. Proxy and certificates travel as secrets: files that exist only while the step runs."""
        with tempfile.TemporaryDirectory(prefix="envspec-secret-") as name:
            settings = pathlib.Path(name, "apt.conf")
            settings.write_text(apt_settings(machine, "/run/secrets"), encoding="utf-8")
            self._secrets = {"apt.conf": settings}
            if has_certificates(machine):
                self._secrets = {**self._secrets, "certificates": pathlib.Path(machine.cert or "")}
            try:
                return self.build(order, progress)
            finally:
                self._secrets = {}


def has_certificates(machine: Machine) -> bool:
    """Whether this machine has certificate authorities of its own."""
    return machine.cert is not None and pathlib.Path(machine.cert).is_file()


def apt_settings(machine: Machine, folder: str) -> str:
    """apt's configuration for this machine's proxy, and its certificates in that folder of a container."""
    env = machine.environment()
    lines = []
    for scheme in ("http", "https"):
        proxy = env.get(f"{scheme}_proxy") or env.get(f"{scheme.upper()}_PROXY")
        if proxy and '"' not in proxy:
            lines.append(f'Acquire::{scheme}::Proxy "{proxy}";\n')
    if has_certificates(machine):
        lines.append(f'Acquire::https::CaInfo "{folder}/certificates";\n')
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

    def debian(self, order: Order, packages: Packages, machine: Machine, progress: Progress) -> str:  # noqa: ARG002
        """See `Road`.

        A build step of this engine cannot be given a file that stays out of its layer. So the same command
        runs in a container, whose changes become the layer once what was given to it is gone.
        """
        client = self._engine.client
        with translated(self._engine.address.host):
            start = self._engine.image_id(packages.base)
            key = digest_of([start, packages.command]).removeprefix("sha256:")[:16]
            if (known := self._engine.image_id(f"{_INSTALLED}:{key}")) is not None:
                return known
            files = {"apt.conf": apt_settings(machine, _GIVEN).encode()}
            if has_certificates(machine):
                files["certificates"] = pathlib.Path(machine.cert or "").read_bytes()
            script = f"{{ {packages.command}; }}; code=$?; rm -rf {_GIVEN}; exit $code"
            container = client.containers.create(
                packages.base,
                entrypoint=["/bin/sh", "-c"],
                command=[f"export APT_CONFIG={_GIVEN}/apt.conf; {script}"],
                user="0",
                network_mode=order.network,
            )
            try:
                container.put_archive(
                    "/", archive({f"{_GIVEN[1:]}/{name}": data for name, data in files.items()})
                )
                container.start()
                code = int(container.wait(timeout=LONGEST)["StatusCode"])
                if code:
                    raise failure.understood(
                        self._engine, container.logs().decode("utf-8", "replace").splitlines()
                    )
                made = container.commit(repository=_INSTALLED, tag=key)
                return str(made.id)
            finally:
                container.remove(force=True, v=True)


def listener(lines: list[str], progress: Progress) -> Callable[[str], None]:
    """Keeps every line and tells the progress which stage has begun."""

    def hear(line: str) -> None:
        lines.append(line)
        if begun := _STAGE.search(line):
            progress.step(f"stage {begun[1]}")

    return hear
