"""The reader of SSML: a whitelist of elements, and never a document type, an entity, a file or an address.

The elements are those that make sense for these voices: `speak p s break prosody emotion voice say-as sub
phoneme`. Anything else is refused by name and line, so that nothing is silently ignored.
"""

from __future__ import annotations

import dataclasses
import re
import xml.parsers.expat
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from service.errors import InvalidFieldError
from service.text.clean import clean_text
from service.text.script import MOST_READINGS, Manner, Pause, Reading, Script, Stretch, reading_mark

DEEPEST = 32
"""Elements inside each other."""
LONGEST_BREAK = 10.0
"""Seconds of one `<break>`."""
PARAGRAPH_BREAK = 0.6
SENTENCE_BREAK = 0.35

BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.3, "x-fast": 1.7}
PITCHES = {"x-low": 0.7, "low": 0.85, "medium": 1.0, "default": 1.0, "high": 1.2, "x-high": 1.45}
VOLUMES = {
    "silent": 0.0,
    "x-soft": 0.4,
    "soft": 0.7,
    "medium": 1.0,
    "default": 1.0,
    "loud": 1.4,
    "x-loud": 1.8,
}

ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "speak": frozenset({"version", "xml:lang", "xmlns", "voice"}),
    "p": frozenset(),
    "s": frozenset(),
    "break": frozenset({"time", "strength"}),
    "prosody": frozenset({"rate", "pitch", "volume"}),
    "emotion": frozenset({"category", "intensity"}),
    "voice": frozenset({"name"}),
    "say-as": frozenset({"interpret-as"}),
    "sub": frozenset({"alias"}),
    "phoneme": frozenset({"alphabet", "ph"}),
}
"""The elements and what each may carry."""

_PINYIN = re.compile(r"[a-züv]{1,6}[1-5]( [a-züv]{1,6}[1-5])*")

if TYPE_CHECKING:
    from service.text.script import ScriptPart

    SayAs = Callable[[str, str], str]
    """Turns a text and a kind into words; raises `ValueError` for a kind it does not know."""


def parse_ssml(document: str, manner: Manner, say_as: SayAs, known: Callable[[str, str], str]) -> Script:
    """The script of an SSML document, spoken in `manner` where it says nothing else.

    `known("voice" | "emotion", name)` returns the name as the engine spells it.
    Raises `InvalidFieldError` that names the line for whatever is outside the whitelist or malformed.
    """
    reader = _Reader(manner, say_as, known)
    try:
        reader.parser.Parse(document.encode(), True)
    except xml.parsers.expat.ExpatError as error:
        what = xml.parsers.expat.ErrorString(error.code)
        raise InvalidFieldError(f"not well-formed at line {error.lineno}: {what}", field="ssml") from error
    return Script(reader.script(), tuple(reader.readings))


@dataclasses.dataclass
class _Open:
    """An element of the document whose end has not come yet."""

    name: str
    attributes: dict[str, str]
    manner: Manner
    text: list[str] = dataclasses.field(default_factory=list)
    """Pieces, gathered only by the elements that replace their text."""


class _Reader:
    """The receiver of the parser's events, which judges everything at the line where it stands."""

    def __init__(self, manner: Manner, say_as: SayAs, known: Callable[[str, str], str]) -> None:
        self._parts: list[tuple[Manner, list[str]] | Pause] = []
        self.readings: list[Reading] = []
        self._manner, self._say_as, self._known = manner, say_as, known
        self._open: list[_Open] = []
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.ProcessingInstructionHandler = self._refuse_instruction
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def script(self) -> tuple[ScriptPart, ...]:
        """All that was read, in its order."""
        return tuple(
            part if isinstance(part, Pause) else Stretch("".join(part[1]), part[0]) for part in self._parts
        )

    def _refuse(self, message: str) -> InvalidFieldError:
        return InvalidFieldError(f"line {self.parser.CurrentLineNumber}: {message}", field="ssml")

    def _refuse_doctype(self, *_: object) -> None:
        raise self._refuse("a document type is not allowed")

    def _refuse_instruction(self, *_: object) -> None:
        raise self._refuse("a processing instruction is not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._check_place(name)
        allowed = ATTRIBUTES.get(name)
        if allowed is None:
            raise self._refuse(f"<{name[:40]}> is not one of {', '.join(ATTRIBUTES)}")
        for attribute in attributes:
            if attribute not in allowed:
                raise self._refuse(f"<{name}> takes no {attribute[:40]!r}")
        manner = self._open[-1].manner if self._open else self._manner
        if name in _MANNERS:
            manner = _MANNERS[name](self, manner, attributes)
        self._open.append(_Open(name, attributes, manner))

    def _check_place(self, name: str) -> None:
        if len(self._open) >= DEEPEST:
            raise self._refuse(f"more than {DEEPEST} elements inside each other")
        if (name == "speak") != (not self._open):
            raise self._refuse("<speak> must be the outermost element, once")
        if self._open and self._open[-1].name in _REPLACED:
            raise self._refuse(f"<{self._open[-1].name}> holds only text")

    def _characters(self, text: str) -> None:
        if not self._open:
            return
        if self._open[-1].name in _REPLACED:
            self._open[-1].text.append(text)
        else:
            self._say(clean_inner_text(text))

    def _say(self, text: str) -> None:
        """Add text, to the stretch before where the manner is the same."""
        manner, last = self._open[-1].manner, self._parts[-1] if self._parts else None
        if isinstance(last, tuple) and last[0] == manner:
            last[1].append(text)
        elif text:
            self._parts.append((manner, [text]))

    def _end(self, name: str) -> None:
        element = self._open.pop()
        if name == "break":
            self._parts.append(Pause(self._break(element.attributes)))
        elif name in _PAUSES:
            self._parts.append(Pause(_PAUSES[name]))
        elif name in _REPLACED:
            self._say(_REPLACED[name](self, element))

    def _break(self, attributes: dict[str, str]) -> float:
        if "time" in attributes:
            found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s)", attributes["time"].strip())
            if not found:
                raise self._refuse(f"<break time> is like 500ms or 1.5s, not {attributes['time'][:40]!r}")
            seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
        else:
            seconds = self._word(BREAKS, attributes.get("strength", "medium"), "break strength")
        if seconds > LONGEST_BREAK:
            raise self._refuse(f"a break is at most {LONGEST_BREAK:g}s")
        return seconds

    def _word(self, words: Mapping[str, float], given: str, what: str) -> float:
        if given not in words:
            raise self._refuse(f"{what} is one of {', '.join(words)}, not {given[:40]!r}")
        return words[given]

    def _factor(self, words: Mapping[str, float], given: str, what: str, low: float, high: float) -> float:
        """A relative amount: a word, `120%`, `+20%`, or a plain factor `1.2`."""
        given = given.strip()
        if given in words:
            return words[given]
        found = re.fullmatch(r"([+-]?)([0-9]{1,4}(?:\.[0-9]{1,4})?)(%?)", given)
        if not found or (found[1] and not found[3]):
            raise self._refuse(
                f"{what} is {''.join(f'{word}, ' for word in words)}120%, +20% or 1.2, not {given[:40]!r}"
            )
        value = float(found[2]) / (100 if found[3] else 1)
        if found[1]:
            value = 1 + value if found[1] == "+" else 1 - value
        if not low <= value <= high:
            raise self._refuse(f"{what} lies between {low:g} and {high:g} times the normal")
        return value

    def _prosody(self, manner: Manner, attributes: dict[str, str]) -> Manner:
        factors = {
            "speed": self._factor(RATES, attributes.get("rate", "medium"), "prosody rate", 0.5, 2.0),
            "pitch": self._factor(PITCHES, attributes.get("pitch", "medium"), "prosody pitch", 0.5, 2.0),
            "volume": self._factor(VOLUMES, attributes.get("volume", "medium"), "prosody volume", 0.0, 2.0),
        }
        return dataclasses.replace(
            manner,
            speed=min(4.0, max(0.25, manner.speed * factors["speed"])),
            pitch=min(4.0, max(0.25, manner.pitch * factors["pitch"])),
            volume=min(4.0, manner.volume * factors["volume"]),
        )

    def _emotion(self, manner: Manner, attributes: dict[str, str]) -> Manner:
        intensity = self._factor({}, attributes.get("intensity", "1"), "emotion intensity", 0.0, 2.0)
        emotion = self._named("emotion", attributes.get("category", ""))
        return dataclasses.replace(manner, emotion=emotion, intensity=intensity)

    def _voice(self, manner: Manner, attributes: dict[str, str]) -> Manner:
        if not attributes.get("name"):
            raise self._refuse("<voice> needs a name")
        return dataclasses.replace(manner, voice=self._named("voice", attributes.get("name", "")))

    def _speak(self, manner: Manner, attributes: dict[str, str]) -> Manner:
        if "voice" not in attributes:
            return manner
        return dataclasses.replace(manner, voice=self._named("voice", attributes["voice"]))

    def _named(self, kind: str, name: str) -> str:
        try:
            return self._known(kind, name)
        except InvalidFieldError as error:
            raise self._refuse(error.message) from error

    def _spoken_as(self, element: _Open) -> str:
        try:
            return self._say_as(clean_text("".join(element.text)), element.attributes.get("interpret-as", ""))
        except ValueError as error:
            raise self._refuse(str(error)) from error

    def _alias(self, element: _Open) -> str:
        return clean_text(element.attributes.get("alias", ""))

    def _phoneme(self, element: _Open) -> str:
        alphabet, ph = element.attributes.get("alphabet", "py"), element.attributes.get("ph", "").strip()
        if alphabet not in ("py", "pinyin"):
            raise self._refuse(f"<phoneme alphabet> is py, not {alphabet[:40]!r}")
        if not _PINYIN.fullmatch(ph) or len(ph) > 200:
            raise self._refuse(f"<phoneme ph> is pinyin like hang2, not {ph[:40]!r}")
        if len(self.readings) >= MOST_READINGS:
            raise self._refuse(f"more than {MOST_READINGS} <phoneme>")
        self.readings.append(Reading(clean_text("".join(element.text)), ph))
        return reading_mark(len(self.readings) - 1)


def clean_inner_text(text: str) -> str:
    """`clean_text`, but blanks at the ends stay as one blank: the text around may need them."""
    if not text.strip():
        return " " if text else ""
    return (" " if text[0].isspace() else "") + clean_text(text) + (" " if text[-1].isspace() else "")


_MANNERS: Mapping[str, Callable[[_Reader, Manner, dict[str, str]], Manner]] = {
    "speak": _Reader._speak,
    "prosody": _Reader._prosody,
    "emotion": _Reader._emotion,
    "voice": _Reader._voice,
}
_REPLACED: Mapping[str, Callable[[_Reader, _Open], str]] = {
    "say-as": _Reader._spoken_as,
    "sub": _Reader._alias,
    "phoneme": _Reader._phoneme,
    "break": lambda _reader, _element: "",
}
_PAUSES = {"p": PARAGRAPH_BREAK, "s": SENTENCE_BREAK}
