"""The official images of Python: the Debian that a tag stands on, and the setuptools that it brings.

The image of a release is built until the next release is there, on what its line stands on by then.
Source: library/python in docker-library/official-images, and the Dockerfiles of docker-library/python: all
versions of them until August 2026.
"""

from __future__ import annotations

import re

SUITES: dict[int, tuple[tuple[str, int], ...]] = {
    7: (("buster", 4), ("bullseye", 11), ("bookworm", 17)),
    8: (("buster", 0), ("bullseye", 11), ("bookworm", 17)),
    9: (("buster", 0), ("bullseye", 6), ("bookworm", 17), ("trixie", 23)),
    10: (("bullseye", 0), ("bookworm", 12), ("trixie", 18)),
    11: (("bullseye", 0), ("bookworm", 4), ("trixie", 13)),
    12: (("bookworm", 0), ("trixie", 11)),
    13: (("bookworm", 0), ("trixie", 6)),
    14: (("trixie", 0),),
}
"""By minor version: the Debian of `X.Y.Z` and `X.Y.Z-slim`, and the first release that has it."""

SETUPTOOLS: dict[int, tuple[tuple[str, int], ...]] = {
    7: (("57.5.0", 12),),
    8: (("57.5.0", 12),),
    9: (("57.5.0", 7), ("58.1.0", 10), ("79.0.1", 24)),
    10: (("57.5.0", 0), ("58.1.0", 2), ("63.2.0", 6), ("65.5.1", 9), ("79.0.1", 19)),
    11: (("65.5.0", 0), ("65.5.1", 1), ("79.0.1", 14)),
}
"""By minor version: the setuptools of all tags, and the first release that has it. None from 3.12 on."""

NEWEST = "trixie"
"""What lines behind those stand on, and tags that name no line."""

_OFFICIAL = re.compile(r"(docker\.io/|(.+/)?library/)?python")
_TAG = re.compile(r"(?:3(?:\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?)?(?:-rc|rc\d+)?)?-?(?:slim|latest)?")


def suite_of(image: str) -> str | None:
    """The Debian of an official image of Python whose tag names none; None where that cannot be told.

    A digest may be of any build of its tag: the oldest Debian of its line is told then.
    """
    name, pinned, _ = image.partition("@")
    found = _TAG.fullmatch(_official_tag(name) or "none")
    if found is None:
        return None
    if found["minor"] is None:
        return None if pinned else NEWEST
    minor = int(found["minor"])
    known = SUITES.get(minor, ((NEWEST, 0),) if minor > max(SUITES) else ())
    return _of_release(known[:1] if pinned and not found["patch"] else known, found["patch"])


def setuptools_of(image: str) -> str | None:
    """The setuptools of an official image of Python, whatever it stands on; None where none is told."""
    found = re.match(
        r"3\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?(?![\w.])", _official_tag(image.partition("@")[0]) or ""
    )
    return _of_release(SETUPTOOLS.get(int(found["minor"]), ()), found["patch"]) if found else None


def _official_tag(name: str) -> str | None:
    """The tag of an image's name; None where it is no official image of Python."""
    repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    return tag if _OFFICIAL.fullmatch(repository) else None


def _of_release(known: tuple[tuple[str, int], ...], patch: str | None) -> str | None:
    """What holds for one release, or for the newest of its line where none is named."""
    wanted = [what for what, first in known if patch is None or first <= int(patch)]
    return wanted[-1] if wanted else None
