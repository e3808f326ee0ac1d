"""The indexes of `[tool.uv]`, in the order in which uv asks them.

Source: https://docs.astral.sh/uv/concepts/indexes/: those of `index` as they stand, `extra-index-url`, and
the default last; of these the first that has a package is the only one that is asked for it, unless
`index-strategy` says otherwise. An explicit one is asked for what `sources` sends there alone.
"""

from __future__ import annotations

import dataclasses

from envspec.ingest.drafting import Drafting
from envspec.ingest.entries import Entries
from envspec.ingest.indexes import add_index, bare_url, is_public, plain_url
from envspec.ingest.tools.steps import Steps

_TOP = ("tool", "uv")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """An index that is asked for every package."""

    shown: str
    url: str
    line: int | None
    size: int = 1
    default: bool = False

    @property
    def public(self) -> bool:
        """Whether it is the public index, for which the machine's own stands."""
        return is_public_index(self.url)


def read_indexes(entries: Entries, drafting: Drafting, steps: Steps) -> dict[str, str]:
    """Give a draft the indexes of `[tool.uv]`; the address of each by its name, empty for the public one."""
    addresses: dict[str, str] = {}
    asked: list[_Asked] = []
    for number in range(len(entries.list(*_TOP, "index"))):
        path = (*_TOP, "index", number)
        entry, size, line = entries.row(*path), entries.size(*path), entries.line(*path)
        name, url = str(entry.get("name") or f"index-{number + 1}"), str(entry.get("url") or "")
        address, why = plain_url(url)
        default = entry.get("default") is True
        flat = entry.get("format") == "flat" and not is_public_index(url)
        if not why and flat and not address.endswith(".html"):
            why = "is a page whose address is not .html"
        elif not why and flat and default:
            why = "is a page of links, which cannot stand in the place of the machine's own index"
        if why:
            drafting.leave(f"index {name} = {url}", line, why, size=size)
            continue
        if is_public(address):
            addresses[name] = ""
        else:
            addresses[name] = bare_url(address)
            drafting.index_names[bare_url(address)] = name
        if entry.get("explicit") is True:
            drafting.carry(f"index {name}", line, size=size)
        else:
            asked.append(_Asked(shown=f"index {name}", url=address, line=line, size=size, default=default))
    for key in ("extra-index-url", "index-url"):
        found = entries.get(*_TOP, key)
        if found is not None:
            entries.take(*_TOP, key)
        for url in [found] if isinstance(found, str) else found if isinstance(found, list) else []:
            line = entries.line(*_TOP, key)
            asked.append(_Asked(shown=f"{key} = {url}", url=str(url), line=line, default=key == "index-url"))
    _add(asked, _strategy(entries, drafting), drafting, steps)
    _add_links(entries, drafting, steps)
    return addresses


def _strategy(entries: Entries, drafting: Drafting) -> str:
    strategy = entries.get(*_TOP, "index-strategy")
    if strategy is None:
        return "first-index"
    entries.take(*_TOP, "index-strategy")
    shown, line = f"index-strategy = {strategy}", entries.line(*_TOP, "index-strategy")
    if strategy in {"first-index", "unsafe-best-match"}:
        drafting.carry(shown, line)
        return str(strategy)
    drafting.leave(
        shown, line, "has no place in a spec: the first index that has a package counts, or the best of all"
    )
    return "first-index"


def _add(asked: list[_Asked], strategy: str, drafting: Drafting, steps: Steps) -> None:
    """The indexes as a spec has them: around the machine's own, or with one in its place."""
    defaults = [index for index in asked if index.default]
    ordered = [index for index in asked if not index.default] + defaults[:1]
    for index in defaults[1:]:
        drafting.leave(index.shown, index.line, "is not asked: another index is the default", size=index.size)
    before = bool(defaults) and not any(index.public for index in ordered)
    kind = "first"
    for index in ordered:
        if index.public:
            kind = "last"  # the machine's own index stands there
        chosen = "default" if index.default and before else kind
        if strategy == "unsafe-best-match" and chosen != "default":
            chosen = "links" if index.url.endswith(".html") else "extra"
        add_index(drafting, steps.main, chosen, index.url, index.line, shown=index.shown, size=index.size)


def _add_links(entries: Entries, drafting: Drafting, steps: Steps) -> None:
    found = entries.get(*_TOP, "find-links")
    if found is not None:
        entries.take(*_TOP, "find-links")
    for url in [found] if isinstance(found, str) else found if isinstance(found, list) else []:
        line = entries.line(*_TOP, "find-links")
        add_index(drafting, steps.main, "links", str(url), line, shown=f"find-links = {url}")


def is_public_index(url: str) -> bool:
    """Whether an address is that of the public index, and can be read at all."""
    address, why = plain_url(url)
    return not why and is_public(address)
