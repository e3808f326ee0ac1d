"""The layers of an image besides its base and its packages; their content is that of the docker backend's."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

import builder
from builder.inside import places
from builder.oci.image.base import Found
from builder.oci.store.pieces import Piece, file, folder, link
from builder.oci.store.tar import Entry
from builder.values import models as model_files
from builder.values import payload as payload_files
from builder.values.plan import Plan
from builder.wheels.place import Place
from envspec.supply.facts import sha256_of
from envspec.system.errors import BuildError


def skeleton(place: Place, version: str, found: Found) -> Iterator[Piece]:
    """The empty environment, the folder of the payload, and the user that the service runs as."""
    prefix = place.prefix[1:]
    yield folder(place.site[1:])
    yield link(f"{prefix}/bin/python", place.base_python)
    for name in ("python3", f"python{place.version}"):
        yield link(f"{prefix}/bin/{name}", "python")
    home = str(pathlib.PurePosixPath(place.base_python).parent)
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"
    yield file(f"{prefix}/pyvenv.cfg", settings.encode())
    user, number = places.USER, places.USER_ID
    yield file("etc/passwd", _with(found.passwd, f"{user}:x:{number}:{number}::/tmp:/usr/sbin/nologin\n"))
    yield file("etc/group", _with(found.group, f"{user}:x:{number}:\n"))
    yield folder(places.PAYLOAD[1:])


def _with(text: str, line: str) -> bytes:
    if f":x:{places.USER_ID}:" in text:
        return text.encode()
    return (text if not text or text.endswith("\n") else f"{text}\n").encode() + line.encode()


def runtime(plan: Plan) -> Iterator[Piece]:
    """The doctor and the entrypoint, what was locked, and the bill of materials."""
    from builder.image import contents  # with CycloneDX behind it: only who makes this layer waits
    from builder.image.sbom import sbom

    root = places.RUNTIME[1:]
    source = pathlib.Path(builder.__file__).parent.parent
    for name in contents.RUNTIME:
        yield file(f"{root}/{name}", (source / name).read_bytes())
    yield file(f"{root}/__main__.py", (source / contents.MAIN).read_bytes())
    facts = json.dumps(contents.facts(plan), indent=1, sort_keys=True) + "\n"
    yield file(f"{root}/environment.json", facts.encode())
    yield file(places.SBOM[1:], sbom(plan).encode())


def payload(plan: Plan, spec_folder: pathlib.Path) -> Iterator[Piece]:
    """The payload's code. Raises `BuildError` when a file changed since the plan was made."""
    if plan.payload is None or plan.service is None:
        return
    top = payload_files.root(plan.service, spec_folder)
    prefix = "service/" if plan.service.source is None else ""
    for part in plan.payload.files:
        place = top / part.path.removeprefix(prefix)
        try:
            size = place.stat().st_size
        except OSError as error:
            raise BuildError(f"{place} cannot be read: {error.strerror}", hint="run again") from error
        entry = Entry(
            path=f"{places.PAYLOAD[1:]}/{part.path}", mode=0o755 if part.executable else 0o644, size=size
        )
        yield Piece(entry=entry, content=place, sha256=part.sha256)


def models(plan: Plan, spec_folder: pathlib.Path) -> Iterator[Piece]:
    """The models of the payload. Raises `SpecError` and `OutsideError` when one is not there."""
    for name, model in model_files.sources(plan, spec_folder).items():
        for path, place in model_files.files(model):
            entry = Entry(path=f"{places.MODELS[1:]}/{name}/{path}", mode=0o644, size=place.stat().st_size)
            yield Piece(entry=entry, content=place, sha256=sha256_of(place))
