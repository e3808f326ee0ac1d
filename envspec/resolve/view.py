"""A view: one folder that shows a named index and the machine's folders of wheels as a single simple index.

A solver that is pointed at it can take what a stage names from nowhere else.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import pathlib
from collections.abc import Iterable

from envspec.spec.types import Moment
from envspec.supply.facts import sha256_of
from envspec.supply.page import RemoteFile, html_page
from envspec.supply.pip_settings import local_path


def write_view(folder: pathlib.Path, project: str, files: Iterable[RemoteFile]) -> None:
    """Write the page of one project (PEP 503 form) below `folder`."""
    page = folder / project / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html_page(map(_with_digest, files)), encoding="utf-8")


def _with_digest(file: RemoteFile) -> RemoteFile:
    """A file on this machine with its digest: without it uv unpacks the whole wheel and keeps that."""
    place = local_path(file.url)
    if file.sha256 or place is None or not place.is_file():
        return file
    return dataclasses.replace(file, sha256=sha256_of(place))


def until(moment: Moment) -> dt.datetime:
    """The instant that an `as-of` means: a date counts to its end, and times without a zone are UTC."""
    if isinstance(moment, dt.datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return dt.datetime.combine(moment, dt.time.max, dt.UTC)


def young_enough(files: Iterable[RemoteFile], moment: Moment | None) -> tuple[RemoteFile, ...]:
    """The files uploaded by then. Files of local folders have no upload time and stay."""
    if moment is None:
        return tuple(files)
    limit = until(moment)
    return tuple(file for file in files if file.uploaded is None or file.uploaded <= limit)
