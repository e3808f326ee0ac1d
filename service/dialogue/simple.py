"""Responders that need nothing: one repeats what it heard, the other knows a few rules."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator, Sequence

from service.dialogue.port import Message

_RULES = [
    (re.compile(pattern, re.IGNORECASE), answer)
    for pattern, answer in json.loads((pathlib.Path(__file__).parent / "rules.json").read_text("utf-8"))
]


class Echo:
    """Repeats what it heard."""

    def answer(self, conversation: Sequence[Message], deadline: float) -> Iterator[str]:  # noqa: ARG002
        yield conversation[-1].content


class Rules:
    """Answers by the first rule of `rules.json` whose pattern is found; `{0}` is what was said."""

    def answer(self, conversation: Sequence[Message], deadline: float) -> Iterator[str]:  # noqa: ARG002
        said = conversation[-1].content
        for pattern, answer in _RULES:
            if pattern.search(said):
                yield answer.replace("{0}", said)
                return
