"""Which archives this machine's apt asks, turned to the suite that is wanted."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator, Mapping

from builder.debian.control import read_paragraphs
from builder.debian.request import MIRROR, PYTHON
from envspec.system.errors import OutsideError

ETC = pathlib.Path("/etc/apt")

KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's own keys, as its package `debian-archive-keyring` has them."""

_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.*)")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pocket:
    """One suite of one archive."""

    archive: str
    """Address without a trailing `/`."""
    suite: str
    """Such as `bookworm` or `bookworm-security`."""
    keyring: pathlib.Path


def archive_pockets(
    suite: str, etc: pathlib.Path = ETC, variables: Mapping[str, str] = os.environ
) -> tuple[Pocket, ...]:
    """Where packages of the suite come from: the mirror that a variable names, else apt's own archives.

    Raises `OutsideError` when neither says anything.
    """
    if mirror := variables.get(MIRROR):
        return tuple(
            Pocket(archive=mirror.rstrip("/"), suite=name, keyring=KEYRING)
            for name in (suite, f"{suite}-updates")
        )
    found = dict.fromkeys(
        Pocket(archive=archive, suite=re.sub(r"^[a-z]+", suite, name), keyring=keyring)
        for archive, name, keyring in _entries(etc)
        if name.partition("-")[0] in PYTHON
    )
    if not found:
        raise OutsideError(
            "apt on this machine knows no Debian archive",
            hint=f"set {MIRROR} to the address of one, such as http://mirror.example/debian",
        )
    return tuple(found)


def _entries(etc: pathlib.Path) -> Iterator[tuple[str, str, pathlib.Path]]:
    """Address, suite and keyring of every binary archive with the component `main`."""
    for file in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))):
        for line in _text(file).splitlines():
            match = _LINE.fullmatch(line.strip())
            if match and "main" in match["components"].split():
                signed = re.search(r"signed-by=(\S+)", match["options"] or "")
                yield match["uri"].rstrip("/"), match["suite"], _keyring(signed[1] if signed else "")
    for file in sorted((etc / "sources.list.d").glob("*.sources")):
        for fields in read_paragraphs(_text(file)):
            if "deb" not in fields.get("Types", "").split() or fields.get("Enabled", "yes") == "no":
                continue
            if "main" not in fields.get("Components", "").split():
                continue
            for uri in fields.get("URIs", "").split():
                for suite in fields.get("Suites", "").split():
                    yield uri.rstrip("/"), suite, _keyring(fields.get("Signed-By", ""))


def _keyring(said: str) -> pathlib.Path:
    """The keyring that an entry names; Debian's own where it names none, or holds a key itself."""
    return pathlib.Path(said) if said.startswith("/") and "\n" not in said else KEYRING


def _text(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
