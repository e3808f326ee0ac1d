"""What a module compiles to is the same bytes, whatever else the process holds."""

from __future__ import annotations

import hashlib
import marshal
import sys
import types

import pytest

from builder.inside.entrypoint.packed import FORM, compiled, packed
from tests.support.paths import ROOT

SETS = b"""
def one(x): return x in {"packed_one", "packed_two", 1} and 1
def two(x): return x in {"packed_two", "packed_one", 1} and 2
def three(x): return x in {"packed_two", "packed_one", True} and 3
def four(x): return x in {"packed_two", "packed_one", 1.0} and 4
class Packed:
    name = "Packed.five.<locals>.<lambda>", "<lambda>"
    other = "Packed.five.<locals>.<lambda>"
    def five(self): return lambda: "<lambda>"
"""
WORDS = ("packed_one", "<lambda>", "Packed.five.<locals>.<lambda>")


def made() -> bytes:
    code = compiled(SETS, "/m.py")
    assert code is not None
    return packed(SETS, code)


def test_words_that_are_alive_elsewhere_change_nothing() -> None:
    """Each function has its own set where a word in it is one that others hold, and a name its own text."""
    alone = made()
    alive = [sys.intern("".join(list(word))) for word in WORDS]
    assert made() == alone
    assert alive


def test_sets_that_only_look_equal_stay_what_they_are() -> None:
    parts = [each for each in marshal.loads(made()[16:]).co_consts if isinstance(each, types.CodeType)]
    sets = [each for part in parts for each in part.co_consts if isinstance(each, frozenset)]
    kinds = [{type(word) for word in each} for each in sets]
    assert kinds == [{str, int}, {str, int}, {str, bool}, {str, float}]
    assert sets[0] is sets[1]


@pytest.mark.parametrize("source", ["x = " + "(" * 95 + "1," + ")," * 95, "f = " + "lambda: " * 90 + "0"])
def test_what_lies_in_itself_too_deeply_is_not_packed(source: str) -> None:
    deep = source.encode()
    deeper = deep.replace(b"(" * 95, b"(" * 180).replace(b")," * 95, b")," * 180)
    deeper = deeper.replace(b"lambda: " * 90, b"lambda: " * 300)
    code = compiled(deep, "/m.py")
    assert code is not None
    assert packed(deep, code) == packed(deep, marshal.loads(packed(deep, code)[16:]))
    assert compiled(deeper, "/m.py") is None


MADE_BY = (3, "d397781baecfaed4aeca0481d3f56c512ef9bafd517dacbea45dc20f36761f81")
"""The form, and the sha256 of the programs that make what has it."""


def test_another_program_has_another_form() -> None:
    """What is kept is known by its form alone, in homes and in engines' caches that outlive the program.

    Where this fails, count `FORM` up if modules may compile to other bytes, or import others; then write
    down here what the programs are.
    """
    folder = ROOT / "builder" / "inside" / "entrypoint"
    texts = [(folder / name).read_bytes() for name in ("compile.py", "packed.py")]
    assert (FORM, hashlib.sha256(b"".join(texts)).hexdigest()) == MADE_BY
