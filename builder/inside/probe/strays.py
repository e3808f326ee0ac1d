"""Top levels that a wheel installs by accident: folders of builds, scripts, sources that it never names."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .report import FoundDistribution


def strays(dist: FoundDistribution) -> set[str]:
    """Roots of a distribution that lie in a plain folder beside its packages and that nothing of it imports.

    A distribution all of whose roots lie in such folders shares a namespace with others, and has none.
    """
    outer = {root for root in dist["roots"] if "." not in root}
    inner = {root for root in dist["roots"] if root.partition(".")[0] not in outer}
    if not outer or not inner:
        return set()
    tops = {root.partition(".")[0] for root in inner}
    unnamed = {top for top in tops if not re.search(r"\b%s\b" % top, dist.get("entry_points", ""))}
    unnamed -= named(dist, unnamed)
    return {root for root in inner if root.partition(".")[0] in unnamed}


def named(dist: FoundDistribution, tops: set[str]) -> set[str]:
    """Those of these top levels that an import statement of the distribution names, outside of themselves."""
    found = set()  # type: set[str]
    statement = re.compile(r"^[ \t]*(?:from|import)[ \t]+(%s)\b" % "|".join(sorted(tops)), re.MULTILINE)
    for path, _, _ in dist["files"] or ():
        top = path.partition("/")[0]
        if tops and path.endswith(".py") and top not in tops:
            try:
                with open(os.path.join(dist["folder"], path), encoding="utf-8", errors="replace") as stream:
                    found.update(statement.findall(stream.read()))
            except OSError:
                continue
    return found
