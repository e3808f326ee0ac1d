"""The two builders of images: BuildKit through Docker's client program, or the engine's classic builder."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from builder.backends.docker.container import files_as_tar
from builder.backends.docker.engine import BROKEN, Engine, translated
from builder.backends.docker.failure import build_failure
from builder.backends.docker.program import buildkit_program, client_environment
from envspec.spec.model import digest_of
from envspec.supply.pip_settings import PipSettings
from envspec.system.process import Words, run_process
from envspec.system.progress import Progress
from envspec.system.scratch import scratch_folder

LONGEST = 3600.0
"""Seconds that a whole build may take."""

_INSTALLED = "envspec/debian"
"""Names bases with Debian packages that the classic builder made."""

_GIVEN = "/run/envspec"
"""Where a container finds this machine's proxy and certificates while it installs Debian packages."""

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


def choose_builder(engine: Engine) -> Builder:
    """BuildKit where the engine has it and a client program can speak it, else the classic builder."""
    program = buildkit_program() if engine.has_buildkit else None
    return BuildKitBuilder(engine, program) if program else ClassicBuilder(engine)


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


class ClassicBuilder:
    """A builder that uses the engine's API, whose steps cannot mount anything."""

    mounts = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def build_image(self, request: BuildRequest, progress: Progress) -> str:
        """Build step by step, each in a container: see `Builder.build_image`."""
        lines: list[str] = []
        hear = build_listener(lines, progress)
        try:
            answer = self._engine.client.api.build(
                path=str(request.context),
                target=request.target,
                network_mode=request.network,
                buildargs=dict(request.arguments),
                rm=True,
                forcerm=True,
                decode=True,
            )
            built = ""
            for event in answer:
                for line in str(event.get("stream", "") or event.get("error", "")).splitlines():
                    hear(line)
                if "error" in event:
                    raise build_failure(self._engine, lines)
                built = (event.get("aux") or {}).get("ID", built)
        except BROKEN as error:
            raise build_failure(self._engine, [*lines, str(error)]) from error
        if not built:
            raise build_failure(self._engine, lines)
        return str(built)

    def install_packages(
        self,
        request: BuildRequest,
        packages: AptPackages,
        machine: PipSettings,
        progress: Progress,  # noqa: ARG002 - apt tells no stages
    ) -> str:
        """Run apt in a container that becomes the base.

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
                network_mode=request.network,
            )
            try:
                container.put_archive(
                    "/", files_as_tar({f"{_GIVEN[1:]}/{name}": data for name, data in files.items()})
                )
                container.start()
                code = int(container.wait(timeout=LONGEST)["StatusCode"])
                if code:
                    raise build_failure(
                        self._engine, container.logs().decode("utf-8", "replace").splitlines()
                    )
                made = container.commit(repository=_INSTALLED, tag=key)
                return str(made.id)
            finally:
                container.remove(force=True, v=True)


def build_listener(lines: list[str], progress: Progress) -> Callable[[str], None]:
    """Keeps every line and tells the progress which stage has begun."""

    def hear(line: str) -> None:
        lines.append(line)
        if begun := _STAGE.search(line):
            progress.step(f"stage {begun[1]}")

    return hear
