"""The layers of an image besides its base and its packages; their content is that of the docker backend's."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping, Sequence

import builder
from builder.image import contents
from builder.image.bill import Bill, bill_text
from builder.image.users import user_numbers
from builder.inside import places
from builder.oci.image.base import BaseFacts
from builder.oci.store.pieces import Piece, file_piece, folder_piece, link_piece
from builder.oci.store.tar import TarEntry
from builder.values import models as model_files
from builder.values import payload as payload_files
from builder.values.payload import Payload
from builder.wheels.prefix import Prefix
from envspec.supply.facts import sha256_of
from envspec.system.errors import BuildError

Pieces = Iterator[Piece]


def skeleton_pieces(prefix: Prefix, version: str, found: BaseFacts) -> Pieces:
    """The empty environment, the folder of the payload, and the user that the service runs as."""
    root = prefix.root[1:]
    yield folder_piece(prefix.site[1:])
    yield link_piece(f"{root}/bin/python", prefix.base_python)
    for name in ("python3", f"python{prefix.version}"):
        yield link_piece(f"{root}/bin/{name}", "python")
    home = str(pathlib.PurePosixPath(prefix.base_python).parent)
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"
    yield file_piece(f"{root}/pyvenv.cfg", settings.encode())
    user, number = places.USER, places.USER_ID
    yield file_piece(
        "etc/passwd", _with(found.passwd, f"{user}:x:{number}:{number}::/tmp:/usr/sbin/nologin\n")
    )
    yield file_piece("etc/group", _with(found.group, f"{user}:x:{number}:\n"))
    yield folder_piece(places.PAYLOAD[1:])


def _with(text: str, line: str) -> bytes:
    if f":x:{places.USER_ID}:" in text:
        return text.encode()
    return (text if not text or text.endswith("\n") else f"{text}\n").encode() + line.encode()


def folder_pieces(folders: Sequence[tuple[str, str]], passwd: str) -> Pieces:
    """The empty folders that programs want, each of its owner. Raises `SpecError` for a user nobody knows."""
    for path, owner in folders:
        user, group = user_numbers(owner, passwd)
        yield folder_piece(path[1:], user, group)


def runtime_pieces(facts: str, bill: Bill) -> Pieces:
    """The doctor and the entrypoint, what the image knows of itself, and the bill of materials."""
    root = places.RUNTIME[1:]
    source = pathlib.Path(builder.__path__[0]).parent
    for name in contents.runtime_files():
        yield file_piece(f"{root}/{name}", (source / name).read_bytes())
    yield file_piece(f"{root}/__main__.py", (source / contents.MAIN).read_bytes())
    yield file_piece(f"{root}/environment.json", facts.encode())
    yield file_piece(places.SBOM[1:], bill_text(bill).encode())


def payload_pieces(payload: Payload, source: str | None, spec_folder: pathlib.Path) -> Pieces:
    """The payload's code. Raises `BuildError` when a file changed since the plan was made."""
    top = payload_files.payload_root(source, spec_folder)
    prefix = "service/" if source is None else ""
    for part in payload.files:
        place = top / part.path.removeprefix(prefix)
        try:
            size = place.stat().st_size
        except OSError as error:
            raise BuildError(f"{place} cannot be read: {error.strerror}", hint="run again") from error
        entry = TarEntry(
            path=f"{places.PAYLOAD[1:]}/{part.path}", mode=0o755 if part.executable else 0o644, size=size
        )
        yield Piece(entry=entry, content=place, sha256=part.sha256)


def model_pieces(folders: Mapping[str, pathlib.Path]) -> Pieces:
    """The models, by their names, out of these folders."""
    for name, model in folders.items():
        for path, place in model_files.model_files(model):
            entry = TarEntry(path=f"{places.MODELS[1:]}/{name}/{path}", mode=0o644, size=place.stat().st_size)
            yield Piece(entry=entry, content=place, sha256=sha256_of(place))
