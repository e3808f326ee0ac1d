"""The reader of device code: what it sees, and what it survives."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.proof.abi.elf import ElfError, ElfReader
from envspec.proof.gpu import fatbin
from envspec.proof.gpu.fatbin import DeviceCode, read_device_code
from tests.support.fatbins import FAMILY, ONLY_THAT, PTX, container, elf, entry


def shown(code: DeviceCode) -> tuple[dict[str, int], dict[str, int]]:
    return {str(a): n for a, n in code.machine.items()}, {str(a): n for a, n in code.ptx.items()}


def test_kinds_architectures_and_suffixes_are_told() -> None:
    code = container(
        entry(80), entry(80), entry(90, flags=ONLY_THAT | 0x8011), entry(100, flags=FAMILY), entry(75, PTX)
    )
    found = read_device_code(elf(code + bytes(32) + container(entry(120))))
    assert shown(found) == ({"sm_80": 2, "sm_90a": 1, "sm_100f": 1, "sm_120": 1}, {"sm_75": 1})
    assert found.whole


def test_the_oldest_language_of_ptx_is_kept() -> None:
    code = container(entry(90, PTX, language=(8, 4)), entry(90, PTX, language=(7, 8)))
    assert list(read_device_code(elf(code)).language.values()) == [(7, 8)]


def test_a_file_without_the_section_has_none() -> None:
    assert not read_device_code(elf())


def test_what_is_kept_is_what_was_read() -> None:
    found = read_device_code(elf(container(entry(90), entry(75, PTX), entry(80, kind=8))))
    assert found.other == 1
    assert fatbin.from_json(fatbin.as_json(found)) == found


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (container(entry(80), size=1 << 40), "reaches beyond its section"),
        (container(entry(80, size=1 << 60)), "reaches beyond its container"),
        (container(entry(80), entry(90)[:20]), "an entry of device code is cut off"),
        (container(entry(80))[:10], "a container of device code is cut off"),
        (container()[:4] + struct.pack("<HHQ", 7, 16, 0), "a form that nobody knows"),
    ],
)
def test_what_makes_no_sense_is_a_problem_beside_what_does(code: bytes, said: str) -> None:
    found = read_device_code(elf(container(entry(75)) + code))
    assert said in found.problem
    assert not found.whole
    assert "sm_75" in shown(found)[0]


def test_kinds_flags_and_numbers_that_nobody_knows_are_counted() -> None:
    code = container(entry(80, kind=77), entry(7), entry(90, flags=ONLY_THAT | FAMILY), entry(80))
    found = read_device_code(elf(code))
    assert (found.other, found.whole) == (3, False)


def test_a_million_entries_end_soon() -> None:
    found = read_device_code(elf(container(entry(80, payload=b"") * 1_000_000)))
    assert "more than 300000 entries" in found.problem
    assert sum(found.machine.values()) == 300_000


def test_a_section_outside_of_the_file_is_told() -> None:
    data = bytearray(elf(container(entry(80))))
    at = struct.unpack_from("<Q", data, 40)[0] + 64 + 24
    struct.pack_into("<Q", data, at, 1 << 40)
    with pytest.raises(ElfError, match="a section lies outside"):
        ElfReader(bytes(data)).section(".nv_fatbin")
    assert "outside" in read_device_code(bytes(data)).problem


@given(st.binary(max_size=400))
def test_any_section_is_read(code: bytes) -> None:
    assert read_device_code(elf(code)) is not None


@given(st.data())
def test_damage_is_survived(data: st.DataObject) -> None:
    whole = elf(container(entry(80), entry(90, PTX)) + container(entry(100)), needs=["libcudart.so.12"])
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    found = read_device_code(cut)
    assert all(number > 0 for number in found.machine.values())
    with contextlib.suppress(ElfError):
        ElfReader(cut).section(".rodata")
