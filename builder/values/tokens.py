"""Access tokens in text, told by the prefixes that their makers gave them, and from examples of such.

Source: the rules of gitleaks and GitHub's list of secret scanning patterns, of which those are here that have
a form of their own: what only looks random is no token.
"""

from __future__ import annotations

import math
import re
from collections import Counter

_WINDOW = 512
"""Bytes that the longest token has, at most."""
_HEAD = 8192
"""Bytes by which text is told from what is none."""

_SIGNS = (
    *(b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"hf_", b"sk-", b"xox"),
    *(b"pypi-AgE", b"npm_", b"k_live_", b"SG.", b"dop_v1_", b"dckr_pat_", b"ecret", b"ECRET"),
)
"""One of these is in every token: what has none of them is not searched."""

_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:"
    rb"gh[pousr]_(?P<github>[A-Za-z0-9]{36,251})"
    rb"|github_pat_(?P<fine>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})"
    rb"|glpat-(?P<gitlab>[A-Za-z0-9_-]{20,64})"
    rb"|hf_(?P<huggingface>[A-Za-z]{34,40})"
    rb"|sk-(?:proj-|svcacct-|admin-)?(?P<openai>[A-Za-z0-9_-]{20,200}T3BlbkFJ[A-Za-z0-9_-]{20,200})"
    rb"|sk-proj-(?P<project>[A-Za-z0-9_-]{40,200})"
    rb"|sk-ant-(?:api|admin)\d\d-(?P<anthropic>[A-Za-z0-9_-]{80,120})"
    rb"|xox[abeoprs]-(?:\d-)?(?P<slack>\d{9,14}-[A-Za-z0-9-]{20,250})"
    rb"|pypi-(?P<pypi>AgE[A-Za-z0-9_-]{50,400})"
    rb"|npm_(?P<npm>[A-Za-z0-9]{36})"
    rb"|[rs]k_live_(?P<stripe>[A-Za-z0-9]{24,247})"
    rb"|SG\.(?P<sendgrid>[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"
    rb"|dop_v1_(?P<digitalocean>[a-f0-9]{64})"
    rb"|dckr_pat_(?P<docker>[A-Za-z0-9_-]{27})"
    rb")(?![A-Za-z0-9_-])"
    rb"|(?i:aws_?secret_?(?:access_?)?key)[\"']?[ \t]{0,20}[=:][ \t]{0,20}[\"']?"
    rb"(?P<aws>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)

_EXAMPLE = re.compile(
    rb"(?i)example|sample|dummy|fake|test|placeholder|changeme|redacted|secret|token|your|abcdef|fedcba"
    rb"|01234|12345|23456|56789|98765|54321|(.)\1{3}|(.{2,8})\2{2}"
)
"""What people write in the place of a token: words, rows of letters, and the same again and again."""
_RANDOM = 3.3
"""Bits of a letter in what was drawn at random, at least: the shortest tokens have some 3.9."""


def token_in(text: bytes) -> bool:
    """Whether a text holds a token that is no example."""
    if not any(sign in text for sign in _SIGNS):
        return False
    return any(_drawn(found[found.lastgroup or 0]) for found in _TOKEN.finditer(text))


def _drawn(word: bytes) -> bool:
    """Whether a word was drawn at random."""
    if _EXAMPLE.search(word):
        return False
    total = len(word)
    return -sum(each / total * math.log2(each / total) for each in Counter(word).values()) >= _RANDOM


class TokenSpotter:
    """Looks for a token in a file that is handed over piece by piece; it holds no more than a piece."""

    def __init__(self) -> None:
        self._kept = b""
        self._text: bool | None = None
        self.found = False

    def feed(self, piece: bytes) -> None:
        """Look at the next piece."""
        if self._text is None:
            self._text = b"\0" not in piece[:_HEAD]
        if self._text and not self.found:
            self.found = token_in(self._kept + piece)
            self._kept = piece[-_WINDOW:]
