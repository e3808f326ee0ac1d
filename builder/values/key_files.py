"""Files that are a private key as a whole: DER (RFC 5208, 5915, 5958, 8017), PKCS #12, Java and PGP."""

from __future__ import annotations

import re

_PGP_VERSIONS = {b"\x03", b"\x04", b"\x05", b"\x06"}
_PGP_ALGORITHMS = {bytes([number]) for number in (1, 2, 3, 16, 17, 18, 19, 22, 25, 26, 27, 28)}
_PGP_NEXT = {bytes([tag]) for tag in (0x88, 0x89, 0x8A, 0xC2, 0xB4, 0xB5, 0xCD, 0x9C, 0x9D, 0x9E, 0xC7)}
"""First bytes of the packets that follow a key: signatures, names and subkeys."""


def is_key_file(head: bytes, size: int) -> bool:
    """Whether a file is a private key in binary, by its beginning and its size."""
    if head.startswith(b"SSH PRIVATE KEY FILE FORMAT 1.1\n"):
        return True
    inner = _sequence(head, size)
    version, rest = inner[:3], inner[3:]
    if version in {b"\x02\x01\x00", b"\x02\x01\x01"}:
        rsa = rest[:1] == b"\x02" and rest[1:2] >= b"\x20"  # a number of 32 bytes or more
        curve = rest[:1] == b"\x04" and b"\x10" <= rest[1:2] <= b"\x48"
        return rsa or curve or _algorithm(rest)
    encrypted = (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x05",
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c",
    )  # PBES, and PKCS #12's
    return (_algorithm(inner) and _content(inner)[2:10] in encrypted) or _secret_packet(head, size)


def is_key_store(head: bytes, size: int) -> bool:
    """Whether a file is a PKCS #12 store, or a Java one with a key in it."""
    inner = head[2:] if head.startswith(b"\x30\x80") else _sequence(head, size)
    if inner.startswith(b"\x02\x01\x03"):
        return inner[3:4] == b"\x30" and b"\x2a\x86\x48\x86\xf7\x0d\x01\x07" in inner[4:24]
    return head[:4] in {b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"} and _java_key(head)


def _sequence(head: bytes, size: int) -> bytes:
    """What a DER sequence holds that is as long as the file; empty for anything else."""
    if head[:1] != b"\x30":
        return b""
    inner = _content(head)
    return inner if len(head) - len(inner) + _length(head) == size else b""


def _length(head: bytes) -> int:
    if head[1:2] < b"\x80":
        return head[1] if len(head) > 1 else -1
    return int.from_bytes(head[2 : 2 + (head[1] & 0x7F)], "big")


def _content(element: bytes) -> bytes:
    """What follows the tag and the length of a DER element."""
    if len(element) < 2:
        return b""
    return element[2 + (element[1] & 0x7F if element[1] & 0x80 else 0) :]


def _algorithm(rest: bytes) -> bool:
    """Whether a sequence follows that begins with an object identifier."""
    return rest[:1] == b"\x30" and _content(rest)[:1] == b"\x06"


def _java_key(head: bytes) -> bool:
    """Whether one of a Java store's entries is a key.

    Source: `sun.security.provider.JavaKeyStore`: a tag, an alias, a date, then a certificate and its type.
    """
    version, count = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    place = 12
    for _ in range(count):
        if head[place : place + 4] != b"\0\0\0\x02":
            return place < len(head)
        place += 4
        place += 2 + int.from_bytes(head[place : place + 2], "big") + 8
        if version == 2:
            place += 2 + int.from_bytes(head[place : place + 2], "big")
        place += 4 + int.from_bytes(head[place : place + 4], "big")
    return False


def _secret_packet(head: bytes, size: int) -> bool:
    """Whether a file begins with a PGP packet of a secret key (RFC 9580, 4.2 and 5.5.3)."""
    if head[:1] in {b"\x94", b"\x95", b"\x96"}:
        width = 1 << (head[0] & 3)
        length, body = int.from_bytes(head[1 : 1 + width], "big"), head[1 + width :]
    elif head[:1] == b"\xc5":
        first = head[1] if len(head) > 1 else 0
        width = 1 if first < 192 else 2
        length, body = (first if width == 1 else ((first - 192) << 8) + head[2] + 192), head[1 + width :]
    else:
        return False
    known = body[:1] in _PGP_VERSIONS and body[5:6] in _PGP_ALGORITHMS
    alone = length == size - 1 - width
    return known and length >= 16 and (alone or body[length : length + 1] in _PGP_NEXT)


def bare_key(text: bytes) -> bool:
    """Whether a whole file is one word that is long enough for a key, as `master.key` holds it."""
    return re.fullmatch(rb"\s*[!-~]{16,1024}\s*", text) is not None
