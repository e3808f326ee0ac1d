"""Syllables of Mandarin as initials and finals, as voices that were trained on Chinese want them."""

from __future__ import annotations

INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcs")
NO_INITIAL = "^"
_SHORT = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve", "io": "iou"}
"""Finals that pinyin spells shorter than they are spoken."""


def split_syllable(syllable: str) -> tuple[str, str]:
    """The initial and the final of a syllable without tone: `xue` is `x` and `ve`, `yi` is `^` and `i`."""
    if syllable in ("n", "ng", "m"):
        return NO_INITIAL, "en"  # the hum of 嗯
    initial = next((one for one in INITIALS if syllable.startswith(one)), "")
    final = syllable[len(initial) :].replace("ü", "v")
    if not initial:
        final = _without_glide(syllable)
    elif initial in "jqx" and final.startswith("u"):
        final = "v" + final[1:]
    final = _SHORT.get(final, final)
    if final == "i" and initial in ("z", "c", "s"):
        final = "ii"
    elif final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "iii"
    return initial or NO_INITIAL, final


def _without_glide(syllable: str) -> str:
    """A syllable that begins with a vowel, which pinyin writes with `y` or `w` before it or in its place."""
    for spelt, final in (("yu", "v"), ("yi", "i"), ("y", "i"), ("wu", "u"), ("w", "u")):
        if syllable.startswith(spelt):
            return final + syllable[len(spelt) :]
    return syllable
