"""What is in files that are copied into an environment, and which of a model's folder those are."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib

from builder.values.key_files import bare_key
from builder.values.private_keys import KeySpotter
from builder.values.secret_names import is_history, is_secret_name
from builder.values.tokens import TokenSpotter
from builder.values.walk import leads_to_secret, refuse_foreign_name
from envspec.spec.part import Part
from envspec.system.errors import OutsideError

_PIECE = 1 << 20
"""Bytes of a file that are read at once."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What a folder holds by its names alone."""

    files: tuple[str, ...]
    """Paths below the folder, `/` between their parts, in the order of a walk."""
    left_out: tuple[str, ...]
    """Files that hold secrets by their names; folders end with `/` and were not looked into."""


class FileContents(Part):
    """What was read of one file."""

    sha256: str
    private: bool
    """Whether it holds a private key, or an access token."""


def name_files(top: pathlib.Path) -> Named:
    """The files of a folder, links to files too, that are neither hidden nor hold secrets by their names.

    Raises `SpecError` for a name that is no UTF-8, `OutsideError` for a folder that cannot be read.
    """
    files: list[str] = []
    left_out: list[str] = []
    for folder, folders, names in os.walk(top, onerror=_refuse):
        below = pathlib.Path(folder).relative_to(top)
        going = []
        for name in sorted(folders):
            path = (below / name).as_posix()
            if is_secret_name(path) or is_history(path):
                left_out.append(f"{path}/")
            elif not name.startswith("."):
                going.append(name)
        folders[:] = going
        for name in sorted(names):
            path = (below / name).as_posix()
            if is_secret_name(path) or is_history(path) or _hides_secret(top, path):
                left_out.append(path)
            elif not name.startswith("."):
                files.append(path)
    for path in (*files, *left_out):
        refuse_foreign_name(path, "service")
    return Named(files=tuple(files), left_out=tuple(left_out))


def _refuse(error: OSError) -> None:
    raise OutsideError(f"{error.filename} cannot be read: {error.strerror}") from error


def _hides_secret(top: pathlib.Path, path: str) -> bool:
    return (top / path).is_symlink() and leads_to_secret(top, path)


def read_file(file: pathlib.Path) -> FileContents:
    """A file's digest, and whether a secret is in it, read once and in pieces. Raises `OutsideError`."""
    name = file.name.casefold()
    digest, begin = hashlib.sha256(), b""
    try:
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            spotter = KeySpotter(size, stores=not ("trust" in name or "cacert" in name))
            tokens = TokenSpotter()
            while piece := stream.read(_PIECE):
                begin = begin or piece
                digest.update(piece)
                if not name.endswith(".whl"):  # what a wheel holds is its maker's
                    spotter.feed(piece)
                    tokens.feed(piece)
    except OSError as error:
        raise OutsideError(f"{file} cannot be read: {error.strerror}") from error
    private = spotter.close() or (name.endswith(".key") and size == len(begin) and bare_key(begin))
    return FileContents(sha256=digest.hexdigest(), private=private or tokens.found)
