"""The ELF reader against an independent one, and against damage."""

import contextlib
import mmap
import pathlib
import subprocess
import sys

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import StringTableSection, SymbolTableSection
from hypothesis import given, settings
from hypothesis import strategies as st

from envspec.proof.abi import elf
from tests.envspec.abi.conftest import Compile

SOURCE = """
#include <math.h>
#include <stdio.h>
extern int elsewhere(int);
extern int perhaps(int) __attribute__((weak));
__attribute__((visibility("hidden"))) int secret(void) { return 1; }
int offered(double x) { return (int)sin(x) + elsewhere(3) + secret() + (perhaps ? perhaps(1) : 0); }
void *PyInit__fast(void) { puts("x"); return 0; }
"""


@pytest.fixture(scope="module")
def shared(compile_shared: Compile) -> pathlib.Path:
    return compile_shared(
        "lib_fast.so", SOURCE, "-Wl,-soname,lib_fast.so.1", "-Wl,-rpath,$ORIGIN/../x.libs:/opt/lib", "-lm"
    )


def test_facts_of_a_shared_library(shared: pathlib.Path) -> None:
    facts = elf.read_elf(shared.read_bytes())
    assert facts.soname == "lib_fast.so.1"
    assert {"libm.so.6", "libc.so.6"} <= set(facts.needed)
    assert facts.runpath + facts.rpath == ("$ORIGIN/../x.libs", "/opt/lib")
    assert facts.python_inits == ("_fast",)
    assert {symbol.name for symbol in facts.defined} == {"offered", "PyInit__fast"}
    undefined = {symbol.name: symbol for symbol in facts.undefined}
    assert undefined["elsewhere"].version == ""
    assert undefined["perhaps"].weak
    assert undefined["sin"].version.startswith("GLIBC_2.")
    assert undefined["sin"].library == "libm.so.6"
    assert any(library == "libc.so.6" for library, _ in facts.version_needs)


def test_a_library_without_exports_keeps_its_undefined_names(compile_shared: Compile) -> None:
    """Its hash table is empty, so that the number of symbols stands elsewhere."""
    file = compile_shared("user.so", "extern int elsewhere(void); static int f(void) { return elsewhere(); }"
                          " __attribute__((constructor)) static void g(void) { f(); }")  # fmt: skip
    assert "elsewhere" in {symbol.name for symbol in elf.read_elf(file.read_bytes()).undefined}


def test_versions_that_a_library_defines(compile_shared: Compile, tmp_path: pathlib.Path) -> None:
    script = tmp_path / "versions"
    script.write_text("API_1 { global: old; local: *; }; API_2 { global: fresh; } API_1;")
    file = compile_shared(
        "libv.so", "int old(void){return 1;} int fresh(void){return 2;}", f"-Wl,--version-script={script}"
    )
    facts = elf.read_elf(file.read_bytes())
    assert facts.version_definitions == ("API_1", "API_2")
    assert {(s.name, s.version) for s in facts.defined} == {
        ("old", "API_1"), ("fresh", "API_2"), ("API_1", "API_1"), ("API_2", "API_2"),
    }  # fmt: skip


@pytest.mark.parametrize(("flag", "level"), [("x86-64-v2", 2), ("x86-64-v3", 3)])
def test_the_processor_level_that_a_file_says_it_needs(
    compile_shared: Compile, flag: str, level: int
) -> None:
    file = compile_shared("level.so", "int f(void){return 1;}", f"-Wl,-z,{flag}")
    assert elf.read_elf(file.read_bytes()).cpu_level == level


def real_files() -> list[pathlib.Path]:
    import numpy as np

    libraries = sorted(pathlib.Path(np.__file__).parent.rglob("*.so"))
    system = [
        p for name in ("libc.so.6", "libm.so.6", "libstdc++.so.6") for p in pathlib.Path("/lib").rglob(name)
    ]
    return [*libraries[:6], *system[:4], pathlib.Path(sys.executable).resolve()]


@pytest.mark.parametrize("file", real_files(), ids=lambda file: file.name)
def test_an_independent_reader_agrees(file: pathlib.Path) -> None:
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        ours = elf.read_elf(mapped)
        other = ELFFile(stream)
        segment = next(s for s in other.iter_segments() if isinstance(s, DynamicSegment))
        tags = list(segment.iter_tags())
        names, dynamic = other.get_section_by_name(".dynstr"), other.get_section_by_name(".dynsym")
        assert isinstance(names, StringTableSection)
        assert isinstance(dynamic, SymbolTableSection)
        told = [(t.entry.d_tag, t.entry.d_val) for t in tags]
        assert list(ours.needed) == [names.get_string(at) for tag, at in told if tag == "DT_NEEDED"]
        assert ours.soname == next((names.get_string(at) for tag, at in told if tag == "DT_SONAME"), "")
        visible = [
            s for s in dynamic.iter_symbols()
            if s.name and s["st_info"]["bind"] != "STB_LOCAL"
            and s["st_other"]["visibility"] in ("STV_DEFAULT", "STV_PROTECTED")
        ]  # fmt: skip
        assert [s.name for s in ours.undefined] == [s.name for s in visible if s["st_shndx"] == "SHN_UNDEF"]
        assert [s.name for s in ours.defined] == [s.name for s in visible if s["st_shndx"] != "SHN_UNDEF"]
        needs = [s for s in other.iter_sections() if isinstance(s, GNUVerNeedSection)]
        assert sorted(ours.version_needs) == sorted(
            (library.name, version.name) for s in needs for library, versions in s.iter_versions()
            for version in versions if not version["vna_flags"] & 2
        )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "too short"), (b"x" * 100, "no ELF magic"), (b"\x7fELF\x01\x01" + bytes(90), "64-bit")],
)
def test_what_is_no_elf_file_says_why(data: bytes, why: str) -> None:
    with pytest.raises(elf.ElfError, match=why):
        elf.read_elf(data)


def test_a_file_that_is_cut_off_says_so(shared: pathlib.Path) -> None:
    with pytest.raises(elf.ElfError, match="cut off"):
        elf.read_elf(shared.read_bytes()[:4096])


@settings(max_examples=400, deadline=2000)
@given(data=st.data())
def test_any_damage_is_a_typed_error(shared: pathlib.Path, data: st.DataObject) -> None:
    raw = bytearray(shared.read_bytes())
    places = st.one_of(st.integers(0, 1023), st.integers(0, len(raw) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=16)):
        raw[place] = value
    with contextlib.suppress(elf.ElfError):
        facts = elf.read_elf(bytes(raw))
        assert isinstance(facts.needed, tuple)


@settings(max_examples=100, deadline=2000)
@given(st.binary(min_size=64, max_size=800))
def test_any_bytes_behind_the_magic_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(elf.ElfError):
        elf.read_elf(b"\x7fELF\x02\x01\x01" + data)


def test_the_reader_stays_within_the_file_that_it_is_given() -> None:
    """A table that announces four thousand million entries costs no memory."""
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))\n"
        "from envspec.proof.abi import elf\n"
        "raw = bytearray(open(sys.argv[1], 'rb').read())\n"
        "for place in range(0, min(len(raw), 3000), 8):\n"
        "    damaged = raw[:]; damaged[place:place + 8] = b'\\xff' * 8\n"
        "    try: elf.read_elf(bytes(damaged))\n"
        "    except elf.ElfError: pass\n"
    )
    import numpy as np

    file = min(pathlib.Path(np.__file__).parent.rglob("*.so"), key=lambda p: p.stat().st_size)
    done = subprocess.run([sys.executable, "-c", program, file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
