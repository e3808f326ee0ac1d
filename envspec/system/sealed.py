"""The form in which values are kept as files: JSON that carries its own sha256, maybe compressed.

It is apart from `kept.py` because it loads next to nothing: who only looks whether there is anything to do
has no time for the types of values.
"""

from __future__ import annotations

import hashlib
import re

FORM = 2
"""Number of the files' own form, part of their names: a file of another form is another one, not damaged."""

_FILE = re.compile(rb'\{"sha256":"([0-9a-f]{64})","value":(.*)\}', re.DOTALL)

_LARGEST = 1 << 28
"""Bytes of a value: more, nothing keeps."""


def file_name(key: str, *, packed: bool = False) -> str:
    """Name of the file that keeps the value of a key."""
    return f"{key}.v{FORM}.json{'.zlib' if packed else ''}"


def seal(value: bytes, *, packed: bool = False) -> bytes:
    """The contents of a file that keeps a value in JSON; `packed` compresses them."""
    body = b'{"sha256":"%s","value":%s}' % (hashlib.sha256(value).hexdigest().encode(), value)
    if not packed:
        return body
    import zlib

    return zlib.compress(body, level=3)


def unseal(body: bytes, *, packed: bool = False) -> bytes:
    """The value, in JSON, that a file keeps. Raises `ValueError` where it is not the one that was kept."""
    if packed:
        body = _unpacked(body)
    found = _FILE.fullmatch(body)
    if found is None or hashlib.sha256(found[2]).hexdigest().encode() != found[1]:
        raise ValueError("another value than the one that was kept")
    return found[2]


def _unpacked(body: bytes) -> bytes:
    import zlib

    stream = zlib.decompressobj()
    try:
        whole = stream.decompress(body, _LARGEST)
    except zlib.error as error:
        raise ValueError("no stream") from error
    if not stream.eof or stream.unused_data:
        raise ValueError("no whole stream, or more than one")
    return whole
