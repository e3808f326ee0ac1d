"""Debian packages made on the spot, byte by byte."""

import io
import tarfile


def ar(*members: tuple[str, bytes]) -> bytes:
    """An `ar` archive."""
    body = b"!<arch>\n"
    for name, data in members:
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n"
        body += head.encode() + data + b"\n" * (len(data) % 2)
    return body


def tar_of(*entries: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    """A tar archive, compressed as Debian's packages are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size, info.mode = len(entry[1]), 0o644
            archive.addfile(info, io.BytesIO(entry[1]))
    return buffer.getvalue()


def deb_of(name: str, *entries: tarfile.TarInfo | tuple[str, bytes], control: str = "") -> bytes:
    """A Debian package with those entries."""
    text = control or f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\n"
    return ar(
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", tar_of(("./control", text.encode()))),
        ("data.tar.xz", tar_of(*entries)),
    )
