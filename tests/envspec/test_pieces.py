"""Files of which only pieces are at hand, and servers that give them, or say that they do."""

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.lockfile.lock import File
from envspec.supply.page import RemoteFile
from envspec.supply.pieces import LARGEST, HoleError, NoRangesError, Pieces
from envspec.supply.pip_settings import PipSettings
from envspec.supply.ranges import remote_pieces
from envspec.supply.sources import Sources
from envspec.system.errors import OutsideError
from tests.support.specs import spec, stage
from tests.support.web import Answer, Web, serving

BODY = bytes(range(256)) * 2000


def loading(asked: list[tuple[int, int]]) -> Pieces:
    def load(begin: int, end: int) -> bytes:
        asked.append((begin, end))
        return BODY[begin:end]

    return Pieces(len(BODY), load=load)


@given(st.lists(st.tuples(st.integers(0, len(BODY)), st.integers(0, 70_000)), max_size=12))
def test_any_reading_gives_the_bytes_of_the_file(steps: list[tuple[int, int]]) -> None:
    asked: list[tuple[int, int]] = []
    file = io.BufferedReader(loading(asked))
    for place, size in steps:
        file.seek(place)
        assert file.read(size) == BODY[place : place + size]
    spans = sorted(asked)
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans)), "nothing twice"


def test_what_is_wanted_and_lies_close_is_asked_for_at_once() -> None:
    asked: list[tuple[int, int]] = []
    pieces = loading(asked)
    pieces.want([(200_000, 200_010), (0, 100), (300, 400)])
    pieces.want([(50, 350)])
    assert asked == [(0, 400), (200_000, 200_010)]


def test_a_hole_is_an_error_and_never_bytes() -> None:
    file = Pieces(1000, {0: b"a" * 10, 500: b"b" * 500})
    assert file.read(20) == b"a" * 10
    with pytest.raises(HoleError):
        file.read(1)
    file.seek(-500, io.SEEK_END)
    assert io.BufferedReader(file).read() == b"b" * 500


@pytest.mark.parametrize("pieces", [{0: b"x" * 9, 5: b"y"}, {8: b"xxx"}, {-1: b"x"}])
def test_pieces_that_cannot_be_are_refused(pieces: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="pieces"):
        Pieces(10, pieces)


def test_what_is_fetched_in_pieces_is_bounded() -> None:
    pieces = Pieces(10 * LARGEST, load=lambda begin, end: b"" if end else b"x" * begin)
    with pytest.raises(NoRangesError, match="48 MB"):
        pieces.want([(0, LARGEST + 1)])


def remote(web: Web, **more: object) -> Pieces:
    web.answers["/file"] = Answer(body=BODY, **more)  # type: ignore[arg-type]
    file = RemoteFile(file="a.whl", url=f"{web.url}/file", size=len(BODY))
    return remote_pieces(file, len(BODY), Sources(spec(stage("one", "a==1.0")), PipSettings(no_index=True)))


def test_a_server_is_asked_for_parts() -> None:
    with serving() as web:
        pieces = remote(web, ranges=True)
        pieces.seek(300_000)
        assert io.BufferedReader(pieces, 65_536).read(5) == BODY[300_000:300_005]
        assert web.asked == [("/file", "bytes=300000-365535")]


@pytest.mark.parametrize(
    "lie",
    [
        {"ranges": False},
        {"ranges": True, "part": f"bytes 0-65535/{len(BODY)}"},
        {"ranges": True, "part": "bytes 4-65539/99"},
        {"ranges": True, "part": "nonsense"},
        {"ranges": True, "short": 10},
        {"ranges": True, "short": 10, "promised": 65_536},
        {"status": 404},
        {"status": 403},
    ],
)
def test_other_bytes_than_those_that_were_asked_for_are_never_taken(lie: dict[str, object]) -> None:
    with serving() as web:
        pieces = remote(web, **lie)
        with pytest.raises(OutsideError):
            pieces.want([(4, 65_540)])
        assert not pieces.pieces


def test_a_file_of_another_size_than_the_locked_one_is_not_read() -> None:
    with serving() as web:
        web.answers["/file"] = Answer(body=BODY + b"more", ranges=True)
        wheel = File(file="a.whl", sha256="0" * 64, size=len(BODY))
        file = RemoteFile(file="a.whl", url=f"{web.url}/file")
        with pytest.raises(NoRangesError):
            remote_pieces(
                file, wheel.size, Sources(spec(stage("one", "a==1.0")), PipSettings(no_index=True))
            ).want([(0, 10)])
