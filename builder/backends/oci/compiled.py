"""Layers of compiled modules, so that containers start sooner: by an image's own Python, in its own files.

Each depends on what lies below it and on nothing else, so an image that is built elsewhere has the same.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator, Sequence

from builder.backends.oci import run as runner
from builder.image import travelling
from builder.image.loads import Loads
from builder.inside import places
from builder.oci.image.base import BaseImage
from builder.oci.image.records import Records
from builder.oci.store import tar
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.pieces import Piece, layer_of_pieces
from builder.oci.store.tar import TarEntry
from builder.oci.store.tree import unpack_layers
from builder.wheels.prefix import Prefix
from envspec.spec.model import digest_of
from envspec.system.errors import BuildError
from envspec.system.progress import Progress
from envspec.system.scratch import scratch_folder

HINT = "allow user namespaces, or set `compile = false` in the spec: the image then has no compiled files"
"""Where an image cannot be run. They are never left out by themselves: it would be another image."""

_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "PYTHONHASHSEED": "0"}  # noqa: S108 - inside


class Compiler:
    """Compiles for the images on one base.

    Its methods raise `BuildError` where what is loaded depends on this machine's strength, and `OutsideError`
    where nothing can be run.
    """

    def __init__(
        self, base: BaseImage, prefix: Prefix, blobs: Blobs, records: Records, progress: Progress
    ) -> None:
        self._base = base
        self._prefix = prefix
        self._blobs = blobs
        self._records = records
        self._progress = progress
        self._program = travelling.program("entrypoint.compile")

    @contextlib.contextmanager
    def unpacking(self, layers: Sequence[Layer]) -> Iterator[None]:
        """Unpack layers aside, lowest first, while the stages below them are compiled."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(
                unpack_layers, self._base.layers, layers, self._blobs
            )  # who needs one that fails says so
            yield

    def library(self) -> tuple[Layer, ...]:
        """The standard library, as far as the base has not compiled it itself; no layer where it has."""
        return self._layers("standard library", self._prefix.base_python, ["library"], ())

    def stage(self, name: str, loads: Loads, below: Sequence[Layer]) -> tuple[Layer, ...]:
        """What the last stage in `below` loads that is not compiled there; no layer where that is nothing."""
        if not loads:
            return ()
        words = ["loaded", self._prefix.root, json.dumps(dataclasses.asdict(loads))]
        return self._layers(f"stage {name}", self._prefix.python, words, below)

    def payload(self, payload: Layer) -> tuple[Layer, ...]:
        """All of the payload. Packages are not looked at, so a change of theirs does not compile it again."""
        below = [*self.library(), payload]
        return self._layers("payload", self._prefix.base_python, ["folder", places.PAYLOAD], below)

    def _layers(
        self, what: str, python: str, words: Sequence[str], below: Sequence[Layer]
    ) -> tuple[Layer, ...]:
        title = f"{what}, compiled"
        depends = {
            "program": self._program,
            "title": title,
            "time": tar.archive_epoch(),
            "command": [python, *words],
            "below": [layer.diff_id for layer in (*self._base.layers, *below)],
        }
        key = digest_of(depends).removeprefix("sha256:")
        return self._records.stack(key, lambda: self._compile(title, python, words, below))

    def _compile(
        self, title: str, python: str, words: Sequence[str], below: Sequence[Layer]
    ) -> tuple[Layer, ...]:
        self._progress.note(title)
        command = [python, "-s", "-S", "-W", "ignore", "-", runner.OUT, *words]
        with scratch_folder("compiled") as place:
            done = runner.run_in_layers(
                unpack_layers(self._base.layers, below, self._blobs),
                command,
                user=places.USER_ID,
                folder="/tmp",  # noqa: S108 - inside, where it is empty
                env=_ENV,
                stdin=self._program,
                out=place,
                hint=HINT,
            )
            if not done.ok:
                raise done.refusal or BuildError(
                    f"{title}: {done.tail or f'it ended with {done.code}'}",
                    hint="run again, or set `compile = false` in the spec",
                )
            pieces = list(_pieces(place))
            return (layer_of_pieces(title, pieces, self._blobs, known=()),) if pieces else ()


def _pieces(top: pathlib.Path) -> Iterator[Piece]:
    for folder, folders, files in os.walk(top):
        folders.sort()
        for file in (pathlib.Path(folder, name) for name in files):
            if file.suffix == ".pyc" and file.parent.name == "__pycache__" and not file.is_symlink():
                path = file.relative_to(top).as_posix()
                yield Piece(entry=TarEntry(path=path, size=file.stat().st_size), content=file)
