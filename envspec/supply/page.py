"""Pages of package indexes, in HTML (PEP 503) and JSON (PEP 691): read in linear time, and written.

Pages are foreign text: what is none is said so, and nothing of one leads to files of this machine.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from pydantic_core import from_json, to_json

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html"

_KINDS = {JSON: "json", HTML: "html", "application/vnd.pypi.simple.v1+html": "html"}

_TAG = re.compile(r"<(?:(a|base|meta|form|input|script)(?=[\s/>])|!--)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s=>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_RUN = re.compile(r"[-_.]+")
_NONE = "it answers with something that is no package index"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
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
    """The files of a page, those of one project or all, told by how their names begin.

    `kind` is the media type that came with it, `base` the address that it came from. Whether a name is that
    of a distribution of the project is for `project_of` to say. Raises `NoPageError`.
    """
    form = _KINDS.get(kind.partition(";")[0].strip().lower() or HTML)
    if form is None:
        raise NoPageError(_NONE)
    found = _json_files(body, base) if form == "json" else _html_files(body, base)
    start = "" if project is None else f"{canonicalize_name(project)}-"
    schemes = ("file://", "http://", "https://") if base.startswith("file:") else ("http://", "https://")
    return tuple(file for file in found if _begins(file.file, start) and file.url.startswith(schemes))


def _begins(file: str, start: str) -> bool:
    return not start or file.startswith(start) or _RUN.sub("-", file).lower().startswith(start)


def _json_files(body: bytes, base: str) -> Iterator[RemoteFile]:
    """What a page says that is no index's own business is left out, and so is what is of another type."""
    try:
        page = from_json(body)
        version, entries = page["meta"]["api-version"], page["files"]
        if str(version).partition(".")[0] != "1" or not isinstance(entries, list):
            raise NoPageError("it answers in a form of a later time" if isinstance(entries, list) else _NONE)
        for entry in entries:
            yield _described(entry, base)
    except NoPageError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoPageError(_NONE) from error


def _described(entry: dict[str, Any], base: str) -> RemoteFile:
    """One file of a page in JSON. Raises `KeyError`, `TypeError` and `ValueError`."""
    url, metadata, yanked = entry["url"], entry.get("core-metadata"), entry.get("yanked")
    if metadata is None:
        metadata = entry.get("dist-info-metadata")
    size, python = entry.get("size"), entry.get("requires-python")
    return RemoteFile(
        file=entry["filename"] + "",
        url=url if url.startswith(("https://", "http://")) else urllib.parse.urljoin(base, url),
        sha256=_digest(entry["hashes"]),
        size=size if type(size) is int and size >= 0 else None,
        requires_python=python if isinstance(python, str) else None,
        uploaded=_moment(entry.get("upload-time")),
        yanked=(yanked if isinstance(yanked, str) else "no reason given") if yanked else None,
        metadata=bool(metadata),
        metadata_sha256=_digest(metadata) if isinstance(metadata, dict) else None,
    )


def _digest(hashes: dict[str, Any]) -> str | None:
    found = hashes.get("sha256")
    return found.lower() if isinstance(found, str) and _SHA256.fullmatch(found) else None


def _moment(text: Any) -> dt.datetime | None:
    if not isinstance(text, str):
        return None
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


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
        raise NoPageError(_NONE)


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


Link = Callable[[RemoteFile], str]
"""What a page that is written gives as the address of a file."""


def html_page(files: Iterable[RemoteFile], link: Link = lambda file: file.url) -> str:
    """A page of files in HTML (PEP 503)."""
    return "<!DOCTYPE html>\n" + "\n".join(_anchor(file, link(file)) for file in files) + "\n"


def _anchor(file: RemoteFile, url: str) -> str:
    fragment = f"#sha256={file.sha256}" if file.sha256 else ""
    attributes = [f'href="{html.escape(url + fragment)}"']
    if file.requires_python:
        attributes.append(f'data-requires-python="{html.escape(file.requires_python)}"')
    if file.yanked is not None:
        attributes.append(f'data-yanked="{html.escape(file.yanked)}"')
    if file.metadata:
        attributes.append('data-core-metadata="true"')
    return f"<a {' '.join(attributes)}>{html.escape(file.file)}</a>"


def json_page(project: str, files: Iterable[RemoteFile], link: Link = lambda file: file.url) -> bytes:
    """A page of files in JSON (PEP 691)."""
    entries = []
    for file in files:
        entry: dict[str, Any] = {
            "filename": file.file,
            "url": link(file),
            "hashes": {"sha256": file.sha256} if file.sha256 else {},
            "yanked": file.yanked or False,
            "core-metadata": file.metadata,
        }
        if file.size is not None:
            entry["size"] = file.size
        if file.requires_python is not None:
            entry["requires-python"] = file.requires_python
        if file.uploaded is not None:
            entry["upload-time"] = file.uploaded
        entries.append(entry)
    return to_json({"meta": {"api-version": "1.1"}, "name": project, "files": entries})
