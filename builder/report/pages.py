"""The rules' pages as HTML, to stand inside a report: their text alone, and no address."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from envspec.system.rule_pages import rule_page

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


@functools.cache
def page_html(rule: str) -> str:
    """What a rule's page says below its title; empty for an id that nobody knows."""
    _, _, text = rule_page(rule).partition("\n")  # the title stands above it already
    return str(_markdown().render(text)) if text.strip() else ""


@functools.cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only pages need it

    markdown = MarkdownIt("commonmark", {"html": False})
    for part in ("link_open", "link_close", "image"):  # a page elsewhere may not be there: its words stay
        markdown.add_render_rule(part, lambda *_: "")
    return markdown
