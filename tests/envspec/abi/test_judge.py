"""The verdict on the compiled files of a set."""

import dataclasses
import pathlib

import pytest

from envspec.proof.abi.base import BaseFolder, NamedBase, RootBase
from envspec.proof.abi.binary import Binary
from envspec.proof.abi.elf import Elf, Symbol
from envspec.proof.abi.judge import judge_compiled, unread_findings
from envspec.proof.abi.numpy import NumpyFacts
from envspec.proof.abi.structs import StructNeed
from envspec.system.finding import Finding, Severity

BASE = NamedBase(complete=True)


def elf(
    *,
    soname: str = "",
    module: str = "",
    needed: tuple[str, ...] = (),
    runpath: tuple[str, ...] = (),
    version_needs: tuple[tuple[str, str], ...] = (),
) -> Elf:
    """A file that asks for nothing and offers nothing, but for what is given."""
    defined = [Symbol(name=f"PyInit_{module}", version="", library="", weak=False)] if module else []
    return Elf(
        machine="x86_64", soname=soname, needed=needed, rpath=(), runpath=runpath, defined=tuple(defined),
        undefined=(), version_needs=version_needs, version_definitions=(), cpu_level=1,
    )  # fmt: skip


def test_all_modules_of_a_package_make_one_finding() -> None:
    old = NumpyFacts(headers=1, oldest="1.20")
    files = [Binary(path=f"demo/m{n}.so", elf=elf(), numpy=old) for n in range(5)]
    found = judge_compiled({"demo": files}, {"demo": "1.0", "numpy": "2.0.2"}, BASE)
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("EV120", Severity.ERROR)
    assert "numpy<2" in finding.hint
    assert set(found.broken) == {f"demo.m{n}" for n in range(5)}


def test_a_numpy_that_fits_or_none_at_all_is_no_finding() -> None:
    files = {"demo": [Binary(path="demo/m.so", elf=elf(), numpy=NumpyFacts(headers=1, oldest="1.20"))]}
    assert judge_compiled(files, {"demo": "1.0", "numpy": "1.26.4"}, BASE).findings == ()
    assert judge_compiled(files, {"demo": "1.0"}, BASE).findings == ()


def test_facts_of_a_library_count_for_the_modules_that_load_it() -> None:
    files = [
        Binary(path="demo/lib.so", elf=elf(needed=("libdeep.so.1",), runpath=("$ORIGIN",))),
        Binary(path="demo/libdeep.so.1", elf=elf(soname="libdeep.so.1"), numpy=NumpyFacts(headers=1)),
    ]
    assert "demo.lib" in judge_compiled({"demo": files}, {"demo": "1.0", "numpy": "2.2.6"}, BASE).broken


def test_a_struct_that_shrank() -> None:
    need = StructNeed(module="greenlet", name="greenlet", size=152)
    files = {
        "gevent": [Binary(path="gevent/x.so", elf=elf(), needs=(need,))],
        "greenlet": [Binary(path="greenlet/y.so", elf=elf(), provides={"greenlet.greenlet": 40})],
    }
    versions = {"gevent": "20.9.0", "greenlet": "2.0.2"}
    (finding,) = judge_compiled(files, versions, BASE).findings
    assert finding.rule == "EV121"
    assert "152" in finding.message
    assert "greenlet 2.0.2 has one of 40" in finding.message
    files["greenlet"] = [Binary(path="greenlet/y.so", elf=elf(), provides={"greenlet.greenlet": 160})]
    assert judge_compiled(files, versions, BASE).findings == ()


def test_a_missing_library_names_the_package_to_install() -> None:
    needed = ("libGL.so.1", "libgthread-2.0.so.0", "libglib-2.0.so.0")
    files = {"demo": [Binary(path=f"demo/{m}.so", elf=elf(needed=needed, module=m)) for m in "mn"]}
    found = judge_compiled(files, {"demo": "1.0"}, BASE, suite="bookworm")
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("EV130", Severity.WARNING)
    assert finding.hint == '[base] apt = ["libgl1", "libglib2.0-0"] brings them'
    assert set(found.broken) == {"demo.m", "demo.n"}
    assert found.hints == {finding.message: finding.hint}


def test_a_library_that_only_a_plugin_lacks_does_not_count() -> None:
    files = {"demo": [Binary(path="demo/plugins/libshow.so", elf=elf(needed=("libX11.so.6",)))]}
    (finding,) = judge_compiled(files, {"demo": "1.0"}, BASE).findings
    assert (finding.rule, finding.severity) == ("EV130", Severity.INFO)


@pytest.mark.parametrize("there", ["", "libavutil.so.57"])
def test_files_for_several_versions_of_a_library_want_one_of_them(there: str) -> None:
    files = [
        Binary(path=f"demo/libcore{n}.so", elf=elf(needed=(f"libavutil.so.{n + 52}",))) for n in (4, 5, 6)
    ]
    base = NamedBase(complete=True, sonames=frozenset({there}))
    found = judge_compiled({"demo": files}, {"demo": "1.0"}, base, suite="bookworm").findings
    if there:
        assert found == ()
        return
    (finding,) = found
    assert finding.severity == Severity.WARNING
    assert "one of libavutil.so.56, libavutil.so.57, libavutil.so.58" in finding.message
    assert "libavutil57" in finding.hint


def unread(base: BaseFolder, *needed: str) -> list[Finding]:
    files = {"demo": [Binary(path="demo/m.so", elf=elf(needed=needed))]}
    loader = NamedBase() if base.root is None else RootBase(base.root, complete=base.complete)
    return list(unread_findings(files, loader, base, "bookworm"))


def test_a_base_that_nobody_could_read_never_looks_like_a_pass(tmp_path: pathlib.Path) -> None:
    away = BaseFolder(why="the registry is away")
    (finding,) = unread(away, "libGL.so.1", "libstdc++.so.6", "libc.so.6")
    assert (finding.rule, finding.severity) == ("EV134", Severity.WARNING)
    assert "libGL.so.1 (demo)" in finding.message
    assert "libstdc++" not in finding.message
    assert "the registry is away" in finding.message
    assert "libgl1" in finding.hint
    assert "--fresh" in finding.hint
    (finding,) = unread(away, "libstdc++.so.6")
    assert finding.severity == Severity.INFO
    (finding,) = unread(BaseFolder(root=tmp_path, complete=False), "libGL.so.1")
    assert "[base] apt" in finding.message
    assert "--fresh" not in finding.hint, "reading it again would tell no more"
    assert unread(BaseFolder(root=tmp_path), "libGL.so.1") == []


def test_a_base_that_is_too_old_and_a_file_that_is_broken() -> None:
    files = {
        "demo": [
            Binary(path="demo/m.so", elf=elf(version_needs=(("libc.so.6", "GLIBC_2.38"),))),
            Binary(path="demo/cut.so", problem="the file is cut off"),
        ]
    }
    base = NamedBase(complete=True, versions={"GLIBC": "2.36"})
    rules = {finding.rule: finding for finding in judge_compiled(files, {"demo": "1.0"}, base).findings}
    assert "2.36" in rules["EV131"].message
    assert "cut off" in rules["EV133"].message


def test_libraries_that_packages_do_without_weigh_nothing_and_the_driver_s_are_never_missing() -> None:
    files = [
        Binary(path="demo/pool.so", elf=elf(needed=("libtbb.so.12",), module="pool")),
        Binary(path="demo/gpu.so", elf=elf(needed=("libcuda.so.1",), module="gpu")),
    ]
    found = judge_compiled({"demo": files}, {"demo": "1.0"}, BASE)
    (finding,) = found.findings
    assert (finding.rule, finding.severity, finding.where) == ("EV130", Severity.INFO, "demo/pool.so")
    assert set(found.broken) == {"demo.pool"}
    away = BaseFolder(why="it is away")
    (unread,) = unread_findings({"demo": files[1:]}, NamedBase(), away, "bookworm")
    assert unread.severity == Severity.INFO


def test_names_of_the_driver_are_defined_by_it() -> None:
    def using(name: str) -> Elf:
        return dataclasses.replace(
            elf(needed=("libcuda.so.1",), module="gpu"),
            undefined=(Symbol(name=name, version="", library="", weak=False),),
        )

    base = RootBase(pathlib.Path("/"))
    for name, rules in (("cuLaunchKernel", []), ("surely_not_there", ["EV132"])):
        files = {"demo": [Binary(path="demo/gpu.so", elf=using(name))]}
        assert [found.rule for found in judge_compiled(files, {"demo": "1.0"}, base).findings] == rules


def test_a_symbol_that_one_library_lacks_names_both_packages() -> None:
    bound = Symbol(name="jit_4", version="libjit.so.12", library="libjit.so.12", weak=False)
    other = Symbol(name="jit_1", version="libjit.so.12", library="", weak=False)
    sparse = dataclasses.replace(elf(module="c", needed=("libjit.so.12",)), undefined=(bound,))
    jit = dataclasses.replace(
        elf(soname="libjit.so.12"), defined=(other,), version_definitions=("libjit.so.12",)
    )
    files = {
        "sparse": [Binary(path="sparse/c.so", elf=sparse)],
        "jit": [Binary(path="jit/libjit.so.12", elf=jit)],
    }
    (finding,) = judge_compiled(files, {"sparse": "12.3", "jit": "12.1"}, NamedBase()).findings
    assert finding.rule == "EV132"
    assert finding.message == "sparse 12.3 uses jit_4 of libjit.so.12, which jit 12.1 has without it"
    assert "pin the jit" in finding.hint
