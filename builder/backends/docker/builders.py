"""What a builder of images is, and BuildKit as one, through Docker's client program."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from builder.backends.docker.engine import Engine
from builder.backends.docker.failure import build_failure
from builder.backends.docker.program import client_environment
from envspec.supply.pip_settings import PipSettings
from envspec.system.process import Words, run_process
from envspec.system.progress import Progress
from envspec.system.scratch import scratch_folder

LONGEST = 3600.0
"""Seconds that a whole build may take."""

_STAGE = re.compile(r"(?:^|\s)stage stage-\d+-(\S+): \d+ wheels$")
"""What the stage installer says first."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """A build that is asked for."""

    context: pathlib.Path
    """The folder that `lay_out_context` filled."""
    target: str
    """The stage of the Dockerfile to build."""
    network: str
    """`none`, `default` or `host`."""
    arguments: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Build arguments."""
    secrets: Mapping[str, pathlib.Path] = dataclasses.field(default_factory=dict)
    """Files by the name that a step mounts them by; they exist while the step runs, and in no layer."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AptPackages:
    """Debian packages that apt is to install on an image, which becomes the base."""

    base: str
    """Name of the base's image."""
    command: str
    """The shell command that installs them, as the Dockerfile has it."""


class Builder(Protocol):
    """A builder of images, as an engine has it."""

    mounts: bool
    """Whether build steps can mount."""

    def build_image(self, request: BuildRequest, progress: Progress) -> str:
        """Build an image, which has no name yet, and give its id. Raises `BuildError` and `OutsideError`."""

    def install_packages(
        self, request: BuildRequest, packages: AptPackages, machine: PipSettings, progress: Progress
    ) -> str:
        """Build the base with its Debian packages, and give its id. Raises `BuildError` and `OutsideError`.

        The one step with a network, and with this machine's proxy and certificates, of which nothing stays.
        """


class BuildKitBuilder:
    """A builder that has the client program drive the engine's BuildKit."""

    mounts = True

    def __init__(self, engine: Engine, program: pathlib.Path) -> None:
        self._engine = engine
        self._program = program

    def build_image(self, request: BuildRequest, progress: Progress) -> str:
        """Build with secrets and mounts: see `Builder.build_image`."""
        with scratch_folder("docker") as folder:
            written = folder / "id"
            command: Words = [self._program, "build", "--progress", "plain", "--iidfile", written]
            command += ["--network", request.network, "--target", request.target]
            for key, value in request.arguments.items():
                command += ["--build-arg", f"{key}={value}"]
            for key, file in request.secrets.items():
                command += ["--secret", f"id={key},src={file}"]
            lines: list[str] = []
            done = run_process(
                [*command, request.context],
                env=client_environment(self._engine.address),
                timeout=LONGEST,
                on_line=build_listener(lines, progress),
            )
            if not done.ok or not written.is_file():
                raise build_failure(self._engine, [*lines, *done.stdout.splitlines()])
            return written.read_text().strip()

    def install_packages(
        self,
        request: BuildRequest,
        packages: AptPackages,  # noqa: ARG002 - the Dockerfile has the command
        machine: PipSettings,
        progress: Progress,
    ) -> str:
        """Build the target that installs them; proxy and certificates travel as the request's secrets."""
        with scratch_folder("secret") as folder:
            settings = folder / "apt.conf"
            settings.write_text(apt_settings(machine, "/run/secrets"), encoding="utf-8")
            secrets = {"apt.conf": settings}
            if has_certificates(machine):
                secrets["certificates"] = pathlib.Path(machine.cert or "")
            return self.build_image(dataclasses.replace(request, secrets=secrets), progress)


def has_certificates(machine: PipSettings) -> bool:
    """Whether this machine has certificate authorities of its own."""
    return machine.cert is not None and pathlib.Path(machine.cert).is_file()


def apt_settings(machine: PipSettings, folder: str) -> str:
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


def build_listener(lines: list[str], progress: Progress) -> Callable[[str], None]:
    """Keeps every line and tells the progress which stage has begun."""

    def hear(line: str) -> None:
        lines.append(line)
        if begun := _STAGE.search(line):
            progress.step(f"stage {begun[1]}")

    return hear
