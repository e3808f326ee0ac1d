"""Bases on musl: one file that is the C library under many names, and none of glibc's versions."""

import pathlib

import pytest

from envspec.proof.abi import binary, closure
from envspec.proof.abi.base import BaseFolder, NamedBase, RootBase
from envspec.proof.abi.binary import Binary
from envspec.proof.abi.closure import UndefinedSymbol
from envspec.proof.abi.judge import unread_findings
from envspec.proof.abi.packages import NO_SUITE, provider
from tests.envspec.abi.conftest import Compile

LOADER = "ld-musl-x86_64.so.1"


@pytest.fixture
def root(compile_shared: Compile, tmp_path: pathlib.Path) -> pathlib.Path:
    """A root file system whose C library has one function."""
    folder = tmp_path / "root" / "lib"
    folder.mkdir(parents=True)
    compile_shared(LOADER, "int speak(void) { return 1; }", "-nostdlib", folder=folder)
    return folder.parent


def module(compile_shared: Compile, calls: str, needed: str) -> Binary:
    """A module that calls a function of the C library, linked with that library by one of its names."""
    library = compile_shared(
        needed, f"int {calls}(void) {{ return 2; }}", "-nostdlib", f"-Wl,-soname,{needed}"
    )
    source = f"int {calls}(void); int PyInit_m(void) {{ return {calls}(); }}"
    built = compile_shared("m.so", source, "-nostdlib", str(library))
    return binary.read("m.so", built.read_bytes())


@pytest.mark.parametrize("needed", ["libc.musl-x86_64.so.1", "libc.so", LOADER, "libpthread.so.0"])
def test_the_loader_is_the_c_library_by_all_its_names(
    compile_shared: Compile, root: pathlib.Path, needed: str
) -> None:
    base = RootBase(root)
    assert base.musl is True
    assert closure.check_closure([module(compile_shared, "speak", needed)], base) == ()


def test_a_symbol_that_musl_lacks_is_found(compile_shared: Compile, root: pathlib.Path) -> None:
    (found,) = closure.check_closure(
        [module(compile_shared, "shout", "libc.musl-x86_64.so.1")], RootBase(root)
    )
    assert isinstance(found, UndefinedSymbol)
    assert found.symbol == "shout"


def test_what_was_made_for_glibc_lacks_no_version_on_musl(
    compile_shared: Compile, root: pathlib.Path
) -> None:
    source = (
        "void *memcpy(void *, const void *, unsigned long); int PyInit_m(void) { memcpy(0, 0, 9); return 0; }"
    )
    made = binary.read("m.so", compile_shared("m.so", source, "-fno-builtin").read_bytes())
    assert made.elf is not None
    assert any(version.startswith("GLIBC_") for _, version in made.elf.version_needs)
    found = closure.check_closure([made], RootBase(root))
    assert all(isinstance(each, UndefinedSymbol) for each in found), "musl knows no versions"


def test_musl_beside_glibc_is_glibc(root: pathlib.Path) -> None:
    (root / "lib" / "libc.so.6").write_bytes(b"")
    assert RootBase(root).musl is False


def test_a_root_without_a_c_library_says_nothing(tmp_path: pathlib.Path) -> None:
    assert RootBase(tmp_path).musl is None


def test_the_loader_is_told_where_to_look(root: pathlib.Path) -> None:
    for folder in ("opt/one", "usr/lib"):
        (root / folder).mkdir(parents=True)
        (root / folder / f"lib{folder[-3:]}.so.1").write_bytes(b"")
    assert RootBase(root).has("liblib.so.1") is True
    (root / "etc").mkdir()
    (root / "etc" / "ld-musl-x86_64.path").write_text("/lib\n/opt/one:/nowhere\n")
    told = RootBase(root)
    assert (told.has("libone.so.1"), told.has("liblib.so.1"), told.has("libc.so")) == (True, False, True)


def test_of_a_base_that_was_not_read_musl_itself_is_known(compile_shared: Compile) -> None:
    files = {"demo": [module(compile_shared, "speak", "libc.musl-x86_64.so.1")]}
    loader = NamedBase(musl=True)
    (finding,) = unread_findings(files, loader, BaseFolder(why="it is away"), NO_SUITE)
    assert finding.severity == "info"
    assert loader.has("libc.so.6") is True
    assert loader.has("libresolv.so.2") is None
    assert NamedBase(musl=True, complete=True).names() == frozenset()


def test_no_debian_package_is_named_for_a_base_that_takes_none() -> None:
    assert provider("libGL.so.1") == "libgl1"
    assert provider("libGL.so.1", suite=NO_SUITE) == ""
