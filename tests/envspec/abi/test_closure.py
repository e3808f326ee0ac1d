"""The loader's view of compiled files, on libraries compiled here."""

import dataclasses
import pathlib
import subprocess

import pytest

from envspec.proof.abi import binary, closure
from envspec.proof.abi.base import NamedBase, RootBase
from envspec.proof.abi.binary import Binary
from tests.envspec.abi.conftest import Compile

HERE = RootBase(pathlib.Path("/"))


@dataclasses.dataclass(frozen=True)
class Site:
    """A folder that stands for site-packages; called, it compiles a file into it."""

    root: pathlib.Path
    compile_shared: Compile

    def __call__(self, path: str, source: str, *flags: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self.compile_shared(target.name, source, *flags, folder=target.parent)


@pytest.fixture
def site(compile_shared: Compile, tmp_path: pathlib.Path) -> Site:
    return Site(tmp_path, compile_shared)


def files(root: pathlib.Path) -> list[Binary]:
    return [
        binary.read(str(p.relative_to(root)), p.read_bytes())
        for p in sorted(root.rglob("*.so*"))
        if p.suffix != ".c"
    ]


def library(site: Site, path: str, source: str, *flags: str) -> str:
    """Compile a library and return the words that link against it."""
    site(path, source, f"-Wl,-soname,{pathlib.Path(path).name}", *flags)
    return str(site.root / path)


def test_libraries_of_the_same_wheel_are_found_through_origin(site: Site) -> None:
    deep = library(site, "demo.libs/libdeep.so.1", "int deep(void) { return 1; }")
    site(
        "demo/_fast.so",
        "int deep(void); int PyInit__fast(void) { return deep(); }",
        deep,
        "-Wl,-rpath,$ORIGIN/../demo.libs",
    )
    assert closure.check_closure(files(site.root), HERE) == ()


def test_a_missing_library_comes_with_its_chain(site: Site) -> None:
    gone = library(site, "gone/libgone.so.7", "int gone(void) { return 1; }")
    middle = library(site, "demo/libmiddle.so", "int gone(void); int middle(void) { return gone(); }", gone)
    site(
        "demo/_fast.so",
        "int middle(void); int PyInit__fast(void) { return middle(); }",
        middle,
        "-Wl,-rpath,$ORIGIN",
    )
    pathlib.Path(gone).unlink()
    assert closure.check_closure(files(site.root), HERE) == (
        closure.MissingLibrary(
            file="demo/_fast.so", library="libgone.so.7", chain=("demo/_fast.so", "demo/libmiddle.so")
        ),
    )


def test_a_library_that_only_may_be_there_is_no_finding(site: Site) -> None:
    gone = library(site, "gone/libgone.so.7", "int gone(void) { return 1; }")
    site("demo/_fast.so", "int gone(void); int PyInit__fast(void) { return gone(); }", gone)
    pathlib.Path(gone).unlink()
    unknown, known = NamedBase(), NamedBase(complete=True)
    assert closure.check_closure(files(site.root), unknown) == ()
    (missing,) = closure.check_closure(files(site.root), known)
    assert isinstance(missing, closure.MissingLibrary)
    assert missing.library == "libgone.so.7"
    assert (
        closure.check_closure(files(site.root), NamedBase(complete=True, sonames=frozenset({"libgone.so.7"})))
        == ()
    )


def test_a_symbol_that_the_other_wheel_no_longer_defines(site: Site) -> None:
    """A torch extension against another torch, in small."""
    torch = library(
        site, "torch/lib/libtorch.so", "int stays(void) { return 1; } int goes(void) { return 2; }"
    )
    site(
        "ext/_c.so",
        "int stays(void); int goes(void); int PyInit__c(void) { return stays() + goes(); }",
        torch,
    )
    assert closure.check_closure(files(site.root), HERE) == ()
    library(site, "torch/lib/libtorch.so", "int stays(void) { return 1; }")
    assert closure.check_closure(files(site.root), HERE) == (
        closure.UndefinedSymbol(file="ext/_c.so", symbol="goes", user="ext/_c.so"),
    )


def test_names_of_the_interpreter_and_weak_names_are_no_problem(site: Site) -> None:
    site(
        "demo.so",
        "#include <math.h>\nint PyLong_FromLong(long); int perhaps(void) __attribute__((weak));"
        "int PyInit_demo(double x) { return PyLong_FromLong(1)"
        " + (perhaps ? perhaps() : 0) + (int) sin(x); }",
    )
    assert closure.check_closure(files(site.root), HERE) == ()


def test_a_name_that_another_file_may_have_loaded_before_is_left_open(site: Site) -> None:
    site("one/provider.so", "int shared_name(void) { return 1; } int PyInit_provider(void) { return 1; }")
    site("two/user.so", "int shared_name(void); int PyInit_user(void) { return shared_name(); }")
    assert closure.check_closure(files(site.root), HERE) == ()


def test_a_c_library_that_is_too_old(site: Site) -> None:
    site("demo.so", '#include <stdio.h>\nint PyInit_demo(void) { return puts("x"); }')
    old = NamedBase(versions={"GLIBC": "2.1"})
    (problem,) = closure.check_closure(files(site.root), old)
    assert isinstance(problem, closure.TooOld)
    assert (problem.library, problem.newest) == ("libc.so.6", "2.1")
    assert problem.version.startswith("GLIBC_2.")
    assert closure.check_closure(files(site.root), NamedBase(versions={"GLIBC": "2.99"})) == ()


def test_a_version_that_the_system_library_does_not_define(site: Site, tmp_path: pathlib.Path) -> None:
    script = tmp_path / "versions.map"
    script.write_text("API_1 { global: name; local: *; };")
    versioned = library(
        site, "root/usr/lib/libv.so.1", "int name(void) { return 1; }", f"-Wl,--version-script={script}"
    )
    site("site/demo.so", "int name(void); int PyInit_demo(void) { return name(); }", versioned, "-nostdlib")
    script.write_text("API_2 { global: name; local: *; };")
    library(site, "root/usr/lib/libv.so.1", "int name(void) { return 1; }", f"-Wl,--version-script={script}")
    found = closure.check_closure(files(site.root / "site"), RootBase(site.root / "root"))
    assert [(p.library, p.version) for p in found if isinstance(p, closure.TooOld)] == [
        ("libv.so.1", "API_1")
    ]


def test_files_for_another_machine_and_broken_ones_are_unloadable(site: Site) -> None:
    site("demo.so", "int PyInit_demo(void) { return 1; }")
    raw = bytearray((site.root / "demo.so").read_bytes())
    raw[18:20] = (183).to_bytes(2, "little")
    found = closure.check_closure(
        [binary.read("arm.so", bytes(raw)), binary.read("cut.so", bytes(raw[:4096]))], HERE
    )
    why = {p.file: p.why.split(",")[0] for p in found if isinstance(p, closure.Unloadable)}
    assert why.keys() == {"arm.so", "cut.so"}
    assert why["arm.so"] == "it is made for aarch64"


def test_links_of_a_root_folder_stay_inside(tmp_path: pathlib.Path) -> None:
    libraries = tmp_path / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    (tmp_path / "lib").symlink_to("/usr/lib")
    (libraries / "libc.so.6").symlink_to("/lib/x86_64-linux-gnu/../../../../../../etc/passwd")
    (libraries / "loop.so").symlink_to("loop.so")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ld.so.conf").write_text("include /etc/ld.so.conf.d/*.conf\n/opt/libs\n")
    (tmp_path / "opt/libs").mkdir(parents=True)
    (tmp_path / "opt/libs/libopt.so.1").write_bytes(b"")
    base = RootBase(tmp_path)
    assert base.has("libc.so.6")
    assert base.has("libopt.so.1")
    assert base.library("libc.so.6") is None
    assert base.library("loop.so") is None
    assert base.library("libopt.so.1") is None
    assert base.newest("GLIBC") == ""


def test_this_machine_knows_its_own_c_library() -> None:
    """The machine's, which a Python that brings its own cannot be asked for."""
    said = subprocess.check_output(["getconf", "GNU_LIBC_VERSION"], text=True)
    assert said == f"glibc {HERE.newest('GLIBC')}\n"


def test_a_version_that_a_library_of_the_set_lacks_needs_no_base_to_be_missing(site: Site) -> None:
    """As libcusparse binds names of libnvJitLink, which its older releases have not."""
    script = site.root / "versions"
    script.write_text("libjit.so.12 { global: jit_*; };")
    flags = (f"-Wl,--version-script={script}",)
    jit = library(
        site, "jit/libjit.so.12", "int jit_4(void) { return 1; } int jit_1(void) { return 1; }", *flags
    )
    site("sparse/_c.so", "int jit_4(void); int PyInit__c(void) { return jit_4(); }", jit)
    assert closure.check_closure(files(site.root), NamedBase()) == ()
    library(site, "jit/libjit.so.12", "int jit_1(void) { return 1; }", *flags)
    assert closure.check_closure(files(site.root), NamedBase()) == (
        closure.UndefinedSymbol(
            file="sparse/_c.so", symbol="jit_4@libjit.so.12", user="sparse/_c.so", library="jit/libjit.so.12"
        ),
    )


def test_a_library_of_which_the_name_is_known_may_define_what_is_called_like_it(site: Site) -> None:
    cuda = library(site, "nvidia/cublas/lib/libcublas.so.12", "int cublasCreate(void) { return 1; }")
    site("demo/_fast.so", "int cublasCreate(void); int PyInit__fast(void) { return cublasCreate(); }", cuda)
    site("demo/_late.so", "int cublasGemm(void); int PyInit__late(void) { return cublasGemm(); }")
    site("demo/_bad.so", "int torchy(void); int PyInit__bad(void) { return torchy(); }", cuda)
    site("nvidia/cublas/lib/libown.so.12", "int any(void); int own(void) { return any(); }")
    known = [
        binary.by_name(each.path, (site.root / each.path).read_bytes()[:64])
        if each.path.endswith("libcublas.so.12")
        else each
        for each in files(site.root)
    ]
    problems = closure.check_closure(known, HERE)
    assert [(each.file, getattr(each, "symbol", "")) for each in problems] == [("demo/_bad.so", "torchy")]
