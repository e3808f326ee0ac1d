"""Sentences: cuts text where a speaker would breathe, so that each piece is short and stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.text.clean import speakable

LONGEST_PIECE = 120
"""Characters of the longest piece. Twenty thousand characters without a stop would otherwise be one job."""

SENTENCE_PAUSE = 0.35
"""Seconds after a sentence."""
CLAUSE_PAUSE = 0.15
"""Seconds where a long sentence was cut."""
PARAGRAPH_PAUSE = 0.6
"""Seconds after a line."""

# A full stop ends a sentence only before a blank: 3.14 and example.com go on.
_SENTENCE = re.compile(r".+?(?:[。！？!?；;…]+[”’」』）)\"']*|\.(?=\s)|$)", re.DOTALL)
_CLAUSE = re.compile(r".+?(?:[，,、：:]+|$)", re.DOTALL)


def split_sentences(text: str) -> Iterator[tuple[str, float]]:
    """Pieces of the text, and the seconds of silence that belong after each; the last one's are 0."""
    pieces = [(piece.strip(), pause) for piece, pause in _pieces(text)]
    kept = [(piece, pause) for piece, pause in pieces if speakable(piece)]
    for index, (piece, pause) in enumerate(kept):
        yield piece, pause if index + 1 < len(kept) else 0.0


def _pieces(text: str) -> Iterator[tuple[str, float]]:
    for line in text.split("\n"):
        pieces = [piece for sentence in _SENTENCE.findall(line) for piece in _short(sentence)]
        for index, (piece, pause) in enumerate(pieces):
            yield piece, pause if index + 1 < len(pieces) else PARAGRAPH_PAUSE


def _short(sentence: str) -> Iterator[tuple[str, float]]:
    """The sentence, or its clauses gathered up to the longest length, or hard cuts of them."""
    begin = end = 0
    for clause in _CLAUSE.findall(sentence):
        if end > begin and end - begin + len(clause) > LONGEST_PIECE:
            yield sentence[begin:end], CLAUSE_PAUSE
            begin = end
        end += len(clause)
        while end - begin > LONGEST_PIECE:
            cut = _cut(sentence, begin)
            yield sentence[begin:cut], 0.0
            begin = cut
    if end > begin:
        yield sentence[begin:end], SENTENCE_PAUSE


def _cut(text: str, begin: int) -> int:
    """Where to cut a text without stops: at its last blank that is not too early, or at the limit."""
    blank = text.rfind(" ", begin + LONGEST_PIECE // 2, begin + LONGEST_PIECE)
    return blank + 1 if blank > 0 else begin + LONGEST_PIECE
