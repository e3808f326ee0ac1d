"""The table of the standard library, held against every Python that this machine has."""

from __future__ import annotations

import json
import subprocess
import sys

import findpython
import pytest

from envspec.proof.stdlib import Stdlib, lost_names, older, table, was_ever_standard


def check(python: str, version: str) -> None:
    """Hold the table against what an interpreter counts as its standard library, on whatever system."""
    script = "import json, sys; print(json.dumps(sorted(sys.stdlib_module_names)))"
    done = subprocess.run(
        [python, "-I", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    said = set(json.loads(done.stdout))
    stdlib = Stdlib(version)
    tops = {name for name in stdlib.modules if "." not in name}
    assert stdlib.exact
    assert said - tops == said & table.WINDOWS
    assert [name for name in tops - said if not table.OWN_TESTS.fullmatch(name)] == []


def test_the_table_is_what_this_python_says_of_itself() -> None:
    check(sys.executable, "{}.{}".format(*sys.version_info))


def test_the_table_is_what_every_other_python_here_says_of_itself() -> None:
    found = {f"{each.major}.{each.minor}": str(each.executable) for each in findpython.find_all()}
    for version in table.versions()[table.versions().index("3.10") :]:  # the first that knows its library
        if version in found:
            check(found[version], version)


def test_no_module_goes_and_comes_back() -> None:
    """One that is absent between two Pythons that have it was lost by an interpreter, not by Python."""
    there = [Stdlib(version).modules for version in table.versions()]
    for number in range(1, len(there) - 1):
        before, after = frozenset().union(*there[:number]), frozenset().union(*there[number + 1 :])
        back = (before & after) - there[number]
        assert [name for name in back if not table.OWN_TESTS.fullmatch(name)] == []


def test_a_name_is_lost_only_where_a_python_had_it_and_the_last_has_not() -> None:
    kept = {f"{module}.{name}" for module, names in older.LOST.items() for name in names}
    for name in (name for names in lost_names().values() for name in names):
        parent, _, last = name.rpartition(".")
        with_parent = [Stdlib(version) for version in table.versions() if Stdlib(version).has(parent)]
        assert with_parent[-1].names(parent) is None or last not in (with_parent[-1].names(parent) or ())
        assert not with_parent[-1].has(name)
        if name not in kept:
            assert with_parent[-1].once_had(parent, last) or any(
                Stdlib(version).has(name) for version in table.versions()
            )


def test_what_is_written_by_hand_is_not_generated_as_well() -> None:
    generated = set(table.generated_losses())
    assert not [
        name for module, names in older.LOST.items() for name in names if f"{module}.{name}" in generated
    ]


@pytest.mark.parametrize(
    "name",
    ["inspect.getargspec", "collections.Mapping", "time.clock", "asyncio.coroutine",
     "ssl.wrap_socket", "urllib.request.URLopener", "importlib.find_loader", "typing._ForwardRef"],
)  # fmt: skip
def test_names_that_packages_still_use_are_known_to_be_lost(name: str) -> None:
    assert name in lost_names()[name.partition(".")[0]]


@pytest.mark.parametrize(
    "name",
    ["collections.OrderedDict", "typing.ByteString", "xml.etree.cElementTree", "json.encoder.i"],
)
def test_names_that_are_there_or_were_never_meant_are_not(name: str) -> None:
    assert name not in lost_names().get(name.partition(".")[0], ())


def test_names_of_the_standard_library_are_known_whatever_the_version() -> None:
    modules = (
        "exceptions",
        "distutils",
        "pipes",
        "macurl2path",
        "tomllib",
        "annotationlib",
        "json",
        "winreg",
    )
    assert all(map(was_ever_standard, modules))
    assert not any(map(was_ever_standard, ("numpy", "pip", "setuptools", "test")))
