"""The engine's classic builder, by its API: its steps cannot mount anything."""

from __future__ import annotations

import pathlib

from builder.backends.docker.builders import (
    LONGEST,
    AptPackages,
    BuildRequest,
    apt_settings,
    build_listener,
    has_certificates,
)
from builder.backends.docker.container import files_as_tar, thrown_away
from builder.backends.docker.engine import Engine
from builder.backends.docker.failure import build_failure
from builder.backends.docker.sdk import BROKEN, translated
from envspec.spec.model import digest_of
from envspec.supply.pip_settings import PipSettings
from envspec.system.progress import Progress

_INSTALLED = "envspec/debian"
"""Names bases with Debian packages that the classic builder made."""

_GIVEN = "/run/envspec"
"""Where a container finds this machine's proxy and certificates while it installs Debian packages."""


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
            with thrown_away(container):
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
