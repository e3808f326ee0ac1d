"""The pages of indexes as this machine gets them: asked once a run, within bounds, failures in words."""

from __future__ import annotations

import dataclasses
import functools
import threading
import time
from collections.abc import Callable, Mapping

import requests
from packaging.utils import canonicalize_name

from envspec.supply import http
from envspec.supply.credentials import origin_of, plain_address
from envspec.supply.page import HTML, JSON, NoPageError, RemoteFile, project_of, read_page
from envspec.system.errors import OutsideError

LARGEST_PAGE = 64 << 20
"""Bytes of one page of an index, inflated."""

LARGEST_METADATA = 8 << 20
"""Bytes of the metadata that an index serves beside a wheel."""

_ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, {HTML};q=0.01"

_RESTING = 30.0
"""Seconds for which an index that did not answer is not asked again: each question would wait as long."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """One page of an index."""

    files: tuple[RemoteFile, ...]
    tag: str | None = None
    """By which the index knows this state of the page (ETag)."""
    fresh: str | None = None
    """How long the index says that it stays so (Cache-Control)."""

    @functools.cached_property
    def named(self) -> Mapping[str, RemoteFile]:
        """The files by name."""
        return {file.file: file for file in self.files}


class _UnchangedError(Exception):
    """The page is still the one that was named."""


class Listings:
    """The pages of any number of indexes. Safe for any number of threads."""

    def __init__(self, session: Callable[[], requests.Session], *, offline: bool = False) -> None:
        """`session` gives the one to ask with."""
        self._session = session
        self._offline = offline
        self._pages: dict[tuple[str, str | None], Page] = {}
        self._resting: dict[str, tuple[float, str]] = {}
        self._asking: dict[tuple[str, str | None], threading.Lock] = {}

    def files(self, index: str, project: str | None) -> tuple[RemoteFile, ...]:
        """The files that an index on the network offers of a project, or, for None, all of a page of links.

        Raises `OutsideError` whose text is why, as the end of a sentence.
        """
        page = self.page(index, project)
        wanted = None if project is None else canonicalize_name(project)
        return tuple(
            file
            for file in (page.files if page else ())
            if (name := project_of(file.file)) is not None and wanted in {None, name}
        )

    def page(self, index: str, project: str | None, known: str | None = None) -> Page | None:
        """The page of a project; None where it still has the tag `known`. Raises as `files` does."""
        key = index, None if project is None else canonicalize_name(project)
        with self._asking.setdefault(key, threading.Lock()):
            if (page := self._pages.get(key)) is not None:
                return None if known is not None and known == page.tag else page
            if self._offline:
                raise OutsideError("offline")
            until, why = self._resting.get(index, (0.0, ""))
            if time.monotonic() < until:
                raise OutsideError(why)
            try:
                page = http.bounded(lambda: _asked(self._session(), *key, known))
            except _UnchangedError:
                return None
            except OutsideError as error:
                self._resting[index] = time.monotonic() + _RESTING, error.message
                raise
            self._pages[key] = page
            return page


def page_address(index: str, project: str | None) -> str:
    """Where a project's page is: an index has one for each below it, a page of links ends in `.html`."""
    if project is None or index.endswith(".html"):
        return index
    return f"{index.rstrip('/')}/{project}/"


def _asked(session: requests.Session, index: str, project: str | None, known: str | None) -> Page:
    headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip"}
    if known is not None:
        headers["If-None-Match"] = known
    url = page_address(index, project)
    with http.in_words(), session.get(url, headers=headers, timeout=http.TIMEOUT, stream=True) as answer:
        if answer.status_code == requests.codes.not_modified and known is not None:
            raise _UnchangedError
        if answer.status_code in {404, 410}:
            return Page(files=())
        if (refused := http.refusal_in_words(answer)) is not None:
            raise OutsideError(refused)
        if answer.status_code != requests.codes.ok:
            raise OutsideError(f"it answers {answer.status_code}, which is no page")
        body = http.read_answer(answer, LARGEST_PAGE)
        base = plain_address(answer.url)
        try:
            files = read_page(body, answer.headers.get("Content-Type", ""), base, project)
        except NoPageError as error:
            away = answer.history and origin_of(base) != origin_of(url)
            raise OutsideError(f"{error}; it sends on to another host" if away else str(error)) from error
        return Page(files=files, tag=answer.headers.get("ETag"), fresh=answer.headers.get("Cache-Control"))


def read_metadata(remote: RemoteFile, session: requests.Session) -> bytes | None:
    """What an index serves as the metadata of a wheel (PEP 658); None where it has none.

    Raises `OutsideError`, also when it is not what the index's page promises.
    """

    def asked() -> bytes | None:
        headers = {"Accept-Encoding": "gzip"}
        url = f"{remote.url}.metadata"
        with http.in_words(), session.get(url, headers=headers, timeout=http.TIMEOUT, stream=True) as answer:
            if answer.status_code in {404, 410}:
                return None
            if (refused := http.refusal_in_words(answer)) is not None:
                raise OutsideError(refused)
            return http.read_answer(answer, LARGEST_METADATA)

    return http.bounded(asked)
