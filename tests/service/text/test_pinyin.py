"""Syllables of Mandarin as a voice that was trained on Chinese wants them."""

from __future__ import annotations

import pytest

from service.text.pinyin import split_syllable


@pytest.mark.parametrize(
    ("syllable", "initial", "final"),
    [
        ("ni", "n", "i"),
        ("hao", "h", "ao"),
        ("zhong", "zh", "ong"),
        ("zhi", "zh", "iii"),
        ("ri", "r", "iii"),
        ("si", "s", "ii"),
        ("xue", "x", "ve"),
        ("lüe", "l", "ve"),
        ("nv", "n", "v"),
        ("jun", "j", "vn"),
        ("dun", "d", "uen"),
        ("liu", "l", "iou"),
        ("gui", "g", "uei"),
        ("yi", "^", "i"),
        ("yuan", "^", "van"),
        ("you", "^", "iou"),
        ("yo", "^", "iou"),
        ("wu", "^", "u"),
        ("wen", "^", "uen"),
        ("er", "^", "er"),
        ("a", "^", "a"),
        ("ng", "^", "en"),
    ],
)
def test_a_syllable_has_an_initial_and_a_final(syllable: str, initial: str, final: str) -> None:
    assert split_syllable(syllable) == (initial, final)
