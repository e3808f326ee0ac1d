"""All that stands in the tool's home, kind by kind: what it is, how damage is noticed, and when it goes.

One table: sweeping and pruning go by it, and docs/home.md shows it.
"""

from __future__ import annotations

import dataclasses

UNUSED = 30
"""Days without use after which what is quickly made anew goes."""

NEWEST = 5
"""Environments of one spec that stay so long."""

CARRIED = "carries the sha256 of its value, compared at every reading"
NAMED = "its name has its sha256: read when it came, and again where size, date or inode changed"
NOTED = "made anew where kind, size or a date of any of its files is not as it was noted when it was made"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of thing below the home."""

    place: str
    """Its folder, relative to the home."""
    what: str
    check: str
    """How damage is noticed."""
    days: int | None = UNUSED
    """Days without use after which one of them goes; None where only the user deletes it."""
    folders: bool = False
    """Whether each is a folder, whose own date says when it was used last."""
    newest: int = 0
    """Of one name how many stay so long; those beyond go after a day, and the very newest never."""


KINDS = (
    Kind(
        place="wheelhouse",
        what="wheels, source distributions and Debian packages",
        check=f"{NAMED}, and whenever one is installed",
        days=None,
    ),
    Kind(place="wheelhouse/built", what="which wheel a source became", check=CARRIED, days=None),
    Kind(
        place="wheelhouse/partial",
        what="downloads under way, which the next run goes on with",
        check="sha256, when all of it is there",
    ),
    Kind(place="excerpts", what="wheels without their largest files, to be read", check=CARRIED),
    Kind(place="fixes", what="what a search for a fix came to when its time was over", check=CARRIED),
    Kind(place="metadata", what="what wheels say of themselves", check=CARRIED),
    Kind(place="facts", what="what was read of wheels, and what their modules compile to", check=CARRIED),
    Kind(place="models", what="digests of models", check=CARRIED),
    Kind(place="copied", what="digests of large files that specs copy", check=CARRIED),
    Kind(place="proof", what="findings of proofs", check=CARRIED),
    Kind(place="verdict", what="good verdicts", check=CARRIED),
    Kind(place="trial", what="good trials", check=CARRIED),
    Kind(place="receipts", what="what runs that may be spared looked at, and said", check=CARRIED),
    Kind(
        place="code",
        what="what envspec's own modules compile to, where Python may not keep it beside them",
        check=f"{CARRIED}, with size and date of the source",
    ),
    Kind(place="builds", what="what the last build of each spec was made of", check=CARRIED),
    Kind(place="bills", what="bills of materials", check=CARRIED),
    Kind(place="debian/resolved", what="packages of suites", check=CARRIED),
    Kind(place="debian/lists", what="lists of Debian packages and of their files", check=NAMED),
    Kind(place="environments", what="virtual environments", check=NOTED, folders=True, newest=NEWEST),
    Kind(place="payloads", what="code of payloads, and what is copied beside it", check=NOTED, folders=True),
    Kind(place="tools", what="pip-tools for other Pythons", check=NOTED, folders=True),
    Kind(
        place="contexts",
        what="what engines build of",
        check="none: every build makes it anew",
        folders=True,
    ),
    Kind(
        place="oci/blobs/sha256",
        what="layers, configurations and manifests",
        check=f"{NAMED}, and whenever one is written elsewhere",
    ),
    Kind(place="oci/bases", what="what bases are made of", check=CARRIED),
    Kind(place="oci/facts", what="what was read of bases", check=CARRIED),
    Kind(place="oci/layers", what="which layer a recipe became", check=CARRIED),
    Kind(place="oci/stacks", what="which layers a recipe became", check=CARRIED),
    Kind(place="oci/images", what="which image a recipe became", check=CARRIED),
    Kind(
        place="oci/index",
        what="names of the images, of which `oci/index.json` is written",
        check=f"{CARRIED}; `index.json` is compared with it",
        days=None,
    ),
    Kind(place="oci/unpacked", what="layers unpacked, to run commands in", check=NOTED, folders=True),
    Kind(place="seen", what="how files looked when they were right", check=CARRIED),
    Kind(place="trees", what="how the files of folders looked when they were made", check=CARRIED, days=None),
    Kind(
        place="uv",
        what="uv's own cache",
        check="all of it goes where kind, size or a date of any file is not as uv left it",
        days=None,
    ),
)
"""Everything that outlives a run. Of kinds that hold a file, the one with the longest place has it."""
