"""Texts that would act on a terminal, a reader's eye, a document or a build server, and how to see that."""

import unicodedata

from hypothesis import strategies as st

HOSTILE = (
    "\x1b]0;pwn\x07", "\x1b[2J", "\x9b31m", "\x00", "\r", "\r\n", "\x08", "\x7f", "\x85", "\x0c",
    "\u202e", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c", "\u200b", "\u200d", "\ufeff", "\u2060",
    "\u2028", "\u2029", "\udcff", "\ud800", "\ufffe", "\U000e0041", "\U0001ffff", "\xad",
    "\n::error::pwn", "\n  ::set-output name=a::b", "##[group]x", "##vso[task.x]", "%0A::error::x",
    "[red]", "[/]", "[/bold]", "\\", "\\\\[dim]", "[link=javascript:alert(1)]x", ":bomb:",
    "<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "]]>", "--><!--", "&amp;", "{{ 7 * 7 }}",
    "javascript:alert(1)", "[x](javascript:alert(1))", "| a | b |", "你好", "👩‍🚀", "é", "x" * 9_000,
)  # fmt: skip

_UNSEEN = {chr(code) for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))}


def hostile_texts() -> st.SearchStrategy[str]:
    """Texts of any characters, and of the worst of them."""
    worst = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5), max_size=6).map("".join)
    return st.text(max_size=60) | worst


def acting(text: str) -> list[str]:
    """The characters of a text that act, or that nobody sees."""
    return [
        character
        for character in text
        if (unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} and character not in "\t\n")
        or character in _UNSEEN
        or character in "\u061c\ufeff\xad"
    ]
