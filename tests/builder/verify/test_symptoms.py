"""What is made of every way in which an import can fail: rule, weight by the module's role, words, advice."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from builder.judge.rules.imports import judge_imports
from envspec.spec.model import Smoke
from envspec.system.finding import Finding
from tests.builder.verify.facts import DISTRIBUTIONS, SITE, distribution, facts, fault

IMPORT_ERROR = ("ImportError",)
ROLES = {
    "declared": "plugin",
    "root": "wanted",
    "transitive": "helper",
    "surface": "space.part",
    "inside": "wanted.part",
}
"""A module of each role, in the order of `Case.weights`."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One way to fail."""

    name: str
    outcome: dict[str, Any]
    rule: str
    weights: str
    """First letter of the severity for each of `ROLES`; `-` where nothing is found."""
    what: str
    hint: str


def judged(role: str, outcome: dict[str, Any], **raw: object) -> list[Finding]:
    """What is found where a module of that role has this outcome."""
    surface = {"wanted": ["space.part", "wanted.b", "wanted.c", "wanted.d", "wanted.e"]}
    tried = facts({"module": ROLES[role], **outcome}, **{"surface": surface, **raw})
    return list(judge_imports(tried, Smoke(imports=("plugin",))))


CASES = (
    Case(
        name="read-only",
        outcome={"error": fault("OSError", "[Errno 30] Read-only file system: '/env/x'")},
        rule="EV208",
        weights="WWWWW",
        what="the import writes outside of its home and its temporary folder (wanted/__init__.py:7)",
        hint="while it is judged that is read-only; in an image it may be as well",
    ),
    Case(
        name="read-only, another kind",
        outcome={"error": fault("RuntimeError", "Read-only file system")},
        rule="EV201",
        weights="EEWWW",
        what="RuntimeError: Read-only file system (wanted/__init__.py:7)",
        hint="reinstall it, or take a version that suits this environment",
    ),
    Case(
        name="permission",
        outcome={
            "error": fault("PermissionError", "[Errno 13] Permission denied: '/env/x'", bases=["OSError"]),
            "changed": ["/env/x"],
        },
        rule="EV208",
        weights="WWWWW",
        what="the import writes into the environment (wanted/__init__.py:7)",
        hint="while it is judged that is read-only; in an image it may be as well",
    ),
    Case(
        name="permission, nothing changed",
        outcome={
            "error": fault("PermissionError", "[Errno 13] Permission denied: '/env/x'", bases=["OSError"])
        },
        rule="EV201",
        weights="EEWWW",
        what="PermissionError: [Errno 13] Permission denied: '/env/x' (wanted/__init__.py:7)",
        hint="reinstall it, or take a version that suits this environment",
    ),
    Case(
        name="numpy",
        outcome={
            "error": fault(
                "ValueError", "numpy.dtype size changed, may indicate binary incompatibility. Expected 96"
            )
        },
        rule="EV220",
        weights="EEEEE",
        what="ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 "
        "(wanted/__init__.py:7)",
        hint="install a build made for this NumPy, or pin the NumPy that it was made for",
    ),
    Case(
        name="numpy behind",
        outcome={
            "error": fault(
                "ImportError",
                "it is broken",
                root=fault(
                    "RuntimeError",
                    "module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000",
                ),
            )
        },
        rule="EV220",
        weights="EEEEE",
        what="ImportError: it is broken, because of RuntimeError: module compiled against ABI "
        "version 0x1000009 but this version of numpy is 0x2000000 (wanted/__init__.py:7)",
        hint="install a build made for this NumPy, or pin the NumPy that it was made for",
    ),
    Case(
        name="libc",
        outcome={
            "error": fault("ImportError", "/lib/libc.so.6: version `GLIBC_2.99' not found (required by x.so)")
        },
        rule="EV223",
        weights="EEEEE",
        what="needs GLIBC_2.99, which this system lacks",
        hint="use a newer base image, or a wheel with an older manylinux tag",
    ),
    Case(
        name="libstdc++",
        outcome={"error": fault("ImportError", "libstdc++.so.6: version `GLIBCXX_3.4.30' not found")},
        rule="EV223",
        weights="EEEEE",
        what="needs GLIBCXX_3.4.30, which this system lacks",
        hint="use a newer base image, or a wheel with an older manylinux tag",
    ),
    Case(
        name="symbol",
        outcome={"error": fault("ImportError", "x.so: undefined symbol: foo_bar")},
        rule="EV222",
        weights="EEEEE",
        what="undefined symbol foo_bar",
        hint="it was built against another version of a library: install what was built together",
    ),
    Case(
        name="processor",
        outcome={"error": fault("ImportError", "CPU ISA level is lower than required")},
        rule="EV228",
        weights="EEEEE",
        what="ImportError: CPU ISA level is lower than required (wanted/__init__.py:7)",
        hint="take a build for older processors, or run it on a newer one",
    ),
    Case(
        name="baseline",
        outcome={"error": fault("RuntimeError", "NumPy was built with baseline optimizations: (X86_V3)")},
        rule="EV228",
        weights="EEEEE",
        what="RuntimeError: NumPy was built with baseline optimizations: (X86_V3) (wanted/__init__.py:7)",
        hint="take a build for older processors, or run it on a newer one",
    ),
    Case(
        name="refused",
        outcome={"error": fault("ImportError", "x.so: invalid ELF header")},
        rule="EV226",
        weights="EEEEE",
        what="ImportError: x.so: invalid ELF header",
        hint="the file is damaged or made for another machine: reinstall what it belongs to",
    ),
    Case(
        name="short",
        outcome={"error": fault("OSError", "x.so: file too short")},
        rule="EV226",
        weights="EEEEE",
        what="OSError: x.so: file too short",
        hint="the file is damaged or made for another machine: reinstall what it belongs to",
    ),
    Case(
        name="bundled",
        outcome={
            "error": fault(
                "ImportError",
                "libjpeg-f2134fdd.so.62.3.0: cannot open shared object file: No such file or directory",
            )
        },
        rule="EV203",
        weights="EEEEE",
        what="needs libjpeg-f2134fdd.so.62.3.0, which its wheel carries along and which is not there",
        hint="files of two builds were mixed, or some were removed: reinstall the package",
    ),
    Case(
        name="library",
        outcome={
            "error": fault(
                "OSError", "libnowhere.so.3: cannot open shared object file: No such file or directory"
            )
        },
        rule="EV203",
        weights="EEEWW",
        what="needs libnowhere.so.3, which is not installed",
        hint="install the system package that provides libnowhere.so.3",
    ),
    Case(
        name="searched",
        outcome={"error": fault("OSError", "sndfile library not found")},
        rule="EV203",
        weights="EEEWW",
        what="OSError: sndfile library not found (wanted/__init__.py:7)",
        hint="install the system package that provides the library",
    ),
    Case(
        name="searched 2",
        outcome={"error": fault("RuntimeError", "could not find the foo library")},
        rule="EV203",
        weights="EEEWW",
        what="RuntimeError: could not find the foo library (wanted/__init__.py:7)",
        hint="install the system package that provides the library",
    ),
    Case(
        name="absent stdlib",
        outcome={
            "error": fault("ModuleNotFoundError", "No module named 'imp'", bases=IMPORT_ERROR, name="imp")
        },
        rule="EV213",
        weights="EEWWW",
        what="module imp is not in the standard library of Python 3.11.7 (wanted/__init__.py:7)",
        hint="take a newer version of the package, or a Python that has the module; zombie-imp brings it to "
        "newer ones",
    ),
    Case(
        name="absent spare",
        outcome={
            "error": fault(
                "ModuleNotFoundError", "No module named 'tkinter'", bases=IMPORT_ERROR, name="tkinter"
            )
        },
        rule="EV213",
        weights="EEWII",
        what="module tkinter was left out of this Python 3.11.7 (wanted/__init__.py:7)",
        hint="take a Python that has it, or the system's package for it, if that part is used",
    ),
    Case(
        name="absent required",
        outcome={
            "error": fault(
                "ModuleNotFoundError", "No module named 'absent_need'", bases=IMPORT_ERROR, name="absent_need"
            )
        },
        rule="EV209",
        weights="EEWWW",
        what="wanted 1.0 requires absent-need, which is not installed (no module absent_need)",
        hint="install absent-need>=2",
    ),
    Case(
        name="absent unlike required",
        outcome={
            "error": fault(
                "ModuleNotFoundError",
                "No module named 'nowhere.deep'",
                bases=IMPORT_ERROR,
                name="nowhere.deep",
            )
        },
        rule="EV209",
        weights="EEWWW",
        what="wanted 1.0 requires absent-need, which is not installed (no module nowhere)",
        hint="install absent-need>=2",
    ),
    Case(
        name="absent owned",
        outcome={
            "error": fault(
                "ModuleNotFoundError", "No module named 'helper.gone'", bases=IMPORT_ERROR, name="helper.gone"
            )
        },
        rule="EV201",
        weights="EEWWW",
        what="module helper.gone does not exist in helper 2.0 (wanted/__init__.py:7)",
        hint="take a version of helper that has it, or reinstall it; wanted 1.0 needs it",
    ),
    Case(
        name="absent in words",
        outcome={"error": fault("ImportError", "install it: No module named absent_need")},
        rule="EV209",
        weights="EEWWW",
        what="wanted 1.0 requires absent-need, which is not installed (no module absent_need)",
        hint="install absent-need>=2",
    ),
    Case(
        name="absent behind",
        outcome={
            "error": fault(
                "RuntimeError",
                "plugins failed",
                root=fault(
                    "ModuleNotFoundError",
                    "No module named 'absent_need'",
                    bases=IMPORT_ERROR,
                    name="absent_need",
                ),
            )
        },
        rule="EV209",
        weights="EEWWW",
        what="wanted 1.0 requires absent-need, which is not installed (no module absent_need)",
        hint="install absent-need>=2",
    ),
    Case(
        name="circular",
        outcome={
            "error": fault(
                "ImportError",
                "cannot import name 'a' from partially initialized module 'wanted' (most likely due "
                "to a circular import)",
            )
        },
        rule="EV201",
        weights="EEW--",
        what="ImportError: cannot import name 'a' from partially initialized module 'wanted' (most "
        "likely due to a circular import) (wanted/__init__.py:7)",
        hint="reinstall it, or take a version that suits this environment",
    ),
    Case(
        name="mistake",
        outcome={"error": fault("AttributeError", "module 'helper' has no attribute 'old'")},
        rule="EV201",
        weights="EEWEW",
        what="AttributeError: module 'helper' has no attribute 'old' (wanted/__init__.py:7)",
        hint="wanted 1.0 and helper 2.0 do not go together",
    ),
    Case(
        name="mistake alone",
        outcome={"error": fault("TypeError", "f() takes\n  no arguments")},
        rule="EV201",
        weights="EEWEW",
        what="TypeError: f() takes no arguments (wanted/__init__.py:7)",
        hint="reinstall it, or take a version that suits this environment",
    ),
    Case(
        name="silent",
        outcome={"error": fault("AssertionError", "")},
        rule="EV201",
        weights="EEWWW",
        what="AssertionError (wanted/__init__.py:7)",
        hint="reinstall it, or take a version that suits this environment",
    ),
    Case(
        name="two exceptions",
        outcome={"error": fault("ImportError", "cannot load it", root=fault("KeyError", "'HOME'"))},
        rule="EV201",
        weights="EEWWW",
        what="ImportError: cannot load it, because of KeyError: 'HOME' (wanted/__init__.py:7)",
        hint="reinstall it, or take a version that suits this environment",
    ),
    Case(
        name="syntax",
        outcome={"error": fault("SyntaxError", "invalid syntax", filename=SITE + "/wanted/new.py", lineno=3)},
        rule="EV201",
        weights="EEWWW",
        what="SyntaxError: invalid syntax (wanted/new.py:3)",
        hint="reinstall it, or take a version that suits this environment",
    ),
    Case(
        name="timeout",
        outcome={
            "timeout": True,
            "output": 'Timeout!\n  File "/env/a.py", line 3 in f\n  File "<frozen x>", line 1 in g\n',
        },
        rule="EV204",
        weights="EEEEE",
        what="the import does not come to an end (/env/a.py:3)",
        hint="see where it waits; a module should not connect, wait or compute while it is imported",
    ),
    Case(
        name="cpu time",
        outcome={"signal": 24},
        rule="EV204",
        weights="EEEEE",
        what="the import does not come to an end",
        hint="see where it waits; a module should not connect, wait or compute while it is imported",
    ),
    Case(
        name="sigill",
        outcome={"signal": 4},
        rule="EV228",
        weights="EEEEE",
        what="the import dies of SIGILL: it has an instruction that this processor does not know",
        hint="take a build for older processors, or run it on a newer one",
    ),
    Case(
        name="crash",
        outcome={"signal": 11, "output": f' \n  File "{SITE}/wanted/a.py", line 3 in f\n'},
        rule="EV202",
        weights="EEEEE",
        what="the import dies of SIGSEGV (wanted/a.py:3)",
        hint="a compiled module is damaged or does not fit what it was loaded with: reinstall it, or "
        "take a version built for these neighbours",
    ),
    Case(
        name="odd signal",
        outcome={"signal": 77},
        rule="EV202",
        weights="EEEEE",
        what="the import dies of signal 77",
        hint="a compiled module is damaged or does not fit what it was loaded with: reinstall it, or "
        "take a version built for these neighbours",
    ),
    Case(
        name="flood",
        outcome={"flood": True},
        rule="EV205",
        weights="EEEEE",
        what="the import prints without end",
        hint="do not install what does this to its users",
    ),
    Case(
        name="fork bomb",
        outcome={"processes": 300},
        rule="EV205",
        weights="EEEEE",
        what="the import starts processes without end (more than 300)",
        hint="do not install what does this to its users",
    ),
    Case(
        name="killer",
        outcome={"killed_by": 9},
        rule="EV205",
        weights="EEEEE",
        what="the import kills the processes around it",
        hint="do not install what does this to its users",
    ),
    Case(
        name="unstarted",
        outcome={"unstarted": True, "output": "a\nno codec\n"},
        rule="EV240",
        weights="EEEEE",
        what="the interpreter does not start: no codec",
        hint="run the interpreter by hand and repair what its start prints",
    ),
    Case(
        name="unstarted in silence",
        outcome={"unstarted": True},
        rule="EV240",
        weights="EEEEE",
        what="the interpreter does not start",
        hint="run the interpreter by hand and repair what its start prints",
    ),
    Case(
        name="exit",
        outcome={"exit": 3},
        rule="EV201",
        weights="EEEWW",
        what="the import ends the process with exit code 3",
        hint="a module must not exit while it is imported",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_failed_import_is_known_by_its_symptoms(case: Case) -> None:
    found = {role: judged(role, case.outcome) for role in ROLES}
    assert "".join(each[0].severity[0].upper() if each else "-" for each in found.values()) == case.weights
    for role, module in ROLES.items():
        for each in found[role]:
            assert (each.rule, each.where) == (case.rule, module)
            assert each.message == f"{module}: {case.what}"
            assert each.hint == case.hint


def test_what_waits_for_a_projects_settings_is_information_unless_it_is_declared() -> None:
    said = "Requested setting DEBUG, but settings are not configured."
    for error in (fault("ImproperlyConfigured", said), fault("RuntimeError", "set DJANGO_SETTINGS_MODULE")):
        weights = {role: [each.severity.name for each in judged(role, {"error": error})] for role in ROLES}
        assert weights.pop("declared") == ["ERROR"]
        assert set(map(tuple, weights.values())) == {("INFO",)}


def missing(module: str, file: str) -> dict[str, Any]:
    """The outcome of an import that ends in a file where a module is asked for that is not there."""
    error = fault("ModuleNotFoundError", f"No module named {module!r}", bases=IMPORT_ERROR, name=module)
    return {"error": {**error, "frames": [[f"{SITE}/{file}", 7, "<module>"]]}}


@pytest.mark.parametrize(
    ("role", "rule", "what"),
    [
        ("declared", "EV209", "jot 0.1 needs the module nowhere and declares no package for it"),
        ("root", "EV209", "jot 0.1 needs the module nowhere and declares no package for it"),
        ("transitive", "EV212", "needs the optional module nowhere"),
        ("surface", "EV212", "needs the optional module nowhere"),
        ("inside", "EV212", "needs the optional module nowhere"),
    ],
)
def test_what_no_requirement_names_may_be_optional(role: str, rule: str, what: str) -> None:
    (found,) = judged(role, missing("nowhere", "unlike.py"))
    assert (found.rule, found.message) == (rule, f"{ROLES[role]}: {what}")


@pytest.mark.parametrize("behind", [[], [["/lib/python3.11/importlib/__init__.py", 126, "import_module"]]])
def test_the_settings_that_a_variable_names_are_a_projects_own_code(behind: list[list[Any]]) -> None:
    outcome = missing("diary", "django/conf/__init__.py")
    outcome["error"]["frames"] += behind
    (found,) = judged("root", outcome)
    assert (found.rule, found.severity) == ("EV201", "info")
    assert "wants the settings of a Django project" in found.message
    (found,) = judged("root", missing("diary", "django/core/__init__.py"))
    assert found.rule == "EV209"


@pytest.mark.parametrize(
    ("role", "requires", "rule", "severity"),
    [
        ("root", [], "EV209", "error"),
        ("transitive", [], "EV209", "warning"),
        ("inside", [], "EV212", "info"),
        ("inside", ["setuptools"], "EV209", "warning"),
    ],
)
def test_a_module_that_left_the_package_which_had_it_is_not_optional(
    role: str, requires: list[str], rule: str, severity: str
) -> None:
    held = distribution("setuptools", "84.0", ["setuptools"])
    user = distribution("jot", "0.1", ["unlike"], requires=requires)
    outcome = missing("pkg_resources", "unlike.py")
    (found,) = judged(role, outcome, distributions=[*DISTRIBUTIONS[:2], user, held])
    assert (found.rule, found.severity) == (rule, severity)
    if rule == "EV209":
        assert "the module pkg_resources, which setuptools 84.0 does not have any more" in found.message
        assert found.hint == "pin setuptools below 81, or take a newer jot"


@pytest.mark.parametrize(
    ("package", "rule", "what"),
    [
        ("space", "EV212", "needs the optional module space.nowhere"),
        ("helper", "EV201", "module helper.nowhere does not exist in helper 2.0"),
    ],
)
def test_a_name_that_a_package_without_a_file_lacks_is_an_absent_module(
    package: str, rule: str, what: str
) -> None:
    said = f"cannot import name 'nowhere' from {package!r} (unknown location)"
    space = distribution("space-a", "1.0", ["space.a"])
    error = {**fault("ImportError", said), "name": package, "frames": [[f"{SITE}/unlike.py", 7, "<module>"]]}
    outcome = {"error": error}
    (found,) = judged("inside", outcome, distributions=[*DISTRIBUTIONS, space])
    assert (found.rule, found.message.partition(" (")[0]) == (rule, f"wanted.part: {what}")


def test_a_declared_module_that_is_absent_itself_is_the_declarations_fault() -> None:
    (found,) = judged("declared", missing("plugin", "unlike.py"))
    assert (found.rule, found.message) == ("EV210", "plugin: there is no such module")


def test_another_project_may_bear_the_name() -> None:
    (found,) = judged("inside", missing("jot", "helper/__init__.py"))
    assert (found.rule, found.severity) == ("EV209", "warning")
    assert found.message == "wanted.part: helper 2.0 needs the module jot, which jot 0.1 does not have"


def test_a_package_whose_files_were_overwritten_misses_its_own_names() -> None:
    error = fault("ImportError", "cannot import name 'a' from 'wanted.b'", name="wanted.b")
    module = "wanted.b"
    surface = {"wanted": ["wanted.b", "wanted.c", "wanted.d", "wanted.e", "wanted.f"]}
    for changed, severity in (([], "warning"), ([{"path": "wanted/b.py", "differs": ["wanted"]}], "error")):
        tried = facts(
            {"module": module, "error": error}, surface=surface, files={"shared": [], "changed": changed}
        )
        (found,) = judge_imports(tried, Smoke())
        assert (found.rule, found.severity) == ("EV201", severity)


def test_what_was_not_reached_in_time_is_said() -> None:
    tried = facts({"module": "wanted", "late": True}, usage=[{"module": "helper", "late": True}])
    imports, uses = judge_imports(tried, Smoke())
    assert imports.rule == uses.rule == "EV290"
    assert imports.message == "for lack of time these families of modules were not imported: wanted"
    assert uses.message == "for lack of time it was not read what these use of other packages: helper"


@pytest.mark.parametrize(
    ("role", "asked", "rule", "severity"),
    [
        ("inside", "elsewhere", "EV212", "info"),
        ("surface", "elsewhere", "EV212", "info"),
        ("root", "elsewhere", "EV201", "error"),
        ("inside", "helper", "EV201", "warning"),
    ],
)
def test_what_a_module_asks_for_in_words_is_optional(role: str, asked: str, rule: str, severity: str) -> None:
    said = f"wanted.testclient requires the {asked} package to be installed: $ pip install {asked}"
    (found,) = judged(role, {"error": fault("RuntimeError", said)})
    assert (found.rule, found.severity) == (rule, severity)
    assert rule == "EV201" or "needs the optional package elsewhere" in found.message


@pytest.mark.parametrize(
    ("words", "requires", "rule"),
    [
        ("'wanted[fast_ways]'", ['absent; extra == "fast-ways"'], "EV212"),
        ("wanted[fast-ways]", ['absent; python_version > "3" and extra == "fast_ways"'], "EV212"),
        ("wanted[fast-ways]", ['absent; extra == "other"'], "EV201"),
        ("wanted[fast-ways]", ['helper; extra == "fast-ways"'], "EV201"),
        ("unlike[fast-ways]", ['absent; extra == "fast-ways"'], "EV201"),
    ],
)
def test_an_extra_that_a_module_asks_for_in_words_is_optional(
    words: str, requires: list[str], rule: str
) -> None:
    """Where something of it is missing: else it asks for another version of what is there."""
    failed = {"module": "wanted.ways", "error": fault("ImportError", f"no ways here: pip install {words}")}
    owners = [distribution("wanted", "1.0", ["wanted"], requires=requires), *DISTRIBUTIONS[1:]]
    (found,) = judge_imports(facts(failed, distributions=owners), Smoke())
    assert found.rule == rule
    assert rule == "EV201" or "needs what the extra fast" in found.message
