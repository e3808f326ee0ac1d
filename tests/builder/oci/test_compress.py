"""Layers made of spliced streams."""

import gzip
import hashlib
import io
import random
import tarfile
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.oci.store.compress import DamagedError, LayerWriter, Written
from builder.oci.store.tar import TarEntry


class Stream:
    """A deflate stream, handed out in pieces; what it promises can be made wrong."""

    def __init__(self, data: bytes, *, piece: int = 7, cut: int | None = None) -> None:
        self.size = len(data)
        self.crc = zlib.crc32(data)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._packed = (packer.compress(data) + packer.flush())[:cut]
        self._piece = piece

    def packed(self) -> Iterator[bytes]:
        for start in range(0, len(self._packed), self._piece):
            yield self._packed[start : start + self._piece]


def written(*files: tuple[str, bytes | Stream]) -> tuple[bytes, Written]:
    out = io.BytesIO()
    writer = LayerWriter(out)
    for path, content in files:
        size = len(content) if isinstance(content, bytes) else content.size
        writer.add(TarEntry(path=path, size=size), content)
    result = writer.close()
    return out.getvalue(), result


def content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    assert file is not None
    return file.read()


@given(st.lists(st.tuples(st.binary(max_size=5000), st.booleans()), max_size=6))
def test_any_gzip_reader_finds_the_archive(contents: list[tuple[bytes, bool]]) -> None:
    """Whether a file was spliced in or compressed makes no difference to who reads it."""
    files = [(f"f{n}", Stream(data) if splice else data) for n, (data, splice) in enumerate(contents)]
    blob, result = written(*files)
    plain = gzip.decompress(blob)
    assert result.digest == f"sha256:{hashlib.sha256(blob).hexdigest()}"
    assert result.diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"
    assert (result.size, result.length) == (len(blob), len(plain))
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        found = [content(archive, info) for info in archive]
    assert found == [data for data, _ in contents]


def test_splicing_keeps_the_identity_of_what_is_inside() -> None:
    data = b"the same bytes" * 1000
    assert written(("f", Stream(data)))[1].diff_id == written(("f", data))[1].diff_id


def test_a_wrong_checksum_is_found() -> None:
    stream = Stream(b"abc")
    stream.crc ^= 1
    with pytest.raises(DamagedError, match="checksum"):
        written(("f", stream))


def test_a_stream_that_ends_too_early_is_found() -> None:
    with pytest.raises(DamagedError, match="end"):
        written(("f", Stream(b"abc" * 100, cut=5)))


def test_more_bytes_than_promised_are_found() -> None:
    stream = Stream(bytes(100_000))
    stream.size = 10
    with pytest.raises(DamagedError, match="more bytes"):
        written(("f", stream))


def test_what_is_no_stream_is_found() -> None:
    stream = Stream(b"abc")
    stream._packed = b"\xff" * 20
    with pytest.raises(DamagedError):
        written(("f", stream))


def test_plain_content_of_another_size_is_found() -> None:
    writer = LayerWriter(io.BytesIO())
    with pytest.raises(DamagedError, match="3 bytes instead of 4"):
        writer.add(TarEntry(path="f", size=4), b"abc")


def test_large_content_is_compressed_in_members_that_stay_in_order() -> None:
    """They are compressed side by side, which must not show."""
    data = b"".join(random.Random(n).randbytes(1 << 20) for n in range(13)) + b"the end"

    def written_in_pieces() -> tuple[bytes, Written]:
        out = io.BytesIO()
        writer = LayerWriter(out, level=1)
        pieces = (data[start : start + (1 << 20)] for start in range(0, len(data), 1 << 20))
        writer.add(TarEntry(path="f", size=len(data)), pieces)
        writer.add(TarEntry(path="g", size=14), Stream(b"spliced behind"))
        result = writer.close()
        return out.getvalue(), result

    blob, result = written_in_pieces()
    assert (blob, result) == written_in_pieces()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob)), mode="r|") as archive:
        found = {info.name: content(archive, info) for info in archive}
    assert found == {"f": data, "g": b"spliced behind"}
