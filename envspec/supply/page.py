"""Pages of package indexes, in HTML (PEP 503) and JSON (PEP 691): read in linear time, and written.

Pages are foreign text: what is none is said so, and nothing of one leads to files of this machine.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pypi_simple
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from pydantic_core import from_json

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html"

_KINDS = {JSON: "json", HTML: "html", "application/vnd.pypi.simple.v1+html": "html"}

_TAG = re.compile(r"<(?:(a|base|meta|form|input|script)(?=[\s/>])|!--)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s=>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_FRAGMENT = re.compile(r"^sha256=([0-9a-fA-F]{64})$")


class NoPageError(ValueError):
    """What an index answers is no page of an index; the text says what it is, as the end of a sentence."""


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
    metadata_sha256: str | None = None
    """The digest of that answer, where the index tells it."""


def project_of(file_name: str) -> str | None:
    """Canonical name of the package that a file belongs to; None for files that are no distribution."""
    try:
        if file_name.endswith(".whl"):
            return parse_wheel_filename(file_name)[0]
        return parse_sdist_filename(file_name)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def read_page(body: bytes, kind: str, base: str, project: str | None = None) -> tuple[RemoteFile, ...]:
    """The files of a page, those of one project or all.

    `kind` is the media type that came with it, `base` the address that it came from. Raises `NoPageError`.
    """
    form = _KINDS.get(kind.partition(";")[0].strip().lower() or HTML)
    if form is None:
        raise NoPageError("it answers with something that is no package index")
    found = _json_files(body, base) if form == "json" else _html_files(body, base)
    wanted = None if project is None else canonicalize_name(project)
    local = base.startswith("file:")
    return tuple(
        file
        for file in found
        if _may_be(file.file, wanted)
        and (local or file.url.startswith(("http://", "https://")))
        and (name := project_of(file.file)) is not None
        and wanted in {None, name}
    )


def _may_be(file: str, wanted: str | None) -> bool:
    """A quick look at a name, which spares the exact one for most of a long page."""
    return wanted is None or re.sub(r"[-_.]+", "-", file).lower().startswith(f"{wanted}-")


def _json_files(body: bytes, base: str) -> Iterator[RemoteFile]:
    try:
        page = pypi_simple.ProjectPage.from_json_data(from_json(body), base_url=base)
    except (ValueError, RecursionError, pypi_simple.UnsupportedRepoVersionError) as error:
        raise NoPageError("it answers with something that is no package index") from error
    for package in page.packages:
        digests: Mapping[str, str] = package.metadata_digests or {}
        yield RemoteFile(
            file=package.filename,
            url=package.url,
            sha256=(package.digests or {}).get("sha256"),
            size=package.size,
            requires_python=package.requires_python,
            uploaded=package.upload_time,
            yanked=(package.yanked_reason or "no reason given") if package.is_yanked else None,
            metadata=bool(package.has_metadata),
            metadata_sha256=digests.get("sha256"),
        )


def _html_files(body: bytes, base: str) -> Iterator[RemoteFile]:
    text = body.decode("utf-8", errors="replace")
    links, asks = 0, False
    for tag, attributes in _tags(text):
        if tag == "base" and "href" in attributes:
            base = urllib.parse.urljoin(base, attributes["href"])
        elif tag == "meta" and attributes.get("name") == "pypi:repository-version":
            if attributes.get("content", "1").split(".")[0] != "1":
                raise NoPageError("it answers in a form of a later time")
        elif tag == "a":
            if (file := _linked(attributes, base)) is not None:
                links += 1
                yield file
        elif tag in {"form", "input", "script"}:
            asks = True
    if not links and asks:
        raise NoPageError("it answers with a web page that is no package index, such as one to log in")
    if not links and not text.lstrip("\ufeff \t\r\n").startswith("<"):
        raise NoPageError("it answers with something that is no package index")


def _tags(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The tags that matter, with their attributes. Every character is read a bounded number of times."""
    place = 0
    while (found := _TAG.search(text, place)) is not None:
        place = found.end()
        if found[1] is None:
            end = text.find("-->", place)
            place = len(text) if end < 0 else end + 3
            continue
        attributes: dict[str, str] = {}
        while (attribute := _ATTRIBUTE.match(text, place)) is not None:
            place = attribute.end()
            name, *values = attribute.groups()
            value = next((value for value in values if value is not None), "")
            attributes.setdefault(name.lower(), html.unescape(value) if "&" in value else value)
        yield found[1].lower(), attributes


def _linked(attributes: Mapping[str, str], base: str) -> RemoteFile | None:
    """What a link offers, if its address ends in the name of a distribution."""
    address, _, fragment = attributes.get("href", "").strip().partition("#")
    name = urllib.parse.unquote(address.partition("?")[0].rpartition("/")[2])
    if not name.endswith((".whl", ".tar.gz", ".zip")):
        return None
    try:
        url = urllib.parse.urljoin(base, address)
    except ValueError:  # half an address, such as an unclosed bracket
        return None
    digest = _FRAGMENT.match(fragment)
    metadata = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
    promised = _FRAGMENT.match(metadata or "")
    yanked = attributes.get("data-yanked")
    return RemoteFile(
        file=name,
        url=url,
        sha256=digest[1].lower() if digest else None,
        requires_python=attributes.get("data-requires-python"),
        yanked=None if yanked is None else yanked or "no reason given",
        metadata=metadata is not None and metadata != "false",
        metadata_sha256=promised[1].lower() if promised else None,
    )


def html_page(files: Iterable[RemoteFile]) -> str:
    """A page of files in HTML (PEP 503)."""
    return "<!DOCTYPE html>\n" + "\n".join(map(_anchor, files)) + "\n"


def _anchor(file: RemoteFile) -> str:
    fragment = f"#sha256={file.sha256}" if file.sha256 else ""
    attributes = [f'href="{html.escape(file.url + fragment)}"']
    if file.requires_python:
        attributes.append(f'data-requires-python="{html.escape(file.requires_python)}"')
    if file.yanked is not None:
        attributes.append(f'data-yanked="{html.escape(file.yanked)}"')
    if file.metadata:
        attributes.append('data-core-metadata="true"')
    return f"<a {' '.join(attributes)}>{html.escape(file.file)}</a>"


def json_page(project: str, files: Iterable[RemoteFile]) -> str:
    """A page of files in JSON (PEP 691)."""
    entries = [
        {
            "filename": file.file,
            "url": file.url,
            "hashes": {"sha256": file.sha256} if file.sha256 else {},
            "size": file.size,
            "requires-python": file.requires_python,
            "upload-time": file.uploaded and file.uploaded.astimezone(dt.UTC).isoformat(),
            "yanked": file.yanked or False,
            "core-metadata": file.metadata,
        }
        for file in files
    ]
    present: list[dict[str, Any]] = [
        {key: value for key, value in entry.items() if value is not None} for entry in entries
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": present})
