"""The root that a spec's sources are built in: Debian's packages, laid out, without root and without network.

Where a spec names none (`build-apt`), builds run on this machine as they did; what one misses is looked up
all the same.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.debian.request import PYTHON, DebianRequest
from builder.oci.store.blobs import Blobs
from envspec.lockfile.lock import DebianPackage, Lock
from envspec.spec.model import Spec, digest_of
from envspec.spec.python import PythonWish
from envspec.supply.build_root import THIS_MACHINE, Missing
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import THE_SPEC, OutsideError, Problem, SpecError
from envspec.system.home import tool_home
from envspec.system.interpreter import find_interpreter
from envspec.system.process import Completed, Words
from envspec.system.processor import processor_of
from envspec.system.progress import SILENT, Progress
from envspec.system.scratch import scratch_folder

if TYPE_CHECKING:
    from builder.oci.store.blobs import Layer
    from builder.oci.store.network import Network

_BUILDER = 1000
"""Number of the user that builds run as: an ordinary one, as Debian's own builders are."""

_TOOLS = (
    "bash",
    "coreutils",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "mawk",
    "perl-base",
    "sed",
    "tar",
)
"""What every build on Debian may count on. Source: Debian's policy, 3.8 and 7.7."""

_PATH = "/usr/local/bin:/usr/bin:/bin"


def build_suite(spec: Spec) -> str | None:
    """The Debian suite that a spec's sources are built in: that of its base; None where it cannot be told.

    An image says it by its name, as Python's own do: `python:3.11-slim-bookworm`. The suite must have the
    spec's Python, whose headers builds need.
    """
    named = [spec.base.debian] if spec.base.debian else re.findall(r"[a-z]+", spec.image or "")
    wanted = spec.python_wish.line
    return next((suite for suite in named if suite is not None and wanted in PYTHON.get(suite, ())), None)


class DebianBuildRoot:
    """The build root of one spec; nothing is fetched before a build wants it.

    Safe for any number of threads.
    """

    def __init__(
        self,
        spec: Spec,
        held: Lock | None,
        store: Wheelhouse,
        *,
        offline: bool = False,
        progress: Progress = SILENT,
    ) -> None:
        """`held` is the lock whose packages it is made of; without one they are those that archives have."""
        self._spec = spec
        self._held = held
        self._store = store
        self._offline = offline
        self._progress = progress

    @functools.cached_property
    def packages(self) -> tuple[DebianPackage, ...]:
        """All that it is made of, by name; none where the spec names none.

        Raises `SpecError` where no suite can be told, `OutsideError` when an archive cannot be asked.
        """
        if not self._spec.build_packages:
            return ()
        if self._held is not None and self._held.build:
            named = {each.name: each for each in (*self._held.base.packages, *self._held.build)}
            return tuple(named[name] for name in sorted(named))
        from builder.debian import locked, mirrors

        wanted = self._request()
        return locked.resolve_packages(wanted, mirrors.archive_pockets(wanted.suite), self._network())

    def added(self, lock: Lock) -> tuple[DebianPackage, ...]:
        """What a lock has to hold of it: all but what its base has."""
        own = set(lock.base.packages)
        return tuple(package for package in self.packages if package not in own)

    def _request(self) -> DebianRequest:
        suite = build_suite(self._spec)
        if suite is None:
            known = ", ".join(f"{name} (Python {', '.join(has)})" for name, has in PYTHON.items())
            problem = Problem(
                path="base.build-apt",
                message=f"which Debian has Python {self._spec.python} and this base's C library is not known",
            )
            raise SpecError(THE_SPEC, (problem,), hint=f"give [base] a debian suite: {known}")
        line = self._spec.python_wish.line
        headers = f"libpython{line}-dev"
        apt = tuple(sorted({*self._spec.base.apt, *self._spec.build_packages, *_TOOLS, headers}))
        return DebianRequest(suite=suite, python=line, machine=self._spec.machine, apt=apt)

    def _network(self) -> Network:
        from builder.oci.store.network import Network
        from envspec.supply.pip_settings import ask_pip

        return Network(ask_pip(), offline=self._offline)

    @property
    def key(self) -> str:
        """See `BuildRoot`."""
        found = [package.sha256 for package in self.packages]
        return digest_of(found).removeprefix("sha256:")[:32] if found else ""

    @property
    def path(self) -> str:
        """See `BuildRoot`."""
        return _PATH if self._spec.build_packages else THIS_MACHINE.path

    @property
    def compiles(self) -> bool:
        """See `BuildRoot`."""
        return bool(self._spec.build_packages) or THIS_MACHINE.compiles

    @functools.cached_property
    def _layer(self) -> Layer:
        from builder.debian.layer import known_layer, make_layer

        blobs = Blobs(tool_home() / "oci")
        layer = known_layer(self.packages, self._spec.machine, blobs)
        if layer is None:
            from builder.debian import locked, mirrors

            suite = build_suite(self._spec) or ""
            if not all(map(self._store.has, self.packages)):
                self._progress.note(f"fetch {len(self.packages)} packages of Debian {suite} to build with")
                pockets = mirrors.archive_pockets(suite)
                locked.fetch_packages(self.packages, pockets, self._store, self._network())
            layer = make_layer(suite, self.packages, self._spec.machine, self._store, blobs)
        return layer

    def run(
        self, command: Words, *, env: Mapping[str, str], folder: pathlib.Path, timeout: float, keep: int
    ) -> Completed:
        """See `BuildRoot`: in a root of the packages alone, with `folder` at its own path."""
        if not self._spec.build_packages:
            return THIS_MACHINE.run(command, env=env, folder=folder, timeout=timeout, keep=keep)
        from builder.backends.oci.backend import foreign_processor
        from builder.backends.oci.run import run_in_layers
        from builder.oci.store.tree import unpack_layers

        if foreign := foreign_processor(processor_of(self._spec.machine).oci):
            raise OutsideError(
                f"sources cannot be built for {foreign} here: nothing on this machine can run its compiler",
                hint="build on such a machine, or set up an emulator (qemu-user-static)",
            )
        (root,) = unpack_layers((self._layer,), (), Blobs(tool_home() / "oci"))
        with scratch_folder("places") as places:
            _make_places(places, root, folder, self._spec.python_wish)
            return run_in_layers(
                (root, places),
                [str(word) for word in command],
                user=_BUILDER,
                folder=str(folder),
                env={**env, "HOME": "/tmp", "TMPDIR": "/tmp"},  # noqa: S108 - of the root, and gone with it
                hint="allow user namespaces; without `build-apt` this machine's own compiler builds",
                what="a build root",
                timeout=timeout,
                shown=[folder],
                keep=keep,
            )

    def advise(self, missing: Missing) -> str:
        """See `BuildRoot`: looked up in the suite's own lists, which are fetched for it; never guessed."""
        suite = build_suite(self._spec)
        if suite is None:
            return ""
        from builder.debian import archive, mirrors
        from builder.debian.bringing import package_bringing

        processor = processor_of(self._spec.machine)
        try:
            pockets = mirrors.archive_pockets(suite)
            lists = archive.contents_lists(pockets, processor.debian, self._network())
            name = package_bringing(missing, lists, processor.multiarch)
        except OutsideError as error:
            return (
                f"which package of Debian {suite} brings {missing.words} could not be looked up: "
                f"{error.message}"
            )
        if name is None:
            return ""
        there = self._spec.build_packages
        words = [*there, name] if there else sorted({"gcc", name})
        line = f"build-apt = {json.dumps(words)}"
        return f"Debian's package {name} brings it: `{line}` in [base] builds with it, and no image has it"


def _make_places(places: pathlib.Path, root: pathlib.Path, folder: pathlib.Path, wish: PythonWish) -> None:
    """Make what the root lacks: the build's folder, and this machine's Python, which is the root's own."""
    (places / str(folder).lstrip("/")).mkdir(parents=True)
    python = str(find_interpreter(wish.line, wish.patch)).lstrip("/")
    if not (root / python).exists() and not (places / python).exists():
        (places / python).parent.mkdir(parents=True, exist_ok=True)
        (places / python).symlink_to(f"/usr/bin/python{wish.line}")
