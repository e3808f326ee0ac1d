"""The oci backend: a plan becomes an OCI image without an engine, a registry or root.

<home>/oci/    the store of layers, itself an OCI layout that lists every image built
"""

from __future__ import annotations

import itertools
import pathlib
import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from builder.backends.oci import bases
from builder.backends.oci.recipe import ImageRecipe, image_recipe
from builder.backends.port import RemoteSubject
from builder.image.copies import COPY
from builder.image.starting import owner_of
from builder.inside import places
from builder.oci.image.documents import RUNTIME
from builder.oci.image.records import ImageRecord, Records
from builder.oci.store.blobs import Blobs
from builder.values import models
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from envspec.spec.model import digest_of
from envspec.supply.pip_settings import ask_pip
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from envspec.system.machine import runs_linux
from envspec.system.process import Completed
from envspec.system.processor import uname_of
from envspec.system.progress import Progress

if TYPE_CHECKING:
    from builder.backends.oci.ship import Load
    from builder.oci.store.network import Network
    from builder.values.shipping import Shipped, Shipping
    from builder.values.verdict import Verdict

_SHORT = 16
"""Digits of a digest in a name: enough to never meet another by chance."""


class OciBackend:
    """Builds images below the tool's home; `ship` writes them where they are wanted."""

    name = "oci"
    reaches = False

    def __init__(
        self, *, offline: bool = False, network: Network | None = None, load: Load | None = None
    ) -> None:
        self._load = load
        self._offline = offline
        self._given = network
        self.blobs = Blobs(tool_home() / "oci")
        self.records = Records(self.blobs)

    def available(self) -> str | None:
        """It works wherever this program does; what a base needs is asked for when it is."""
        return None

    def seek(self, image: str, machine: str, progress: Progress) -> None:  # noqa: ARG002 - it asks once
        """Ask the image's registry for it. Raises `OutsideError`."""
        bases.seek_image(image, self._network)

    def build(self, plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress) -> Environment:
        """Build, or find, the image. Raises `BuildError`, `OutsideError`, `SpecError` and `WheelError`."""
        base = bases.obtain_base_image(plan, folder, store, self.blobs, self._network, progress)
        recipe = image_recipe(plan, base)
        refuse_uncompilable(recipe)
        record = self.records.image(recipe.digest)
        reused = record is not None
        if record is None:
            from builder.backends.oci.make import Supplies, make_image  # finding an image needs less

            supplies = Supplies(
                folder=folder, wheels=store, blobs=self.blobs, records=self.records, progress=progress
            )
            image = make_image(recipe, supplies)
            record = ImageRecord(image=image, base=len(base.layers), machine=base.machine)
            self.records.remember(recipe.digest, record)
        name = f"envspec/{_name(plan)}:{record.image.config.digest.removeprefix('sha256:')[:_SHORT]}"
        if self.records.image(_file_name(name)) is None:
            self.records.remember(_file_name(name), record)
        if not reused:
            from builder.oci.image import layout

            layout.enlist_at_home(record.image, record.machine, name, self.blobs)
        return Environment(
            backend=self.name,
            reference=name,
            digest=plan.digest,
            python=record.image.python,
            payload=places.PAYLOAD if plan.payload else None,
            folder=places.PAYLOAD,
            reused=reused,
            contents=_contents(record),
            foreign=foreign_processor(base.machine),
            variables={
                **models.model_variables(plan, places.MODELS),
                **plan.variables(places.ENVIRONMENT),
            },
        )

    def _network(self) -> Network:
        from builder.oci.store.network import Network

        return self._given or Network(ask_pip(), offline=self._offline)

    def run(
        self,
        environment: Environment,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        program: PlannedProgram | None = None,
        network: bool = False,  # noqa: ARG002 - there is none to give
    ) -> Completed:
        """Run a command in the image's files, in a sandbox without a network."""
        from builder.backends.oci import run as runner

        record = self.record(environment)
        variables = {**environment.variables, "PYTHONPATH": environment.payload or "", **(env or {})}
        return runner.run_in_image(
            record,
            command,
            self.blobs,
            stdin=stdin,
            env=variables,
            timeout=timeout,
            user=owner_of(program) if program else None,
            folder=program.workdir if program else None,
            volumes=(*program.volumes, *program.writes) if program else (),
        )

    def subject(self, environment: Environment) -> RemoteSubject:
        """The image as the judge sees it."""
        return RemoteSubject(backend=self, environment=environment)

    def record(self, environment: Environment) -> ImageRecord:
        """The image of an environment. Raises `OutsideError` when it is gone."""
        return self.named(environment.reference)

    def named(self, reference: str) -> ImageRecord:
        """The image of that name. Raises `OutsideError` when it is gone."""
        record = self.records.image(_file_name(reference))
        if record is None:
            raise OutsideError(f"image {reference} is no longer in {self.blobs.root}", hint="build it again")
        return record

    def ship(
        self, environment: Environment, verdict: Verdict, wanted: Shipping, progress: Progress
    ) -> Shipped:
        """Seal the image with its verdict, name it and write it where it is wanted."""
        from builder.backends.oci import ship as shipping

        return shipping.ship_image(
            self.record(environment),
            environment,
            verdict,
            wanted,
            self.blobs,
            self._network,
            progress,
            self._load,
        )


def refuse_uncompilable(recipe: ImageRecipe) -> None:
    """Raise `OutsideError` where the image is to be compiled and nothing here can run its Python.

    Without compiled files it would be another image than elsewhere.
    """
    processor = foreign_processor(recipe.base.machine)
    if processor and recipe.compiled:
        raise OutsideError(
            f"the image is for {processor}, which nothing here can run, so nothing in it can be compiled",
            hint="`compile = false` in the spec, or in its variant, leaves that out wherever it is built",
        )


def _contents(record: ImageRecord) -> str:
    """Digest of what the judge looks at: base, packages, models, and copies to anywhere in the system."""
    below = itertools.takewhile(lambda layer: layer.title != RUNTIME, record.image.layers)
    copied = (layer for layer in record.image.layers if layer.title.startswith(f"{COPY}/"))
    return digest_of([layer.diff_id for layer in (*below, *copied)])


def _name(plan: Plan) -> str:
    return f"{plan.name}-{plan.variant}" if plan.variant else plan.name


def _file_name(reference: str) -> str:
    return reference.replace("/", "_").replace(":", "_")


def foreign_processor(machine: str, handlers: pathlib.Path = pathlib.Path("/proc/sys/fs/binfmt_misc")) -> str:
    """The image's processor (`arm64`) where neither this machine nor an emulator here can run it; else "".

    On other systems than Linux that is every image's, and is called `linux/arm64`.

    Source: the kernel's documentation of binfmt_misc; qemu-user-static names its handlers so.
    """
    if not runs_linux():
        return f"linux/{machine}"
    name = uname_of(machine)
    return "" if name == platform.machine() or (handlers / f"qemu-{name}").exists() else machine
