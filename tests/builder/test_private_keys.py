"""Private keys are found in files of every form, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json
import pathlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from builder.values.copied import read_file
from builder.values.private_keys import KeySpotter

RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
CURVE = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PEM, DER, SSH = Encoding.PEM, Encoding.DER, PrivateFormat.OpenSSH
OLD, NEW = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8
PLAIN, LOCKED = NoEncryption(), BestAvailableEncryption(b"secret")

TEXT = RSA.private_bytes(PEM, NEW, PLAIN).decode()
LINES = TEXT.splitlines()
PGP = (
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\nComment: mine\n\n"
    + "lQdGBF7Zr0EBEADj\n" * 4
    + "=aBc1\n-----END PGP PRIVATE KEY BLOCK-----\n"
).replace("lQdGBF7Zr0EBEADj\n" * 2, "lQdGBF7Zr0EBEADj" * 4 + "\n")
PUTTY = (
    "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\nComment: x\r\n"
    "Public-Lines: 1\r\nAAAAC3NzaC1lZDI1\r\nPrivate-Lines: 1\r\nAAAAIGAqZ3xLq1e8Zr0EBEADjlQdGBF7Z\r\n"
)

KEYS: dict[str, bytes] = {
    "PKCS #8": TEXT.encode(),
    "PKCS #8, locked": RSA.private_bytes(PEM, NEW, LOCKED),
    "PKCS #1": RSA.private_bytes(PEM, OLD, PLAIN),
    "PKCS #1, locked": RSA.private_bytes(PEM, OLD, LOCKED),
    "a curve's": CURVE.private_bytes(PEM, OLD, PLAIN),
    "the shortest": ED.private_bytes(PEM, NEW, PLAIN),
    "OpenSSH": ED.private_bytes(PEM, SSH, PLAIN),
    "OpenSSH, locked": ED.private_bytes(PEM, SSH, BestAvailableEncryption(b"secret")),
    "PGP": PGP.encode(),
    "PuTTY": PUTTY.encode(),
    "age": b"# public key: age1x\nAGE-SECRET-KEY-1" + b"Q" * 58 + b"\n",
    "DER, PKCS #8": RSA.private_bytes(DER, NEW, PLAIN),
    "DER, PKCS #8, locked": RSA.private_bytes(DER, NEW, LOCKED),
    "DER, PKCS #1": RSA.private_bytes(DER, OLD, PLAIN),
    "DER, a curve's": CURVE.private_bytes(DER, OLD, PLAIN),
    "DER, the shortest": ED.private_bytes(DER, NEW, PLAIN),
    "PKCS #12": pkcs12.serialize_key_and_certificates(b"x", RSA, None, None, LOCKED),
    "with CRLF": TEXT.replace("\n", "\r\n").encode(),
    "UTF-16": f"hello\n{TEXT}".encode("utf-16"),
    "UTF-16, the other way": TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "deep": b"\xff\0" * 1_500_000 + TEXT.encode() + b"\xff\0" * 1_500_000,
    "cut short": "\n".join(LINES[:9]).encode(),
    "JSON": json.dumps({"type": "service_account", "private_key": TEXT}).encode(),
    "JSON in JSON": json.dumps(json.dumps({"private_key": TEXT})).encode(),
    "a program": "".join(f'    "{line}\\n"\n' for line in LINES).encode(),
    "YAML": ("key: |\n" + "".join(f"    {line}\n" for line in LINES)).encode(),
    "a comment": "".join(f"# {line}\n" for line in LINES).encode(),
    "a mail": "".join(f"> {line}\n" for line in LINES).encode(),
    "one line": ("KEY=" + TEXT.replace("\n", "\\n")).encode(),
    "kubeconfig": b"client-key-data: " + base64.b64encode(TEXT.encode()),
    "base64 in lines": base64.encodebytes(TEXT.encode()),
}

CERTIFICATE = (
    "-----BEGIN CERTIFICATE-----\n" + "".join(f"{'MIIDdzCC' * 8}\n" * 9) + "-----END CERTIFICATE-----\n"
)
PUBLIC: dict[str, bytes] = {
    "nothing": b"",
    "a public key": RSA.public_key().public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo),
    "DER, a public key": RSA.public_key().public_bytes(DER, PublicFormat.SubjectPublicKeyInfo),
    "DER, PKCS #1": RSA.public_key().public_bytes(DER, PublicFormat.PKCS1),
    "SSH": RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    "a certificate": CERTIFICATE.encode(),
    "kubeconfig": b"certificate-authority-data: " + base64.b64encode(CERTIFICATE.encode()),
    "prose": b"-----BEGIN PRIVATE KEY----- opens it, then base64, -----END PRIVATE KEY----- closes it.\n",
    "a placeholder": b"-----BEGIN PRIVATE KEY-----\nYOUR KEY HERE\n-----END PRIVATE KEY-----\n",
    "an ellipsis": f"{LINES[0]}\n{LINES[1]}\n{LINES[2]}\n...\n{LINES[-1]}\n".encode(),
    "a test": b'assert "-----BEGIN RSA PRIVATE KEY-----" in text\nfor line in lines:\n    yield line\n',
    "an expression": rb're.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*KEY-----")',
    "a program's strings": b"\0".join(
        [b"-----BEGIN RSA PRIVATE KEY-----", b"-----END RSA PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"] * 3
    ),
    "PuTTY's name": b"PuTTY-User-Key-File-2: is how it begins; Private-Lines: come later.",
    "age's name": b"A key looks like AGE-SECRET-KEY-1... and stays secret.",
    "SNMP": bytes.fromhex("302902010004067075626c6963a01c") + bytes(28),
}  # fmt: skip


def java_store(*entries: bytes) -> bytes:
    return struct.pack(">4sII", b"\xfe\xed\xfe\xed", 2, len(entries)) + b"".join(entries)


TRUSTED = struct.pack(">IH1sQH5sI9s", 2, 1, b"c", 0, 5, b"X.509", 9, b"9 letters")
OWNED = struct.pack(">IH1sQ", 1, 1, b"k", 0) + bytes(50)


def holds(content: bytes, folder: pathlib.Path, name: str = "notes.txt") -> bool:
    (folder / name).write_bytes(content)
    return read_file(folder / name).private


@pytest.mark.parametrize("kind", KEYS)
def test_a_private_key_is_found(kind: str, tmp_path: pathlib.Path) -> None:
    assert holds(KEYS[kind], tmp_path)


@pytest.mark.parametrize("kind", PUBLIC)
def test_what_is_no_private_key_is_not_taken_for_one(kind: str, tmp_path: pathlib.Path) -> None:
    assert not holds(PUBLIC[kind], tmp_path)


def test_a_java_store_counts_where_it_holds_a_key(tmp_path: pathlib.Path) -> None:
    assert holds(java_store(TRUSTED, OWNED), tmp_path, "a.jks")
    assert not holds(java_store(TRUSTED, TRUSTED), tmp_path, "b.jks")


def test_a_store_of_certificates_is_told_by_its_name(tmp_path: pathlib.Path) -> None:
    assert holds(KEYS["PKCS #12"], tmp_path, "server.p12")
    assert not holds(KEYS["PKCS #12"], tmp_path, "truststore.p12")


def test_a_bare_key_is_told_by_its_name(tmp_path: pathlib.Path) -> None:
    assert holds(b"0123456789abcdef0123456789abcdef\n", tmp_path, "secret.key")
    assert not holds(b"0123456789abcdef0123456789abcdef\n", tmp_path, "digest.txt")
    assert not holds(b"two words\n", tmp_path, "piano.key")


def test_what_a_wheel_holds_is_its_makers(tmp_path: pathlib.Path) -> None:
    assert not holds(TEXT.encode(), tmp_path, "x-1.0-py3-none-any.whl")


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=40), st.integers(0, 70_000), st.booleans())
def test_it_does_not_matter_where_the_pieces_end(sizes: list[int], before: int, wide: bool) -> None:
    content = b"x" * before + (TEXT.encode("utf-16-le") if wide else TEXT.encode()) + b"y" * 50_000
    spotter = KeySpotter(len(content))
    place = 0
    for size in sizes:
        spotter.feed(content[place : place + size])
        place += size
    spotter.feed(content[place:])
    assert spotter.close()


@given(st.binary(max_size=2_000))
def test_any_bytes_have_an_answer(content: bytes) -> None:
    spotter = KeySpotter(len(content))
    spotter.feed(content)
    spotter.close()


@pytest.mark.parametrize(
    "sign",
    [
        b"PRIVATE KEY", b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN PRIVATE KEY-----\nAAAA", b"a: \n",
        b"PuTTY-User-Key-File-2: Private-Lines: 1", b"AGE-SECRET-KEY-1", b"LS0tLS1CRUdJTi",
        b"\0P\0R\0I\0V\0A\0T\0E\0 \0K\0E\0Y",
    ],
)  # fmt: skip
def test_it_holds_no_more_than_a_piece_and_its_window(sign: bytes) -> None:
    spotter = KeySpotter(1 << 20)
    for _ in range(8):
        spotter.feed(sign * ((1 << 17) // len(sign)))
        assert len(spotter._kept) <= 1 << 17
    assert not spotter.close()
