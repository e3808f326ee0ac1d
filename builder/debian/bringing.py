"""Which Debian package brings a file that a build missed, by the archive's own lists of all files."""

from __future__ import annotations

import re
from collections.abc import Iterable

from envspec.supply.build_root import Missing

_LINE = re.compile(rb"(\S.*?)\s+(\S+)$")
"""A path, and the packages that bring it, each after its section. Source: Debian's wiki, RepositoryFormat."""

_OTHERS = ("non-free/", "contrib/", "non-free-firmware/", "debug/")
"""Sections of other components than main begin so."""


def package_bringing(missing: Missing, lists: Iterable[Iterable[bytes]], multiarch: str) -> str | None:
    """The package of main that brings it, that for development where several do; None where none does.

    `lists` are lines of `Contents` files; `multiarch` is Debian's name of the processor's folders. Raises
    what reading the lists raises.
    """
    found: dict[str, int] = {}
    wanted = _paths(missing, multiarch)
    ending = missing.name.rpartition("/")[2].encode()
    for lines in lists:
        for line in lines:
            if ending in line and (match := _LINE.match(line)):
                path = match[1].decode("utf-8", "replace")
                rank = next((rank for rank, pattern in enumerate(wanted) if pattern.fullmatch(path)), None)
                if rank is not None:
                    for name in _packages(match[2].decode("utf-8", "replace")):
                        found[name] = min(found.get(name, rank), rank)
    return _best(missing, found)


def _packages(owners: str) -> Iterable[str]:
    return (owner.rpartition("/")[2] for owner in owners.split(",") if not owner.startswith(_OTHERS))


def _best(missing: Missing, found: dict[str, int]) -> str | None:
    """The likeliest first, the package for development, the one that is called alike, the shortest name."""
    parts = [re.sub(r"[^a-z0-9]", "", part.lower()) for part in missing.name.removesuffix(".h").split("/")]

    def order(name: str) -> tuple[object, ...]:
        alike = any(part in re.sub(r"[^a-z0-9]", "", name) for part in parts)
        return found[name], not name.endswith("-dev"), not alike, len(name), name

    return min(found, key=order, default=None)


def _paths(missing: Missing, multiarch: str) -> list[re.Pattern[str]]:
    """Where such a file stands, the likeliest place first."""
    name = re.escape(missing.name)
    lib = f"usr/lib/(?:{re.escape(multiarch)}/)?"
    match missing.kind:
        case "header":
            places = [f"usr/include/(?:{re.escape(multiarch)}/)?{name}", f"usr/include/[^/]+/{name}"]
            places += [f"usr/(?:include|lib)/.*/{name}"]
        case "library":
            places = [rf"{lib}lib{name}\.so", rf"{lib}lib{name}\.a", rf"usr/lib/.*/lib{name}\.(?:so|a)"]
        case "pkg-config file":
            places = [rf"(?:{lib}|usr/share/)pkgconfig/{name}\.pc"]
        case _:
            places = [f"(?:usr/)?s?bin/{name}"]
    return [re.compile(place) for place in places]
