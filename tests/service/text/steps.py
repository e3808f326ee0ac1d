"""A matcher of regular expressions that counts its steps: Python's own backtracking, one generator a choice.

It walks the tree that `re` itself parses, so it tries what `re` tries, in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as names
from re import _parser as parser
from typing import Any

CATEGORIES = {
    names.CATEGORY_DIGIT: r"\d", names.CATEGORY_NOT_DIGIT: r"\D", names.CATEGORY_SPACE: r"\s",
    names.CATEGORY_NOT_SPACE: r"\S", names.CATEGORY_WORD: r"\w", names.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


class Counter:
    """One pattern, and the steps that it took on all texts so far."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._tree = list(parser.parse(pattern.pattern, pattern.flags))
        self._flags = pattern.flags & re.ASCII
        self.steps = 0

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where `pattern.finditer(text)` finds it."""
        at = 0
        while at <= len(text):
            end = next(self._walk(self._tree, 0, text, at, {}), None)
            if end is None:
                at += 1
            else:
                yield at, end
                at = max(end, at + 1)

    def _walk(self, tree: list[Any], index: int, text: str, at: int, groups: dict[int, str]) -> Iterator[int]:
        """Every end of a match of the tree from its `index` on, the first one that `re` would find first."""
        self.steps += 1
        if index == len(tree):
            yield at
            return
        for end in self._one(tree[index], text, at, groups):
            yield from self._walk(tree, index + 1, text, end, groups)

    def _one(self, node: tuple[Any, Any], text: str, at: int, groups: dict[int, str]) -> Iterator[int]:
        kind, what = node
        if kind in (names.LITERAL, names.NOT_LITERAL, names.IN, names.ANY, names.CATEGORY):
            if at < len(text) and self._is(node, text[at]):
                yield at + 1
        elif kind is names.BRANCH:
            for branch in what[1]:
                yield from self._walk(list(branch), 0, text, at, groups)
        elif kind is names.SUBPATTERN:
            for end in self._walk(list(what[3]), 0, text, at, groups):
                groups[what[0]] = text[at:end]
                yield end
        elif kind is names.GROUPREF:
            if text.startswith(groups[what], at):
                yield at + len(groups[what])
        elif kind in (names.MAX_REPEAT, names.MIN_REPEAT):
            yield from self._repeat(kind is names.MAX_REPEAT, what, text, at, groups)
        elif kind in (names.ASSERT, names.ASSERT_NOT):
            if self._stands(what, text, at, groups) == (kind is names.ASSERT):
                yield at
        elif kind is names.AT:
            if at == len(text) or (at == len(text) - 1 and text[at] == "\n"):
                assert what is names.AT_END
                yield at
        else:
            raise NotImplementedError(kind)

    def _repeat(
        self, greedy: bool, what: Any, text: str, at: int, groups: dict[int, str], done: int = 0
    ) -> Iterator[int]:
        least, most, inner = what
        if not greedy and done >= least:
            yield at
        if most is names.MAXREPEAT or done < most:
            for end in self._walk(list(inner), 0, text, at, groups):
                yield from self._repeat(greedy, what, text, end, groups, done + 1)
        if greedy and done >= least:
            yield at

    def _stands(self, what: Any, text: str, at: int, groups: dict[int, str]) -> bool:
        direction, inner = what
        begin = at if direction > 0 else at - inner.getwidth()[0]
        if begin < 0:
            return False
        ends = self._walk(list(inner), 0, text, begin, groups)
        return any(direction > 0 or end == at for end in ends)

    def _is(self, node: tuple[Any, Any], character: str) -> bool:
        kind, what = node
        self.steps += 1
        if kind is names.LITERAL:
            return bool(ord(character) == what)
        if kind is names.NOT_LITERAL:
            return bool(ord(character) != what)
        if kind is names.ANY:
            return True
        if kind is names.CATEGORY:
            return re.match(CATEGORIES[what], character, self._flags) is not None
        inside = any(
            what_of[0] <= ord(character) <= what_of[1]
            if part is names.RANGE
            else self._is((part, what_of), character)
            for part, what_of in what
            if part is not names.NEGATE
        )
        return inside != (what[0][0] is names.NEGATE)
