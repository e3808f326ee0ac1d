"""The docker backend: a plan becomes an image of a real engine, and commands run in containers of it.

<home>/contexts/<name>/      what the last build of that name was made of; swept by the next one
<home>/oci/                  the store of layers, where the base of Debian packages is kept
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from builder.backends.docker.base import ensure_base, seek_image
from builder.backends.docker.builders import AptPackages, Builder, BuildKitBuilder, BuildRequest
from builder.backends.docker.dockerfile import copy_name, render_dockerfile
from builder.backends.docker.engine import Engine
from builder.backends.docker.installer import installer
from builder.backends.docker.layout import lay_out_context
from builder.backends.docker.program import buildkit_program
from builder.backends.port import RemoteSubject
from builder.image.copies import copy_layers, settle_copies
from builder.image.settings import apt_command
from builder.image.settings import base_reference as base_name
from builder.image.starting import named_users, owner_of
from builder.image.users import unknown_user
from builder.inside import places
from builder.oci.store.blobs import Blobs
from builder.values.copying import link_or_copy
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from builder.values.shipping import Shipped, Shipping
from builder.values.verdict import Verdict
from envspec.spec.model import digest_of
from envspec.supply.pip_settings import ask_pip
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import EnvspecError, OutsideError, UsageError
from envspec.system.home import disk_refusals, holding, tool_home
from envspec.system.process import Completed
from envspec.system.progress import Progress

if TYPE_CHECKING:
    from builder.oci.store.network import Network

_SHORT = 16
"""Digits of a digest in a tag: enough to never meet another by chance."""


class DockerBackend:
    """Builds images, each tagged by all that it is made of; a name that people use comes with `ship`."""

    name = "docker"
    reaches = True

    def __init__(
        self, engine: Engine | None = None, builder: Builder | None = None, *, offline: bool = False
    ) -> None:
        self.engine = engine or Engine()
        self._builder = builder
        self._offline = offline

    @property
    def builder(self) -> Builder:
        """What builds its images: the one given, or the best that the engine has."""
        if self._builder is None:
            self._builder = choose_builder(self.engine)
        return self._builder

    def available(self) -> str | None:
        """None when an engine answers."""
        try:
            self.engine.ping()
        except EnvspecError as error:
            return error.message
        return None

    def seek(self, image: str, machine: str, progress: Progress) -> None:  # noqa: ARG002 - the engine's own
        """See to it that the engine has the image. Raises `OutsideError`."""
        seek_image(self.engine, image, progress)

    def build(self, plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress) -> Environment:
        """Build, or find, the image. Raises `BuildError`, `OutsideError` and `SpecError`."""
        self._refuse_foreign(plan)
        name = f"{plan.name}-{plan.variant}" if plan.variant else plan.name
        context = tool_home() / "contexts" / name
        with disk_refusals(context), holding(context):
            start = ensure_base(self.engine, plan, store, Blobs(tool_home() / "oci"), self._network, progress)
            dockerfile = render_dockerfile(plan, mounts=self.builder.mounts)
            uv = installer(plan, offline=self._offline, progress=progress)
            lay_out_context(plan, dockerfile, folder, store, context, installer=uv)
            reference = f"envspec/{name}:{_key(context, plan, start)}"
            reused = self.engine.image_id(reference) is not None
            contents = "" if apt_command(plan) else _contents(context, plan, start)  # an archive moves on
            if not reused:
                image = self._built(plan, folder, context, progress)
                self._refuse_unknown_users(plan, image)
                self.engine.tag(image, reference)
        return Environment(
            backend=self.name,
            reference=reference,
            digest=plan.digest,
            python=f"{places.ENVIRONMENT}/bin/python",
            payload=places.PAYLOAD if plan.payload else None,
            folder=places.PAYLOAD,
            reused=reused,
            contents=contents,
            variables=plan.variables(places.ENVIRONMENT),
        )

    def _network(self) -> Network:
        from builder.oci.store.network import Network  # what is there already needs none

        return Network(ask_pip(), offline=self._offline)

    def _built(self, plan: Plan, folder: pathlib.Path, context: pathlib.Path, progress: Progress) -> str:
        """Id of the image. Only the pass that installs Debian packages has a network."""
        arguments: dict[str, str] = {}
        if apt_command(plan):
            progress.step("Debian packages")
            request = BuildRequest(context=context, target="base", network=self.engine.network)
            packages = AptPackages(base=base_name(plan), command=apt_command(plan))
            image = self.builder.install_packages(request, packages, ask_pip(), progress)
            arguments["START"] = f"envspec/start:{image.removeprefix('sha256:')[:_SHORT]}"
            self.engine.tag(image, arguments["START"])
        if plan.copies:
            self._lay_out_copies(plan, folder, context, arguments.get("START") or base_name(plan))
        progress.step("image")
        request = BuildRequest(context=context, target="environment", network="none", arguments=arguments)
        return self.builder.build_image(request, progress)

    def _lay_out_copies(self, plan: Plan, folder: pathlib.Path, context: pathlib.Path, start: str) -> None:
        """Put the layers of what is copied into the context, as they are on the image below them."""
        from builder.backends.docker.files import image_files

        blobs = Blobs(tool_home() / "oci")
        with image_files(self.engine, start) as base:
            settled = settle_copies(plan.copies, base, payload=plan.payload is not None)
        (context / "copies").mkdir()
        for number, (copy, layer) in enumerate(
            zip(plan.copies, copy_layers(settled, folder, blobs), strict=True), 1
        ):
            link_or_copy(blobs.path(layer.digest), context / copy_name(number, copy))

    def _refuse_unknown_users(self, plan: Plan, image: str) -> None:
        """Users that programs name must be in the image: an engine says so only when it starts one."""
        if not (names := named_users(plan)):
            return
        from builder.backends.docker.container import run_in_container

        for name in names:
            python = f"{places.ENVIRONMENT}/bin/python"
            asked = f"import pwd, sys; sys.exit({name!r} not in {{each.pw_name for each in pwd.getpwall()}})"
            words = [python, "-I", "-S", "-c", asked]
            done = run_in_container(self.engine, image, words, python=python, timeout=60, user="0")
            if not done.ok:
                raise unknown_user(name)

    def _refuse_foreign(self, plan: Plan) -> None:
        if plan.machine != self.engine.machine:
            raise OutsideError(
                f"the spec is for {plan.machine}, the engine at {self.engine.address.host} runs "
                f"{self.engine.machine}",
                hint="name an engine of that processor with DOCKER_HOST, or build with --backend oci",
            )

    def run(
        self,
        environment: Environment,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        program: PlannedProgram | None = None,
        network: bool = False,
    ) -> Completed:
        """Run a command in a new container, without a network unless it wants one."""
        from builder.backends.docker.container import run_in_container  # the SDK is slow to load

        variables = {**environment.variables, "PYTHONPATH": environment.payload or "", **(env or {})}
        return run_in_container(
            self.engine,
            environment.reference,
            command,
            python=environment.python,
            stdin=stdin,
            env=variables,
            timeout=timeout,
            user=owner_of(program) if program else None,
            folder=program.workdir if program else None,
            network=self.engine.network if network else "none",
        )

    def subject(self, environment: Environment) -> RemoteSubject:
        """The image as the judge sees it."""
        return RemoteSubject(backend=self, environment=environment)

    def ship(
        self, environment: Environment, verdict: Verdict, wanted: Shipping, progress: Progress
    ) -> Shipped:
        """Seal the image with its verdict and name it; then file and registry. Raises `OutsideError`."""
        from builder.backends.docker import ship

        name = ship.seal_image(self.engine, environment, verdict, wanted.tag)
        files, said = [], [ship.how_to_run(self.engine, name)]
        if wanted.output is not None:
            if wanted.output.suffix != ".tar":
                raise UsageError(f"{wanted.output} is no .tar", hint="the oci backend writes layout folders")
            ship.save_image(self.engine, name, wanted.output, progress)
            files.append(str(wanted.output))
        if wanted.push:
            said.append(f"pushed: {name} {ship.push_image(self.engine, name, progress)}")
        return Shipped(reference=name, files=tuple(files), said=tuple(said))


def choose_builder(engine: Engine) -> Builder:
    """BuildKit where the engine has it and a client program can speak it, else the classic builder."""
    program = buildkit_program() if engine.has_buildkit else None
    if program is not None:
        return BuildKitBuilder(engine, program)
    from builder.backends.docker.classic import ClassicBuilder

    return ClassicBuilder(engine)


def _key(context: pathlib.Path, plan: Plan, start: str) -> str:
    """Name of an image's content: all that its build reads, but for the wheels, which the plan knows."""
    content = _small(context, ("Dockerfile", "tools", "image", "stages"))
    digest = digest_of({"files": content, "plan": plan.digest, "base": start})
    return digest.removeprefix("sha256:")[:_SHORT]


def _contents(context: pathlib.Path, plan: Plan, start: str) -> str:
    """Digest of what the packages' layers are made of: no build step of theirs has a network."""
    content = _small(context, ("tools", "stages"))
    anywhere = [copy.digest for copy in plan.copies if copy.absolute]
    more = {"copies": anywhere} if anywhere else {}
    return digest_of({"files": content, "packages": plan.packages_digest, "base": start, **more})


def _small(context: pathlib.Path, parts: Sequence[str]) -> dict[str, str]:
    """The texts below these parts of the context, by name."""
    small = [
        file
        for part in parts
        for file in sorted([context / part, *(context / part).rglob("*")])
        if file.is_file() and file.suffix != ".whl" and file.name != "uv"
    ]
    return {str(file.relative_to(context)): file.read_text(encoding="utf-8") for file in small}
