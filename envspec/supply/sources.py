"""Where files come from: named indexes, the machine's indexes and folders of wheels, the spec's wheels."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import pathlib
import threading
from collections.abc import Iterator

import pypi_simple
import requests
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from urllib3.util.retry import Retry

from envspec.lockfile.lock import DEFAULT_INDEX, SPEC_WHEEL
from envspec.spec.model import PrebuiltWheel, Spec
from envspec.supply.http import PATIENCE, TIMEOUT, failure_in_words, http_session
from envspec.supply.pip_settings import PipSettings, index_variable, local_path
from envspec.system.errors import OutsideError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file that some source offers."""

    file: str
    url: str
    """Address on the network, or `file:` address."""
    sha256: str | None = None
    size: int | None = None
    requires_python: str | None = None
    uploaded: dt.datetime | None = None
    yanked: str | None = None
    """Why it was withdrawn; None when it was not."""
    metadata: bool = False
    """Whether `url` + `.metadata` answers (PEP 658)."""


class Sources:
    """All sources of one spec on one machine. Listings are asked once and kept for the run."""

    def __init__(
        self, spec: Spec, machine: PipSettings, *, offline: bool = False, patience: Retry = PATIENCE
    ) -> None:
        self.machine = machine
        self.patience = patience
        self.offline = offline
        self._declared = {name: index.url for name, index in spec.index.items()}
        self._wheels = {wheel.file_name: wheel for stage in spec.stage for wheel in stage.wheels}
        self._folder = pathlib.Path()
        self._listings: dict[tuple[str, str], tuple[RemoteFile, ...]] = {}
        self._local = threading.local()
        self.unreachable: dict[str, str] = {}
        """Named indexes that could not be asked, with the reason; their folders of wheels may have served."""

    def within(self, folder: pathlib.Path) -> Sources:
        """The same sources, with the spec's relative paths below `folder`."""
        self._folder = folder
        return self

    @property
    def session(self) -> requests.Session:
        """A session of this thread: the machine's certificates and proxy, patient with passing failures."""
        if not hasattr(self._local, "session"):
            self._local.session = http_session(self.machine, self.patience)
        return self._local.session  # type: ignore[no-any-return]

    def index_urls(self, index: str) -> tuple[str, ...]:
        """The addresses behind an index name."""
        if index == DEFAULT_INDEX:
            return self.machine.default_urls
        return (self.machine.url(index, self._declared[index]),)

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
        if (index, project) not in self._listings:
            self._listings[index, project] = tuple(self._files(index, project))
        return self._listings[index, project]

    def _files(self, index: str, project: str) -> Iterator[RemoteFile]:
        beside = list(self._beside(project))
        yield from beside
        for url in self.index_urls(index):
            try:
                yield from self._listing(url, project)
            except OutsideError as error:
                self.unreachable[index] = error.message
                if not beside:
                    raise self.cannot_ask(index, project) from error

    def cannot_ask(self, index: str, project: str) -> OutsideError:
        """The error that says that an index could not be asked for a project."""
        return OutsideError(
            f"index {index} cannot be asked for {project}: {self.unreachable[index]}",
            hint=f"set {index_variable(index)} to a mirror or folder that has it"
            if index != DEFAULT_INDEX
            else "check the network and pip's configuration",
        )

    def _beside(self, project: str) -> Iterator[RemoteFile]:
        for place in self.machine.find_links:
            path = local_path(place)
            if path is not None and path.is_dir():
                yield from folder_files(path, project)
            elif path is None and not self.offline:
                with contextlib.suppress(OutsideError):
                    yield from self._page(place, project)

    def _listing(self, url: str, project: str) -> Iterator[RemoteFile]:
        path = local_path(url)
        if path is not None:
            yield from self._local_listing(path, project)
        elif self.offline:
            raise OutsideError("offline")
        else:
            # A page of links to all its files, or one page for each project below it.
            page = url if url.endswith(".html") else f"{url.rstrip('/')}/{canonicalize_name(project)}/"
            yield from self._page(page, project)

    def _local_listing(self, index: pathlib.Path, project: str) -> Iterator[RemoteFile]:
        if not index.is_dir():
            raise OutsideError("its folder is not there")
        page = index / canonicalize_name(project) / "index.html"
        if page.is_file():
            found = pypi_simple.ProjectPage.from_html(project, page.read_bytes(), base_url=page.as_uri())
            yield from _offered(found, project)
        else:
            yield from folder_files(index, project)

    def _page(self, url: str, project: str) -> Iterator[RemoteFile]:
        accept = pypi_simple.ACCEPT_JSON_PREFERRED
        try:
            answer = self.session.get(url, headers={"Accept": accept}, timeout=TIMEOUT)
            if answer.status_code in {404, 410}:
                return
            answer.raise_for_status()
        except requests.RequestException as error:
            raise OutsideError(failure_in_words(error)) from error
        try:
            found = pypi_simple.ProjectPage.from_response(answer, project)
        except (
            ValueError,
            pypi_simple.UnsupportedContentTypeError,
            pypi_simple.UnsupportedRepoVersionError,
        ) as error:
            raise OutsideError("it answers with something that is no package index") from error
        yield from _offered(found, project)


def _offered(page: pypi_simple.ProjectPage, project: str) -> Iterator[RemoteFile]:
    wanted = canonicalize_name(project)
    for package in page.packages:
        if project_of(package.filename) == wanted:
            yield RemoteFile(
                file=package.filename,
                url=package.url,
                sha256=(package.digests or {}).get("sha256"),
                size=package.size,
                requires_python=package.requires_python,
                uploaded=package.upload_time,
                yanked=(package.yanked_reason or "no reason given") if package.is_yanked else None,
                metadata=bool(package.has_metadata),
            )


def folder_files(folder: pathlib.Path, project: str) -> Iterator[RemoteFile]:
    """The files of `project` in a folder of wheels and source distributions."""
    for file in sorted(folder.iterdir()):
        if project_of(file.name) == canonicalize_name(project) and file.is_file():
            yield RemoteFile(file=file.name, url=file.absolute().as_uri(), size=file.stat().st_size)


def project_of(file_name: str) -> str | None:
    """Canonical name of the package that a file belongs to; None for files that are no distribution."""
    try:
        if file_name.endswith(".whl"):
            return parse_wheel_filename(file_name)[0]
        return parse_sdist_filename(file_name)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
