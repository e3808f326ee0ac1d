"""Facts kept on disk: whole, found again, and never in the way."""

import concurrent.futures
import pathlib

import pytest

from envspec.supply.facts import FactStore, sha256_of
from envspec.system.errors import OutsideError

SHA = "0123456789abcdef" * 4


def test_facts_are_read_once(tmp_path: pathlib.Path) -> None:
    store, calls = FactStore(tmp_path), []

    def read() -> dict[str, int]:
        calls.append(1)
        return {"answer": 42}

    assert store.cached(SHA, "elf", 1, read) == {"answer": 42}
    assert store.cached(SHA, "elf", 1, read) == {"answer": 42}
    assert len(calls) == 1


def test_another_reader_or_version_knows_nothing_of_them(tmp_path: pathlib.Path) -> None:
    store = FactStore(tmp_path)
    store.put(SHA, "elf", 1, [1])
    assert store.get(SHA, "elf", 2) is None
    assert store.get(SHA, "imports", 1) is None
    assert store.get(SHA[::-1], "elf", 1) is None


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_broken_facts_count_as_unknown(tmp_path: pathlib.Path, damage: bytes | None) -> None:
    store = FactStore(tmp_path)
    store.put(SHA, "elf", 1, [1])
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-3] if damage is None else damage)
    assert store.get(SHA, "elf", 1) is None


def test_names_that_would_leave_the_folder_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="sha256"):
        FactStore(tmp_path).get("../" + SHA[3:], "elf", 1)
    with pytest.raises(ValueError, match="reader"):
        FactStore(tmp_path).get(SHA, "../elf", 1)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match="cannot be written"):
        FactStore(tmp_path / "file").put(SHA, "elf", 1, [1])


def test_many_writers_leave_one_whole_file(tmp_path: pathlib.Path) -> None:
    store, facts = FactStore(tmp_path), list(range(5000))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.put(SHA, "elf", 1, facts), range(40)))
    assert store.get(SHA, "elf", 1) == facts
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_the_digest_of_a_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_of(tmp_path / "x").startswith("ba7816bf8f01cfea")
