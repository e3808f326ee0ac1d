"""The oci backend: a plan becomes an OCI image without an engine, a registry or root.

<home>/oci/    the store of layers, itself an OCI layout that lists every image built
"""

from __future__ import annotations

import importlib.metadata
import itertools
import pathlib
import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from builder.backends.oci import bases
from builder.backends.oci.settings import settings
from builder.inside import places
from builder.oci.image.base import Base, Found, examine
from builder.oci.image.documents import RUNTIME
from builder.oci.image.records import Record, Records
from builder.oci.store import tar
from builder.oci.store.blobs import Blobs, Layer
from builder.values import models
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.wheels.place import Place
from envspec.spec.model import digest_of
from envspec.supply.pip_settings import machine
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.home import home
from envspec.system.process import Completed
from envspec.system.processor import uname_of
from envspec.system.progress import Progress

if TYPE_CHECKING:
    from builder.backends.oci.compiled import Compiler
    from builder.backends.oci.ship import Load
    from builder.oci.store.network import Network
    from builder.values.shipping import Shipped, Shipping
    from builder.values.verdict import Verdict

_SHORT = 16
"""Digits of a digest in a name: enough to never meet another by chance."""


class OciBackend:
    """Builds images below the tool's home; `ship` writes them where they are wanted."""

    name = "oci"

    def __init__(
        self, *, offline: bool = False, network: Network | None = None, load: Load | None = None
    ) -> None:
        self._load = load
        self._offline = offline
        self._given = network
        self.blobs = Blobs(home() / "oci")
        self.records = Records(self.blobs)

    def available(self) -> str | None:
        """It works wherever this program does; what a base needs is asked for when it is."""
        return None

    def build(self, plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress) -> Environment:
        """Build, or find, the image. Raises `BuildError`, `OutsideError`, `SpecError` and `WheelError`."""
        base = bases.obtain(plan, folder, store, self.blobs, self._network, progress)
        key = _key(plan, base)
        record = self.records.image(key)
        reused = record is not None
        if record is None:
            record = self._build(plan, base, folder, store, progress)
            self.records.remember(key, record)
        name = f"envspec/{_name(plan)}:{record.image.config.digest.removeprefix('sha256:')[:_SHORT]}"
        if not reused:
            from builder.oci.image import layout

            self.records.remember(_file_name(name), record)
            layout.enlist(record.image, record.machine, name, self.blobs.root)
        return Environment(
            backend=self.name,
            reference=name,
            digest=plan.digest,
            python=record.image.python,
            payload=places.PAYLOAD if plan.payload else None,
            reused=reused,
            contents=_contents(record),
            foreign=foreign(record.machine),
            variables={
                **models.variables(plan, places.MODELS),
                **(plan.service.env if plan.service else {}),
            },
        )

    def _network(self) -> Network:
        from builder.oci.store.network import Network

        return self._given or Network(machine(), offline=self._offline)

    def _build(
        self, plan: Plan, base: Base, folder: pathlib.Path, store: Wheelhouse, progress: Progress
    ) -> Record:
        # What follows needs more than finding what is there.
        from builder.backends.oci import parts
        from builder.oci.image.documents import assemble
        from builder.oci.store import pieces
        from builder.wheels import layers

        found = self.records.fact(
            _digest(["base", base.model_dump(mode="json"), plan.python]),
            Found,
            lambda: examine(base, plan.python, self.blobs, outside=places.ENVIRONMENT),
        )
        place = Place(prefix=places.ENVIRONMENT, version=plan.python, base_python=found.python)
        skeleton = pieces.layer(
            "empty environment", parts.skeleton(place, base.version or plan.python, found), self.blobs
        )
        compiler = self._compiler(plan, base, place, progress)
        library = compiler.library() if compiler else ()
        progress.step("layers")
        packages = self.records.stack(
            _digest(
                {
                    "packages": [stage.model_dump(mode="json", exclude={"why"}) for stage in plan.stages],
                    "place": [place.prefix, place.version, place.base_python],
                    "format": layers.FORMAT,
                    "time": tar.epoch(),
                }
            ),
            lambda: layers.build(plan.stages, place, store, self.blobs, progress),
        )
        if compiler:
            packages = _with_compiled(plan, packages, (*library, skeleton), compiler, store)
        runtime = self.records.stack(
            _digest(
                {
                    "plan": plan.packages_digest,
                    "service": plan.service.model_dump(mode="json") if plan.service else None,
                    "names": [plan.name, plan.named],
                    "lock": plan.lock,
                    **_tool(),
                }
            ),
            lambda: (pieces.layer(RUNTIME, parts.runtime(plan), self.blobs),),
        )
        added: list[Layer] = [*library, skeleton, *packages, *self._models(plan, folder), *runtime]
        if plan.payload is not None:
            payload = pieces.layer("payload", parts.payload(plan, folder), self.blobs)
            added += [payload, *(compiler.payload(payload) if compiler else ())]
        image = assemble(base, added, settings(plan, base), place.python, self.blobs)
        return Record(image=image, base=len(base.layers), machine=base.machine)

    def _compiler(self, plan: Plan, base: Base, place: Place, progress: Progress) -> Compiler | None:
        """What compiles for the image; None where the spec wants nothing compiled.

        Raises `OutsideError` for an image that cannot be run here: without compiled files it would be
        another one than elsewhere.
        """
        if not plan.compiled:
            return None
        from builder.backends.oci.compiled import Compiler

        if machine := foreign(base.machine):
            raise OutsideError(
                f"the image is for {machine}, which nothing here can run, so nothing in it can be compiled",
                hint="`compile = false` in the spec, or in its variant, leaves that out wherever it is built",
            )
        return Compiler(base, place, self.blobs, self.records, progress)

    def _models(self, plan: Plan, folder: pathlib.Path) -> Sequence[Layer]:
        """The layer of the models; none without models."""
        from builder.backends.oci import parts
        from builder.oci.store import pieces

        if not plan.models:
            return ()
        known = [model.model_dump(mode="json") for model in plan.models]
        return self.records.stack(
            _digest({"models": known, "time": tar.epoch(), **_tool()}),
            lambda: (pieces.layer("models", parts.models(plan, folder), self.blobs),),
        )

    def run(
        self,
        environment: Environment,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a command in the image's files, in a sandbox without a network."""
        from builder.backends.oci import run as runner

        record = self.record(environment)
        variables = {**environment.variables, "PYTHONPATH": environment.payload or "", **(env or {})}
        return runner.run(record, command, self.blobs, stdin=stdin, env=variables, timeout=timeout)

    def record(self, environment: Environment) -> Record:
        """The image of an environment. Raises `OutsideError` when it is gone."""
        record = self.records.image(_file_name(environment.reference))
        if record is None:
            raise OutsideError(
                f"image {environment.reference} is no longer in {self.blobs.root}", hint="build it again"
            )
        return record

    def ship(
        self, environment: Environment, verdict: Verdict, wanted: Shipping, progress: Progress
    ) -> Shipped:
        """Seal the image with its verdict, name it and write it where it is wanted."""
        from builder.backends.oci import ship as shipping

        return shipping.ship(
            self.record(environment),
            environment,
            verdict,
            wanted,
            self.blobs,
            self._network,
            progress,
            self._load,
        )


def _with_compiled(
    plan: Plan,
    packages: Sequence[Layer],
    below: Sequence[Layer],
    compiler: Compiler,
    store: Wheelhouse,
) -> tuple[Layer, ...]:
    """The layers of packages, and above each stage's what it loads, compiled: so a late change stays late."""
    from builder.image import loads
    from builder.wheels import layers

    groups = list(zip(layers.groups(plan.stages), packages, strict=True))
    lower = list(below)
    upper = []
    parts = {stage.name: [each for each in groups if each[0].stage == stage.name] for stage in plan.stages}
    with compiler.unpacking([layer for part in parts.values() for _, layer in part]):
        for stage in plan.stages:
            lower += [layer for _, layer in parts[stage.name]]
            compiled = compiler.stage(stage.name, loads.of(plan, stage, store), lower)
            lower += compiled
            upper += [layer for group, layer in parts[stage.name] if not group.large]
            upper += compiled
    return (*(layer for group, layer in groups if group.large), *upper)


def _contents(record: Record) -> str:
    """Digest of an image's layers below the doctor: its base, its packages and its models."""
    below = itertools.takewhile(lambda layer: layer.title != RUNTIME, record.image.layers)
    return _digest([layer.diff_id for layer in below])


def _key(plan: Plan, base: Base) -> str:
    """Name of an image's content: all that it is made of, and the program that makes it."""
    pieces = {
        "plan": plan.digest,
        "lock": plan.lock,
        "name": [plan.name, plan.variant, plan.named],
        "compiled": plan.loads if plan.compiled else None,
        "base": base.model_dump(mode="json"),
        **_tool(),
    }
    return _digest(pieces)


def _digest(value: Any) -> str:
    return digest_of(value).removeprefix("sha256:")


def _tool() -> dict[str, Any]:
    """What this program puts into images by itself."""
    return {"time": tar.epoch(), "program": [importlib.metadata.version("envspec"), _program()]}


def _program() -> list[list[int]]:
    """Size and time of the files that travel into images or decide what does: whether they were edited."""
    import builder

    top = pathlib.Path(builder.__file__).parent
    rooms = ("backends", "debian", "image", "inside", "oci", "values", "wheels")
    files = sorted(file for room in rooms for file in (top / room).rglob("*.py"))
    return [[file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def _name(plan: Plan) -> str:
    return f"{plan.name}-{plan.variant}" if plan.variant else plan.name


def _file_name(reference: str) -> str:
    return reference.replace("/", "_").replace(":", "_")


def foreign(machine: str, handlers: pathlib.Path = pathlib.Path("/proc/sys/fs/binfmt_misc")) -> str:
    """The image's processor (`arm64`) where neither this machine nor an emulator here can run it; else "".

    Source: the kernel's documentation of binfmt_misc; qemu-user-static names its handlers so.
    """
    name = uname_of(machine)
    return "" if name == platform.machine() or (handlers / f"qemu-{name}").exists() else machine
