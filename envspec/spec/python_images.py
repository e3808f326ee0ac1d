"""The official images of Python: the Debian that a tag stands on although it does not say so.

The image of a release is built until the next release is there, on what its line stands on by then.
Source: library/python in docker-library/official-images, all versions of it until August 2026.
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
"""By minor version: the Debian of `X.Y.Z` and `X.Y.Z-slim`, and the first release that stood on it in the end."""

NEWEST = "trixie"
"""What lines behind those stand on, and tags that name no line."""

_OFFICIAL = re.compile(r"(docker\.io/|(.+/)?library/)?python")
_TAG = re.compile(r"(?:3(?:\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?)?(?:-rc|rc\d+)?)?-?(?:slim|latest)?")


def suite_of(image: str) -> str | None:
    """The Debian of an official image of Python whose tag names none; None where that cannot be told.

    A digest may be of any build of its tag: the oldest Debian of its line is told then.
    """
    name, pinned, _ = image.partition("@")
    repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    found = _TAG.fullmatch(tag)
    if found is None or not _OFFICIAL.fullmatch(repository):
        return None
    if found["minor"] is None:
        return None if pinned else NEWEST
    known = SUITES.get(int(found["minor"]), ((NEWEST, 0),) if int(found["minor"]) > max(SUITES) else ())
    if found["patch"] is None:
        wanted = known[:1] if pinned else known[-1:]
    else:
        wanted = tuple(each for each in known if each[1] <= int(found["patch"]))[-1:]
    return wanted[0][0] if wanted else None
