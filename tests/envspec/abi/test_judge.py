"""The verdict on the compiled files of a set."""

from envspec.proof.abi.base import NamedBase
from envspec.proof.abi.binary import Binary
from envspec.proof.abi.elf import Elf
from envspec.proof.abi.judge import judge_compiled
from envspec.proof.abi.numpy import NumpyFacts
from envspec.proof.abi.structs import StructNeed
from envspec.system.finding import Severity

BASE = NamedBase(complete=True)


def elf(
    *,
    soname: str = "",
    needed: tuple[str, ...] = (),
    runpath: tuple[str, ...] = (),
    version_needs: tuple[tuple[str, str], ...] = (),
) -> Elf:
    """A file that asks for nothing and offers nothing, but for what is given."""
    return Elf(
        machine="x86_64", soname=soname, needed=needed, rpath=(), runpath=runpath, defined=(),
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
    files = {"demo": [Binary(path="demo/m.so", elf=elf(needed=("libGL.so.1",)))]}
    found = judge_compiled(files, {"demo": "1.0"}, BASE, suite="bookworm")
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("EV130", Severity.WARNING)
    assert "libgl1" in finding.hint
    assert "demo.m" in found.broken


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
