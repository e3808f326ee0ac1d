"""Names and versions as the packaging standards compare them, and modules as relative imports name them."""

from __future__ import annotations

import re

SEPARATORS = re.compile(r"[-_.]+")
"""What stands between the words of a distribution's name, all of it meaning the same."""
DIST_INFO = ".dist-info"


def canonical_name(name: str) -> str:
    """A distribution's name as it is compared. Source: PEP 503."""
    return SEPARATORS.sub("-", name).lower()


def same_version(one: str, other: str) -> bool:
    """Whether two spellings mean one version; folder names cannot hold every character."""
    return re.sub(r"[-_+]", ".", one).lower() == re.sub(r"[-_+]", ".", other).lower()


def of_dist_info(folder: str) -> tuple[str, str]:
    """Canonical name and version in the name of a `.dist-info` folder."""
    name, _, version = folder[: -len(DIST_INFO)].partition("-")
    return canonical_name(name), version


def absolute_module(package: str, level: int, module: str) -> str | None:
    """The module that `from` names in a package, with `level` dots; None where it leads out of the top."""
    if not level:
        return module
    parts = package.split(".") if package else []
    if level > len(parts):
        return None
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, module] if module else base)
