"""Libraries of CUDA that stand in a file as texts."""

import contextlib
import pathlib
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envspec.proof.abi import binary, elf
from tests.envspec.abi.conftest import Compile

SOURCE = """
const char *tries[] = {"libcublas.so.12", "libcudnn_graph.so.9", "libcuda.so.1", "libGL.so.1"};
const char *said = "Library libcufft.so.11 is not found";
__attribute__((section(".nv_fatbin"))) const char device[] = "\\0libnvrtc.so.12";
int PyInit_fast(void) { return 1; }
"""


@pytest.fixture(scope="module")
def opener(compile_shared: Compile) -> pathlib.Path:
    return compile_shared("fast.so", SOURCE)


def test_names_are_found_in_data_and_nowhere_else(opener: pathlib.Path) -> None:
    found = binary.read("fast.so", opener.read_bytes())
    assert found.opens == ("libcublas.so.12", "libcudnn_graph.so.9")
    assert binary.from_json(binary.as_json((found,))) == (found,)


def test_a_file_without_section_headers_is_read_by_its_segments(opener: pathlib.Path) -> None:
    data = bytearray(opener.read_bytes())
    data[40:48], data[60:62] = bytes(8), bytes(2)
    assert {"libcublas.so.12", "libcudnn_graph.so.9"} <= set(binary.read("fast.so", bytes(data)).opens)


def test_what_a_file_links_is_not_said_twice(compile_shared: Compile) -> None:
    blas = compile_shared("libcublas.so.12", "int blas(void) { return 1; }", "-Wl,-soname,libcublas.so.12")
    linked = compile_shared(
        "linked.so",
        'int blas(void); const char *n = "libcublas.so.12"; int f(void) { return blas(); }',
        str(blas),
    )
    assert binary.read("linked.so", linked.read_bytes()).opens == ()


@settings(max_examples=200, deadline=2000)
@given(data=st.data())
def test_any_damage_of_the_section_table_is_survived(opener: pathlib.Path, data: st.DataObject) -> None:
    raw = bytearray(opener.read_bytes())
    table = int.from_bytes(raw[40:48], "little")
    places = st.one_of(st.integers(40, 63), st.integers(table, len(raw) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        raw[place] = value
    with contextlib.suppress(elf.ElfError):
        for place, size in elf.ElfReader(bytes(raw)).texts:
            assert 0 <= place <= place + size <= len(raw)


def test_strip_keeps_the_names(opener: pathlib.Path, tmp_path: pathlib.Path) -> None:
    stripped = tmp_path / "stripped.so"
    subprocess.run(["strip", "-o", stripped, opener], check=True, timeout=60)
    assert binary.read("fast.so", stripped.read_bytes()).opens == ("libcublas.so.12", "libcudnn_graph.so.9")


def test_a_bundled_front_of_cudnn_opens_its_parts_by_its_own_number(
    compile_shared: Compile, tmp_path: pathlib.Path
) -> None:
    script = tmp_path / "versions"
    script.write_text("libcudnn.so.9 { global: cudnn*; };")
    source = 'const char *part = "libcudnn_graph.so"; int cudnnCreate(void) { return part[0]; }'
    front = compile_shared("libcudnn-1a2b.so.9.1.0", source, f"-Wl,--version-script={script}")
    assert binary.read("x.libs/libcudnn-1a2b.so.9.1.0", front.read_bytes()).opens == ("libcudnn_graph.so.9",)
