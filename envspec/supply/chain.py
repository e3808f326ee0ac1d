"""A chain: several indexes as one, in groups that are asked in their order.

The first group that has any file of a project is the one that counts for it, and the groups behind it are not
asked. What the indexes of one group have is offered together, files of the same version too: solvers take the
files of a version from one index alone where they are shown several.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable

from packaging.utils import canonicalize_name

from envspec.supply.listings import Page
from envspec.supply.page import RemoteFile, project_of

Groups = tuple[tuple[str, ...], ...]
"""Addresses of indexes, by group."""

Ask = Callable[[str, str | None, str | None], Page | None]
"""Gives the page of an index for a project; None where it still has the tag that is given last."""


@dataclasses.dataclass(frozen=True, slots=True)
class Chain:
    """Indexes in their order."""

    groups: Groups

    @property
    def urls(self) -> tuple[str, ...]:
        """All addresses, in the order in which they are asked."""
        return tuple(url for group in self.groups for url in group)

    def page(self, project: str | None, known: str | None, ask: Ask) -> Page | None:
        """The page of a project; None where it still has the tag `known`. Raises what `ask` raises."""
        if len(self.urls) == 1 or project is None:
            return ask(self.urls[0], project, known)
        tags = _tags_of(known)
        asked = zip(self.urls, tags, strict=False)  # those behind the one that counted have none
        if tags and all(_is_same(ask(url, project, tag), tag) for url, tag in asked):
            return None
        return self._together(project, ask)

    def _together(self, project: str, ask: Ask) -> Page:
        asked: list[Page] = []
        for group in self.groups:
            pages = [ask(url, project, None) or Page(files=()) for url in group]
            asked += pages
            files: dict[str, RemoteFile] = {}
            for page in pages:
                for file in page.files:
                    if project_of(file.file) == canonicalize_name(project):
                        files.setdefault(file.file, file)
            if files:
                fresh = {page.fresh for page in pages if page.files}
                return Page(
                    files=tuple(files.values()),
                    tag=_tag_of(asked),
                    fresh=fresh.pop() if len(fresh) == 1 else None,
                )
        return Page(files=())


def _is_same(page: Page | None, tag: str | None) -> bool:
    """Whether an index still says what it said; one that had nothing has no tag, and still has nothing."""
    return page is None or (tag is None and not page.files)


def _tag_of(pages: list[Page]) -> str | None:
    """One tag for the pages of several indexes; None where a page with files has none."""
    if any(page.files and page.tag is None for page in pages):
        return None
    said = json.dumps([page.tag for page in pages]).encode()
    return f'"{base64.urlsafe_b64encode(said).decode()}"'


def _tags_of(known: str | None) -> list[str | None]:
    """The tags of which one was made; none for what is no such tag."""
    try:
        tags = json.loads(base64.urlsafe_b64decode((known or "").removeprefix("W/").strip('"')))
    except ValueError:
        return []
    good = isinstance(tags, list) and all(tag is None or isinstance(tag, str) for tag in tags)
    return tags if good else []
