"""Indexes that are folders of this machine: simple indexes (PEP 503), or folders of wheels and archives."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from envspec.supply.page import HTML, NoPageError, RemoteFile, project_of, read_page
from envspec.system.errors import OutsideError


def local_files(index: pathlib.Path, project: str) -> Iterator[RemoteFile]:
    """The files of `project` that a folder offers. Raises `OutsideError` whose text ends a sentence."""
    if not index.is_dir():
        raise OutsideError("its folder is not there")
    page = index / canonicalize_name(project) / "index.html"
    if page.is_file():
        try:
            found = read_page(page.read_bytes(), HTML, page.as_uri(), project)
        except (NoPageError, OSError) as error:
            raise OutsideError("its folder has a page that cannot be read") from error
        yield from (file for file in found if project_of(file.file) == canonicalize_name(project))
    else:
        yield from folder_files(index, project)


def folder_files(folder: pathlib.Path, project: str) -> Iterator[RemoteFile]:
    """The files of `project` in a folder of wheels and source distributions."""
    for file in sorted(folder.iterdir()):
        if project_of(file.name) == canonicalize_name(project) and file.is_file():
            yield RemoteFile(file=file.name, url=file.absolute().as_uri(), size=file.stat().st_size)
