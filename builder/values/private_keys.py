"""Private keys in files of any name, told from all that only speaks of them.

A key in text is its header with a body of base64 behind it: PEM and OpenSSH (RFC 7468, PROTOCOL.key), PGP
(RFC 9580), PuTTY and age, whatever stands around or between its lines, in UTF-8, UTF-16 or UTF-32, or in
base64 once more as kubeconfig has it. A key in binary is a whole file (`builder/values/key_files.py`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from builder.values.key_files import is_key_file, is_key_store

_WINDOW = 1 << 15
"""Bytes behind a header that are looked at: the largest keys in use end well before."""
_BACK = 256
"""Bytes before the words `PRIVATE KEY` in which their line begins."""

_LINE = 40
"""Characters of base64 in one line of a key's body, at least: the smallest keys have more."""
_SHORT = 16
"""The same in a body that is closed by its end line, and has small and capital letters and digits."""

_WORDS = b"PRIVATE KEY"
_PUTTY = b"PuTTY-User-Key-File-"
_PACKED = base64.b64encode(b"-----BEGIN ")[:-2]
_AGE = b"AGE-SECRET-KEY-"

_HEADER = re.compile(
    rb"----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-{4}-?|---- BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY ----"
)
_ESCAPE = re.compile(rb"\\[nrt]")
_FIELD = re.compile(rb"(?m)^[^\w\n]{0,16}[A-Za-z][\w-]{1,40}: ?[^\n]*+$")
"""A line such as `Proc-Type: 4,ENCRYPTED` or `Version: 1` before a body."""
_BETWEEN = re.compile(rb"[\s\"'`,;()<>#|*\\-]+")
"""What stands between lines where a key is part of a program, a mail or a comment."""
_BODY = re.compile(rb"[A-Za-z0-9+/=]+")
_MIXED = re.compile(rb"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])")
_PUTTY_BODY = re.compile(rb"Private-Lines: *\d+\s+[A-Za-z0-9+/=]{16}")
_AGE_KEY = re.compile(rb"AGE-SECRET-KEY-(?:[A-Z]{2,8}-)?1[0-9A-Z]{40}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]*+")


class KeySpotter:
    """Looks for a private key in a file that is handed over piece by piece; it holds no more than a piece."""

    def __init__(self, size: int, *, stores: bool = True) -> None:
        """`size` is the file's, in bytes; `stores` is whether a container of certificates and keys counts."""
        self._size = size
        self._stores = stores
        self._kept = b""
        self._begun = False
        self.found = False

    def feed(self, piece: bytes) -> None:
        """Look at the next piece."""
        if not self._begun:
            self._begun = True
            self.found = is_key_file(piece, self._size) or (self._stores and is_key_store(piece, self._size))
        if not self.found:
            text = self._kept + piece
            self.found = _in_text(text, len(text) - _WINDOW)
            self._kept = text[max(len(text) - _WINDOW - _BACK, 0) :]

    def close(self) -> bool:
        """Whether there is one, after the last piece."""
        self.found = self.found or _in_text(self._kept, len(self._kept))
        self._kept = b""
        return self.found


def _in_text(text: bytes, until: int) -> bool:
    """Whether a key begins before `until`. No sign is looked behind further than to the next of its kind."""
    narrow = text.translate(None, b"\0")
    if not any(sign in narrow for sign in (_WORDS, _PUTTY, _AGE, _PACKED)):
        return False
    return any(
        _pem(text, place, width)
        for width in (1, 2, 4)
        for place in _places(text, _spread(_WORDS, width), until)
    ) or any(
        look(_plain(text[place : _next(text, place, _spread(sign, width))], width))
        for width in (1, 2)
        for sign, look in ((_PUTTY, _putty), (_AGE, _age), (_PACKED, _packed))
        for place in _places(text, _spread(sign, width), until)
    )


def _spread(sign: bytes, width: int) -> bytes:
    """A sign as UTF-16 and UTF-32 have it, whichever byte comes first: with zeros between its letters."""
    return (b"\0" * (width - 1)).join(sign[at : at + 1] for at in range(len(sign)))


def _plain(text: bytes, width: int) -> bytes:
    return text.replace(b"\0", b"") if width > 1 else text


def _places(text: bytes, sign: bytes, until: int) -> Iterator[int]:
    place = text.find(sign, 0, max(until, 0) + len(sign))
    while 0 <= place < until:
        yield place
        place = text.find(sign, place + len(sign), until + len(sign))


def _next(text: bytes, place: int, sign: bytes) -> int:
    """Where the next sign of the kind begins, or the window ends."""
    end = min(place + _WINDOW, len(text))
    found = text.find(sign, place + len(sign), end)
    return found if found >= 0 else end


def _pem(text: bytes, place: int, width: int) -> bool:
    """Whether the words `PRIVATE KEY` at a place belong to a header with a body behind it."""
    begin = text.rfind(_spread(b"----", width), max(place - _BACK, 0), place)
    line = _plain(text[begin : place + _BACK], width) if begin >= 0 else b""
    header = _HEADER.match(line)
    if header is None:
        return False
    after = (
        place
        + len(_spread(_WORDS, width))
        + (len(line[: header.end()]) - line.find(_WORDS) - len(_WORDS)) * width
    )
    end = _next(text, after - len(_spread(b"----", width)), _spread(b"----", width))
    closed = _plain(text[end : end + 10 * width], width).lstrip(b"- ").startswith(b"END")
    return _body(_plain(text[after:end], width), closed=closed)


def _body(text: bytes, *, closed: bool) -> bool:
    text = _FIELD.sub(b"", _ESCAPE.sub(b"\n", text))
    words = [word for word in _BETWEEN.split(text) if word]
    if not words or not all(_BODY.fullmatch(word) for word in words):
        return False
    longest = max(words, key=len)
    return len(longest) >= _LINE or (closed and len(longest) >= _SHORT and bool(_MIXED.match(longest)))


def _putty(text: bytes) -> bool:
    return _PUTTY_BODY.search(text) is not None


def _age(text: bytes) -> bool:
    return _AGE_KEY.match(text) is not None


def _packed(text: bytes) -> bool:
    found = _BASE64.match(text)
    packed = b"".join(found[0].split()) if found else b""
    plain = base64.b64decode(packed[: len(packed) // 4 * 4])
    return any(_pem(plain, place, 1) for place in _places(plain, _WORDS, len(plain)))
