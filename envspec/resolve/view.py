"""A view: one folder that shows a named index and the machine's folders of wheels as a single simple index.

A solver that is pointed at it can take what a stage names from nowhere else.
"""

from __future__ import annotations

import datetime as dt
import html
import pathlib
from collections.abc import Iterable

from envspec.spec.model import Moment
from envspec.supply.facts import sha256_of
from envspec.supply.pip_settings import local_path
from envspec.supply.sources import RemoteFile


def write_view(folder: pathlib.Path, project: str, files: Iterable[RemoteFile]) -> None:
    """Write the page of one project (PEP 503 form) below `folder`."""
    page = folder / project / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("<!DOCTYPE html>\n" + "\n".join(map(_anchor, files)) + "\n", encoding="utf-8")


def _anchor(file: RemoteFile) -> str:
    digest = file.sha256 or _digest_here(file.url)
    fragment = f"#sha256={digest}" if digest else ""
    attributes = [f'href="{html.escape(file.url + fragment)}"']
    if file.requires_python:
        attributes.append(f'data-requires-python="{html.escape(file.requires_python)}"')
    if file.yanked is not None:
        attributes.append(f'data-yanked="{html.escape(file.yanked)}"')
    if file.metadata:
        attributes.append('data-core-metadata="true"')
    return f"<a {' '.join(attributes)}>{html.escape(file.file)}</a>"


def _digest_here(url: str) -> str | None:
    """The digest of a file on this machine: without it uv unpacks the whole wheel and keeps that."""
    place = local_path(url)
    return sha256_of(place) if place is not None and place.is_file() else None


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
