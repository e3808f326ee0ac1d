"""Where files come from: named indexes, the machine's indexes and folders of wheels, the spec's wheels."""

from __future__ import annotations

import dataclasses
import pathlib
import threading
from collections.abc import Iterator

import requests
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import DEFAULT_INDEX, SPEC_WHEEL
from envspec.spec.model import PrebuiltWheel, Spec
from envspec.spec.types import index_variable
from envspec.supply.build_root import THIS_MACHINE, BuildRoot
from envspec.supply.chain import Groups
from envspec.supply.http import PATIENCE, Patience, http_session
from envspec.supply.listings import Listings
from envspec.supply.local_index import folder_files, local_files
from envspec.supply.page import RemoteFile, project_of
from envspec.supply.pip_settings import PipSettings, local_path
from envspec.supply.relay import NETWORK_HINT, PASSWORD_HINT, Relay
from envspec.system.errors import OutsideError
from envspec.system.progress import SILENT, Progress


class Sources:
    """All sources of one spec on one machine. Listings are asked once and kept for the run."""

    def __init__(
        self, spec: Spec, machine: PipSettings, *, offline: bool = False, patience: Patience = PATIENCE
    ) -> None:
        self.spec = spec
        machine = asked_by(spec, machine)
        self.machine = machine
        self.patience = patience
        self.offline = offline
        self._declared = {name: index.url for name, index in spec.index.items()}
        self._wheels = {wheel.file_name: wheel for stage in spec.stage for wheel in stage.wheels}
        self._folder = pathlib.Path()
        self._files_of: dict[tuple[str, str], tuple[RemoteFile, ...]] = {}
        self._links: dict[str, dict[str, list[RemoteFile]]] = {}
        self._session: requests.Session | None = None
        self._opening = threading.Lock()
        self.listings = Listings(lambda: self.session, offline=offline)
        """The pages of indexes on the network, by address."""
        self.relay = Relay(machine, self.listings, self._asking)
        """Through which programs ask the same indexes."""
        self.build_root: BuildRoot = THIS_MACHINE
        """Where source distributions and own code are built."""
        self.progress: Progress = SILENT
        """Who is told of waits that somebody notices."""
        self.unreachable: dict[str, str] = {}
        """Named indexes that could not be asked, with the reason; their folders of wheels may have served."""

    def within(self, folder: pathlib.Path) -> Sources:
        """The same sources, with the spec's relative paths below `folder`."""
        self._folder = folder
        return self

    @property
    def folder(self) -> pathlib.Path:
        """The spec's folder."""
        return self._folder

    @property
    def session(self) -> requests.Session:
        """A session for all threads: the machine's certificates, proxy and passwords, and patience.

        Raises `OutsideError` when a file that pip's settings name is not there.
        """
        with self._opening:
            if self._session is None:
                self._session = http_session(
                    self.machine,
                    self.patience,
                    note=self._note,
                    addresses=self._declared.values(),
                )
            return self._session

    def _asking(self) -> requests.Session:
        """The session for what programs ask for. Raises `OutsideError` when nothing may be asked."""
        if self.offline:
            raise OutsideError("offline")
        return self.session

    def _note(self, text: str) -> None:
        self.progress.note(text)

    def index_url(self, name: str) -> str:
        """The address of a named index."""
        return self.machine.url(name, self._declared[name])

    def _groups(self, index: str) -> Groups:
        return self.machine.default_groups if index == DEFAULT_INDEX else ((self.index_url(index),),)

    def spec_wheel(self, wheel: PrebuiltWheel) -> RemoteFile:
        """A wheel that the spec lists by address or path."""
        if wheel.url:
            return RemoteFile(file=wheel.file_name, url=wheel.url, sha256=wheel.sha256)
        place = (self._folder / (wheel.path or "")).absolute()
        if not place.is_file():
            raise OutsideError(f"{wheel.path} is not there", hint="put the wheel at that path below the spec")
        return RemoteFile(file=wheel.file_name, url=place.as_uri(), sha256=wheel.sha256)

    def files(self, index: str, project: str) -> tuple[RemoteFile, ...]:
        """Every file of `project` that the index and the machine's folders of wheels offer.

        Raises `OutsideError` when the index cannot be asked and no folder has the project.
        """
        if index == SPEC_WHEEL:
            wheels = [wheel for wheel in self._wheels.values() if wheel.name == canonicalize_name(project)]
            return tuple(self.spec_wheel(wheel) for wheel in wheels)
        if (index, project) not in self._files_of:
            self._files_of[index, project] = tuple(self._files(index, project))
        return self._files_of[index, project]

    def _files(self, index: str, project: str) -> Iterator[RemoteFile]:
        beside = list(self._beside(project))
        yield from beside
        for group in self._groups(index):
            found: list[RemoteFile] = []
            for url in group:
                try:
                    found += self._listing(url, project)
                except OutsideError as error:
                    self.unreachable[index] = error.message
                    if not beside:
                        raise self.cannot_ask(index, project, url) from error
            yield from found
            if found:
                return

    def answered(self, index: str, project: str) -> tuple[tuple[RemoteFile, ...], str]:
        """As `files`, of those of an index's addresses that can be asked; and why another could not.

        It serves who knows the digest that is wanted: whoever has it is as good as another.
        """
        found, why = [*self._beside(project)], ""
        for url in (url for group in self._groups(index) for url in group):
            try:
                found += self._listing(url, project)
            except OutsideError as error:
                why = why or error.message
        return tuple(found), why

    def cannot_ask(self, index: str, project: str, url: str = "") -> OutsideError:
        """The error that says that an index could not be asked for a project; `url` is which of default's."""
        why = self.unreachable[index]
        if "(401)" in why:
            where = f"; {index_variable(index)} may hold that address, with NAME:PASSWORD@ before its host"
            hint = PASSWORD_HINT + where * (index != DEFAULT_INDEX)
        elif index == DEFAULT_INDEX:
            hint = NETWORK_HINT
        else:
            hint = f"set {index_variable(index)} to a mirror or folder that has it"
        named = self.relay.name(url) if index == DEFAULT_INDEX and url else f"index {index}"
        return OutsideError(f"{named} cannot be asked for {project}: {why}", hint=hint)

    def meant(self, remote: RemoteFile) -> RemoteFile:
        """A file of a solution by its true address. Raises `OutsideError` when its index cannot be asked."""
        return dataclasses.replace(remote, url=self.relay.meant(remote.url))

    def _beside(self, project: str) -> Iterator[RemoteFile]:
        for place in self.machine.find_links:
            path = local_path(place)
            if path is not None and path.is_dir():
                yield from folder_files(path, project)
            elif path is None and not self.offline:
                try:
                    yield from self._linked(place).get(canonicalize_name(project), ())
                except OutsideError as error:
                    raise OutsideError(
                        f"a page of pip's `find-links` cannot be asked for {project}: {error.message}",
                        hint=PASSWORD_HINT if "(401)" in error.message else NETWORK_HINT,
                    ) from error

    def _linked(self, place: str) -> dict[str, list[RemoteFile]]:
        """The files of a page of links by project."""
        if place not in self._links:
            found: dict[str, list[RemoteFile]] = {}
            for file in self.listings.files(place, None):
                found.setdefault(project_of(file.file) or "", []).append(file)
            self._links[place] = found
        return self._links[place]

    def _listing(self, url: str, project: str) -> Iterator[RemoteFile]:
        path = local_path(url)
        if path is not None:
            yield from local_files(path, project)
        elif url.endswith(".html"):
            yield from self._linked(url).get(canonicalize_name(project), ())
        else:
            yield from self.listings.files(url, project)


def asked_by(spec: Spec, machine: PipSettings) -> PipSettings:
    """pip's settings with the indexes of the spec that are asked for every package."""
    urls = {name: machine.url(name, index.url) for name, index in spec.index.items()}
    first, extra, last = (
        [urls[name] for name, index in spec.index.items() if index.extra == how]
        for how in ("first", True, "last")
    )
    links = [url for url in extra if url.endswith(".html")]
    own = next((urls[name] for name, index in spec.index.items() if index.default), None)
    if own is not None:
        machine = dataclasses.replace(machine, index_url=own, extra_index_urls=())
    return dataclasses.replace(
        machine,
        first_index_urls=tuple(first),
        last_index_urls=tuple(last),
        extra_index_urls=(*machine.extra_index_urls, *(url for url in extra if url not in links)),
        find_links=(*machine.find_links, *links),
        named={url: name for name, url in urls.items()},
    )
