"""Indexes as descriptions name them: which a spec can have, and without their passwords."""

from __future__ import annotations

import re
import urllib.parse

from envspec.ingest.drafting import Drafting, Step
from envspec.system.public_index import public_index

_ADDRESS = re.compile(r"https?://[^\s;\"'<>]+")


def add_index(
    drafting: Drafting,
    step: Step,
    kind: str,
    url: str,
    line: int | None,
    *,
    shown: str,
    label: str = "",
    size: int = 1,
) -> None:
    """Give a step an index: `index` the only one, `extra` one besides, `links` a page of files besides.

    `first`, `last` and `default` give it to the draft, for every package: before the machine's own indexes,
    behind them, and in their place.
    """
    url, why = plain_url(url)
    if why:
        drafting.leave(shown, line, why, file=label, size=size)
        return
    if bare_url(url) != url:
        drafting.remark(
            f"the password in the address of {host_of(url)} is left out:"
            " give it in netrc, or with ENVSPEC_INDEX_NAME"
        )
        shown, url = shown.replace(url, bare_url(url)), bare_url(url)
    if kind == "links" and not url.endswith(".html"):
        why = "is a page whose address does not end in .html: set it up in pip, as find-links"
        drafting.leave(shown, line, why, file=label, size=size)
        return
    drafting.carry(shown, line, file=label, size=size)
    if kind == "links":
        step.find_links.append(url)
    elif is_public(url):
        return  # the machine's own index stands for it
    elif kind in {"first", "last", "default"}:
        drafting.asked.setdefault(url, kind)
    elif kind == "index":
        step.index_url = url
    else:
        step.extra_index_urls.append(url)


def plain_url(url: str) -> tuple[str, str]:
    """An address of an index, or why a spec can have none such."""
    url = url.strip().strip("\"'")
    if "$" in url:
        return "", "holds a variable: write what it stands for"
    if not _ADDRESS.fullmatch(url):
        if url.startswith(("http://", "https://")):
            return "", "is no address"
        return (
            "",
            "names a place of one machine: list its wheels under `wheels`, or set it up in pip as find-links",
        )
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError:
        return "", "is no address"
    return (url, "") if parts.hostname else ("", "is no address")


def bare_url(url: str) -> str:
    """The address without name and password."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def host_of(url: str) -> str:
    """The host of an address."""
    return urllib.parse.urlsplit(url).hostname or url


def is_public(url: str) -> bool:
    """Whether it is the public index, which stands for the machine's own."""
    public = urllib.parse.urlsplit(public_index())
    host = host_of(url)
    domain = ".".join((public.hostname or "").split(".")[-2:])
    before = f"{domain.partition('.')[0]}.python.org"  # where it stood until 2018: old files still say so
    here = host.endswith(f".{domain}") and "/simple" in url
    return here or host in {public.hostname, domain, before}
