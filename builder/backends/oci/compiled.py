"""Layers of compiled modules, so that containers start sooner: by the base's own Python, alone in the base.

What a module compiles to depends on its text, its path and that Python, so an image that is built elsewhere
has the same. It is made once for each wheel (`builder/wheels/compiled.py`) and each file of a payload.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from builder.backends.oci import run as runner
from builder.image import travelling
from builder.inside import places
from builder.inside.entrypoint.packed import FORM
from builder.oci.image.base import BaseImage
from builder.oci.image.records import Records
from builder.oci.store import tar
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.pieces import Piece, file_piece, layer_of_pieces
from builder.oci.store.tar import TarEntry
from builder.oci.store.tree import unpack_layers
from builder.wheels.compiled import ASK, JOB, Python, StageModules, WheelCompiler
from builder.wheels.prefix import Prefix
from envspec.spec.model import digest_of
from envspec.spec.part import Part
from envspec.supply.facts import FactStore
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import BuildError
from envspec.system.home import tool_home
from envspec.system.progress import Progress
from envspec.system.scratch import scratch_folder

HINT = "allow user namespaces, or set `compile = false` in the spec: the image then has no compiled files"
"""Where an image cannot be run. They are never left out by themselves: it would be another image."""

_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "PYTHONHASHSEED": "0"}  # noqa: S108 - inside

_WHEELS, _JOB = "/.envspec-wheels", "/.envspec-job.json"
"""Where the program finds what it is to compile: nobody's base has files of these names."""

_LONGEST = 1800.0
"""Seconds for the largest job."""


class _Told(Part):
    """What a base's Python said of itself."""

    line: str


class Compiler:
    """Compiles for the images on one base, by the base's own Python, in which nothing else is to be seen.

    Its methods raise `BuildError` where that fails, and `OutsideError` where nothing can be run.
    """

    def __init__(
        self,
        base: BaseImage,
        prefix: Prefix,
        blobs: Blobs,
        records: Records,
        progress: Progress,
    ) -> None:
        self._base = base
        self._prefix = prefix
        self._blobs = blobs
        self._records = records
        self._progress = progress
        self._program = travelling.program("entrypoint.compile")

    def library(self) -> tuple[Layer, ...]:
        """The standard library, as far as the base has not compiled it itself; no layer where it has."""
        title = "standard library, compiled"
        depends = [self._prefix.base_python, [layer.diff_id for layer in self._base.layers]]

        def make() -> tuple[Layer, ...]:
            self._progress.note(title)
            with scratch_folder("compiled") as place:
                self._start(self._command(["library"]), title, place, (), self._program)
                return self._layer(title, _pieces(place))

        return self._records.stack(self._key(title, depends), make)

    def stages(
        self, stages: Mapping[str, StageModules], wheels: Wheelhouse
    ) -> Mapping[str, tuple[Layer, ...]]:
        """By name what each stage loads that no earlier one does; no layer where that is nothing."""
        if not any(stage.modules for stage in stages.values()):
            return dict.fromkeys(stages, ())
        python = self._python()
        compiler = WheelCompiler(
            python, self._prefix.site, wheels, self._compile_wheels, folder=self._blobs.root / "unpacked"
        )
        made = functools.cache(lambda: compiler.stages(tuple(stages.values())))
        layers: dict[str, tuple[Layer, ...]] = {}
        below: list[Any] = []
        for number, (name, stage) in enumerate(stages.items()):
            below.append([[wheel.sha256 for wheel in stage.wheels], stage.trim, stage.modules])
            title = f"stage {name}, compiled"
            key = self._key(title, [python.key, self._prefix.site, below])
            make = functools.partial(self._stage, title, number, made, python)
            layers[name] = self._records.stack(key, make)
        return layers

    def _stage(
        self, title: str, number: int, made: Callable[[], Sequence[Mapping[str, bytes]]], python: Python
    ) -> tuple[Layer, ...]:
        self._progress.note(title)
        site = self._prefix.site[1:]
        pieces = (file_piece(f"{site}/{python.beside(path)}", body) for path, body in made()[number].items())
        return self._layer(title, pieces)

    def payload(self, layer: Layer, pieces: Callable[[], Iterable[Piece]]) -> tuple[Layer, ...]:
        """The payload of a layer, of which each file is compiled once; `pieces` has its files."""
        title = "payload, compiled"
        python = self._python()
        key = self._key(title, [python.key, layer.diff_id])
        return self._records.stack(key, lambda: self._payload(title, pieces(), python))

    def _payload(self, title: str, pieces: Iterable[Piece], python: Python) -> tuple[Layer, ...]:
        facts, reader = FactStore(tool_home() / "facts"), f"file-{python.key}"
        known: dict[str, str] = {}
        wanted: dict[str, Piece] = {}
        for piece in pieces:
            if piece.entry.path.endswith(".py"):
                found = facts.get(piece.sha256, reader, FORM) or {}
                known |= {path: text for path, text in found.items() if path == piece.entry.path}
                if piece.entry.path not in known:
                    wanted[piece.entry.path] = piece
        if wanted:
            self._progress.note(title)
            made = self._compile_files(title, wanted)
            for path, piece in wanted.items():
                known[path] = base64.b64encode(made.get(path, b"")).decode()
                facts.put(piece.sha256, reader, FORM, {path: known[path]})
        bodies = {path: base64.b64decode(text) for path, text in known.items() if text}
        return self._layer(
            title, (file_piece(python.beside(path), body) for path, body in sorted(bodies.items()))
        )

    def _compile_files(self, title: str, wanted: Mapping[str, Piece]) -> Mapping[str, bytes]:
        """What files compile to, by their paths; none for a file that does not."""
        python = self._python()
        with self._scratch() as folder:
            place, out = folder / "files", folder / "out"
            out.mkdir()
            for path, piece in wanted.items():
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_bytes(b"".join(piece.chunks()))
            (place / _JOB[1:]).write_text(json.dumps([f"/{path}" for path in wanted]))
            self._run(title, ["files", _JOB], out, place)
            made = {path: out / python.beside(path) for path in wanted}
            return {path: file.read_bytes() for path, file in made.items() if file.is_file()}

    def _compile_wheels(self, folder: pathlib.Path, out: pathlib.Path) -> None:
        """Run a job of wheels: see `WheelCompiler`."""
        place = folder.parent / "files"
        place.mkdir()
        folder.rename(place / _WHEELS[1:])
        self._run("modules of wheels", ["wheels", f"{_WHEELS}/{JOB}", _WHEELS], out, place)

    def _python(self) -> Python:
        """The base's Python, which is asked once."""
        key = digest_of([self._prefix.base_python, [layer.diff_id for layer in self._base.layers]])
        told = self._records.fact(
            key.removeprefix("sha256:"),
            _Told,
            lambda: _Told(line=self._start([self._prefix.base_python, "-I", "-S", "-c", ASK])),
        )
        return Python.told(told.line)

    def _run(self, title: str, words: Sequence[str], out: pathlib.Path, *above: pathlib.Path) -> None:
        """Run the program, whose own library is compiled; `above` are folders laid over the base."""
        library = unpack_layers(self._base.layers, self.library(), self._blobs)[1:]
        self._start(self._command(words), title, out, (*library, *above), self._program)

    def _command(self, words: Sequence[str]) -> list[str]:
        return [self._prefix.base_python, "-s", "-S", "-W", "ignore", "-", runner.OUT, *words]

    def _start(
        self,
        command: Sequence[str],
        title: str = "the Python of the base",
        out: pathlib.Path | None = None,
        above: Sequence[pathlib.Path] = (),
        program: str | None = None,
    ) -> str:
        """What a command says in the base. Raises `BuildError` where it fails."""
        done = runner.run_in_layers(
            [*unpack_layers(self._base.layers, (), self._blobs), *above],
            command,
            user=places.USER_ID,
            folder="/tmp",  # noqa: S108 - inside, where it is empty
            env=_ENV,
            stdin=program,
            out=out,
            timeout=_LONGEST,
            hint=HINT,
        )
        if not done.ok:
            raise done.refusal or BuildError(
                f"{title}: {done.tail or f'it ended with {done.code}'}",
                hint="run again, or set `compile = false` in the spec",
            )
        return done.stdout

    def _scratch(self) -> contextlib.AbstractContextManager[pathlib.Path]:
        """Beside the unpacked base: folders laid over each other are named from what is above them."""
        return scratch_folder("compiling", self._blobs.root / "unpacked")

    def _key(self, title: str, depends: Any) -> str:
        known = [self._program, title, tar.archive_epoch(), depends]
        return digest_of(known).removeprefix("sha256:")

    def _layer(self, title: str, pieces: Iterable[Piece]) -> tuple[Layer, ...]:
        found = list(pieces)
        return (layer_of_pieces(title, found, self._blobs, known=()),) if found else ()


def _pieces(top: pathlib.Path) -> Iterator[Piece]:
    for folder, folders, files in os.walk(top):
        folders.sort()
        for file in (pathlib.Path(folder, name) for name in files):
            if file.suffix == ".pyc" and file.parent.name == "__pycache__" and not file.is_symlink():
                path = file.relative_to(top).as_posix()
                yield Piece(entry=TarEntry(path=path, size=file.stat().st_size), content=file)
