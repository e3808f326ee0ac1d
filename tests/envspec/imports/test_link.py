"""What surely fails is found, and what may work is left alone."""

import dataclasses
import pathlib
import re

import pytest

from envspec.proof.abi.base import NamedBase
from envspec.proof.imports import Package, link
from envspec.supply.wheel import Wheel
from tests.envspec.imports.conftest import Linked, Make
from tests.support.wheels import wheel

CASES = pathlib.Path(__file__).with_name("cases")


def cases(name: str) -> dict[str, str]:
    """Heading to source of every case in a file."""
    parts = re.split(r"^### ", (CASES / f"{name}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {heading: source for part in parts[1:] for heading, _, source in [part.partition("\n")]}


OTHER = {
    "other/__init__.py": "from other.core import used\nVALUE = 1\n",
    "other/core.py": "def used(): pass\ndef kept(): pass\n",
    "other/sub.py": "x = 1\n",
}

FAILING = cases("failing")


@pytest.mark.parametrize("case", FAILING)
def test_what_surely_fails_is_certain(linked: Linked, case: str) -> None:
    _, exception, wanted = case.split(" | ")
    report = linked({"app/__init__.py": FAILING[case]}, {**OTHER, "other/listed.py": "__all__ = ['gone']"})
    (failure,) = report.failures
    assert failure.certain
    assert failure.exception == exception
    assert failure.fault.wanted.startswith(wanted)
    assert failure.module == "app"


WORKING = cases("working")


@pytest.mark.parametrize("case", WORKING)
def test_what_may_work_is_left_alone(linked: Linked, case: str) -> None:
    assert linked({"app/__init__.py": WORKING[case]}, OTHER).failures == ()


DYNAMIC = cases("dynamic")


@pytest.mark.parametrize("case", DYNAMIC)
def test_names_that_appear_in_other_ways(linked: Linked, case: str) -> None:
    other = {
        **OTHER,
        "other/__init__.py": DYNAMIC[case],
        "other/_fast.so": b"",
        "other/dynamic.py": "import os\nglobals()[os.environ['X']] = 1",
    }
    assert linked({"app/__init__.py": "from other import gone"}, other).failures == ()


def test_a_lazy_attribute_that_refuses_is_no_name(linked: Linked) -> None:
    lazy = (
        "_old = {'bool8': 'use bool'}\n"
        "def __getattr__(name):\n"
        "    if name == 'testing':\n        import other.core as c\n        return c\n"
        "    if name in _old:\n        raise AttributeError(_old[name])\n"
        "    raise AttributeError(f'no {name}')\n"
    )
    other = {**OTHER, "other/__init__.py": lazy}
    app = {"app/__init__.py": "import other\nother.testing\nother.bool8"}
    (failure,) = linked(app, other).failures
    assert failure.fault.wanted == "other.bool8"


def test_a_merged_class_was_two_before(linked: Linked) -> None:
    source = "import asyncio\nclass Slow(asyncio.TimeoutError, TimeoutError): pass"
    assert linked({"app/__init__.py": source}, python="3.10").failures == ()


def test_the_one_module_behind_an_empty_package_counts_as_its_top_level(linked: Linked) -> None:
    door = "raise ImportError('no library')\n"
    (failure,) = linked({"app/__init__.py": "__version__ = '1'\n", "app/app.py": door}).failures
    assert failure.certain
    assert failure.module == "app.app"
    used = {"app/__init__.py": "def use(): pass\n", "app/app.py": door}
    assert not any(failure.certain for failure in linked(used).failures)


def test_names_that_machine_code_may_put_into_a_module(make: Make, tmp_path: pathlib.Path) -> None:
    files = {"other/__init__.py": "", "other/gpu.py": "x = 1\n", "other/cpu.py": "x = 1\n"}
    file = wheel(tmp_path, "other", "1.0", files={**files, "other/_C.so": "\0other.gpu\0MyTensor\0"})
    app = {"app/__init__.py": "", "app/a.py": "import other.gpu\nother.gpu.Tensor"}
    app["app/b.py"] = "import other.cpu\nother.cpu.Tensor"
    app["app/c.py"] = "import other.gpu\nother.gpu.Device"
    with Wheel(file) as opened:
        packages = [make("app", app, requires=("other",)), Package.of_wheel(opened)]
        found = [failure.module for failure in link(packages, python="3.11").failures]
        assert found == ["app.b", "app.c"]


def test_names_that_another_module_puts_into_one_that_it_names(make: Make, tmp_path: pathlib.Path) -> None:
    given = (
        "def into(module):\n    def give(kind):\n        setattr(__import__(module), kind.__name__, kind)\n"
    )
    given += "        return kind\n    return give\n@into('other.orm')\nclass Given: pass\nclass Kept: pass\n"
    files = {"other/__init__.py": "", "other/orm.py": "", "other/alone.py": "", "other/given.py": given}
    app = {"app/__init__.py": "", "app/a.py": "import other.orm\nother.orm.Given"}
    app["app/b.py"] = "import other.orm\nother.orm.Gone"
    app["app/c.py"] = "import other.alone\nother.alone.Given"
    with Wheel(wheel(tmp_path, "other", "1.0", files=files)) as opened:
        packages = [make("app", app, requires=("other",)), Package.of_wheel(opened)]
        found = [failure.module for failure in link(packages, python="3.11").failures]
        assert found == ["app.b", "app.c"]


REDIRECT = """
import sys
class Finder:
    def find_spec(self, name, path, target=None):
        if "host.gpu" in name:
            return elsewhere(name)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize(("source", "fails"), [
    ("import host.gpu\nhost.gpu.launch", False),  # the plug-in's own
    ("import host.gpu\nhost.gpu.old", True),  # what the host has under that name is never loaded
    ("import host.gpu.kernels", False),
])  # fmt: skip
def test_a_module_in_whose_place_a_hook_puts_another(make: Make, source: str, fails: bool) -> None:
    host = make("host", {"host/__init__.py": "import os\n", "host/gpu/__init__.py": "old = 1\n"})
    plug = make("plug", {
        "plug.pth": "import _plug\n", "_plug.py": REDIRECT, "plug/__init__.py": "",
        "plug/host/gpu/__init__.py": "from host.gpu.kernels import launch\n",
        "plug/host/gpu/kernels.py": "def launch(): pass\n",
    }, requires=("host",))  # fmt: skip
    app = make("app", {"app/__init__.py": source}, requires=("host",))
    found = link([host, plug, app], python="3.11").failures
    assert [failure.module for failure in found if failure.certain] == (["app"] if fails else [])


def test_a_hook_that_nobody_can_follow_leaves_its_module_alone(make: Make) -> None:
    host = make("host", {"host/__init__.py": "import os\n", "host/gpu/__init__.py": ""})
    plug = make("plug", {"plug.pth": "import _plug\n", "_plug.py": REDIRECT, "plug/__init__.py": ""})
    app = make("app", {"app/__init__.py": "from host.gpu import anything"}, requires=("host",))
    assert not link([host, plug, app], python="3.11").failures


@pytest.mark.parametrize(("users", "certain"), [(3, True), (1, False)])
def test_a_module_beyond_the_budget_is_followed_where_its_text_leads(
    make: Make, users: int, certain: bool
) -> None:
    files = {"app/__init__.py": "", "app/deep/__init__.py": "import os\n"}
    files["app/deep/fault.py"] = "import other as o\nif True:\n    o.gone\n"
    files |= {f"app/deep/user{n}.py": "from app.deep import fault\n" for n in range(users)}
    packages = [make("app", files, requires=("other",)), make("other", {"other/__init__.py": "import os\n"})]
    (failure,) = link(packages, python="3.11", inner_bytes=0).failures
    assert (failure.module, failure.certain) == ("app.deep.fault", certain)


@pytest.mark.parametrize(("there", "fails"), [(True, True), (False, False)])
def test_what_is_there_is_found(make: Make, there: bool, fails: bool) -> None:
    asks = "import importlib.util\ndef has():\n    return importlib.util.find_spec('tri') is not None\n"
    app = {"app/__init__.py": f"{asks}if not has():\n    x = 1\nelse:\n    from tri.ops import y\n"}
    tri = [make("tri", {"tri/__init__.py": "", "tri/core.py": ""})] if there else []
    assert bool(link([make("app", app), *tri], python="3.11").failures) is fails


def test_sets_are_not_compared_as_lists_are(linked: Linked) -> None:
    source = "if not set(('b',)) < {'a', 'b'}:\n    raise KeyError('never')\n"
    source += "if {'a', 'b'} != {'b', 'a'}:\n    raise KeyError('never')\n"
    assert not linked({"app/__init__.py": source}).failures


def test_a_module_that_takes_over_another_s_dictionary_looks_where_that_one_looks(linked: Linked) -> None:
    source = "def take():\n    from app import v2\n    globals().update(v2.__dict__)\n"
    source += "take()\nfrom app.part import x\n"
    assert not linked(
        {"app/__init__.py": source, "app/v2/__init__.py": "", "app/v2/part.py": "x = 1\n"}
    ).failures


@pytest.mark.parametrize(("beside", "found"), [
    ("import manager", []),
    ("import other.gone", [("app_driver", False)]),
    ("import asyncore", [("app_driver", False)]),
])  # fmt: skip
def test_a_module_beside_a_packages_own_may_be_for_an_extra(
    linked: Linked, beside: str, found: list[tuple[str, bool]]
) -> None:
    files = {"app.py": "x = 1\n", "app_driver.py": beside + "\n"}
    report = linked(files, {"other/__init__.py": "y = 1\n"}, python="3.12")
    assert [(failure.module, failure.certain) for failure in report.failures] == found


@pytest.mark.parametrize(("init", "taken", "certain"), [
    ("version = '1'\n", 3, True),  # users have to import what is inside
    ("version = '1'\n", 2, False),
    ("def use(): pass\n", 3, False),
    ("def use(): pass\n", 7, True),
])  # fmt: skip
def test_a_cause_that_takes_down_much_of_a_package_decides(
    linked: Linked, init: str, taken: int, certain: bool
) -> None:
    files = {"app/__init__.py": init, "app/core.py": "import asyncore\n"}
    files |= {f"app/a{number}.py": "import app.core\n" for number in range(taken - 1)}
    files |= {f"app/b{number}.py": "x = 1\n" for number in range(12 - taken)}
    (failure,) = linked(files, python="3.12").failures
    assert failure.certain is certain


@pytest.mark.parametrize(("source", "certain"), [("import asyncore", True), ("import optional", None)])
def test_what_a_command_begins_with_decides(make: Make, source: str, certain: bool | None) -> None:
    files = {"app/__init__.py": "def use(): pass\n", "app/cli.py": f"{source}\ndef main(): pass\n"}
    app = dataclasses.replace(make("app", files), doors=("app.cli", "gone.cli"))
    found = link([app], python="3.12").failures
    assert [failure.certain for failure in found] == ([certain] if certain else [])


def test_one_of_several_commands_may_be_a_corner(make: Make) -> None:
    files = {"app/__init__.py": "", "app/cli.py": "def main(): pass\n", "app/old.py": "import asyncore\n"}
    app = dataclasses.replace(make("app", files), doors=("app.cli", "app.old"))
    assert [failure.certain for failure in link([app], python="3.12").failures] == [False]


def test_commands_are_read_off_a_wheel(tmp_path: pathlib.Path) -> None:
    text = "[console_scripts]\nRun = app.cli:main [extra]\nother=app\n[app.plugins]\nx = app.plugin\n"
    for words, doors in ((text, ("app.cli", "app")), ("[console_scripts\n", ())):
        files = {"app.py": "", "app-1.0.dist-info/entry_points.txt": words}
        with Wheel(wheel(tmp_path, "app", "1.0", files=files)) as opened:
            assert Package.of_wheel(opened).doors == doors


LEGACY = """
import sys
__path__ = []
class Finder:
    def find_module(self, name, path=None): return self
    def load_module(self, name): return object()
sys.meta_path.append(Finder())
"""


@pytest.mark.parametrize(("python", "fails"), [("3.11", False), ("3.12", True)])
def test_an_importer_of_old_that_a_package_carries_along(linked: Linked, python: str, fails: bool) -> None:
    other = {"other/__init__.py": "", "other/packages/__init__.py": "", "other/packages/six.py": LEGACY}
    app = {"app/__init__.py": "from other.packages.six.moves import urllib"}
    assert bool(linked(app, other, python=python).failures) is fails


STDLIB = [
    ("import imp", "3.11", "3.12"),
    ("import asyncore", "3.11", "3.12"),
    ("from distutils.core import setup", "3.11", "3.12"),
    ("from collections import Mapping", "3.9", "3.10"),
    ("import collections\nclass A(collections.MutableMapping): pass", "3.9", "3.10"),
    ("from fractions import gcd", "3.8", "3.9"),
    ("import asyncio\n@asyncio.coroutine\ndef f(): pass", "3.10", "3.11"),
    ("from inspect import getargspec", "3.10", "3.11"),
    ("import pkgutil\npkgutil.ImpImporter", "3.11", "3.12"),
    ("import cgi", "3.12", "3.13"),
    ("from typing import Self", "3.11", "3.10"),
    ("import tomllib", "3.11", "3.10"),
]


@pytest.mark.parametrize(("source", "good", "bad"), STDLIB)
def test_names_that_come_and_go_with_python(linked: Linked, source: str, good: str, bad: str) -> None:
    assert linked({"app/__init__.py": source}, python=good).failures == ()
    (failure,) = linked({"app/__init__.py": source}, python=bad).failures
    assert failure.certain
    assert failure.fault.kind in ("stdlib-module", "stdlib-name")


def test_a_python_that_the_table_lacks_is_never_blamed(linked: Linked) -> None:
    app = {"app/__init__.py": "from collections import Mapping"}
    assert linked(app, python="3.99").failures == ()


def test_setuptools_brings_distutils_along(make: Make) -> None:
    app = make("app", {"app/__init__.py": "import distutils.util, setuptools.command.build_py"})
    tools = make("setuptools", {"setuptools/__init__.py": "import gone"}, requested=False)
    assert link([app, tools], python="3.12").failures == ()
    assert [f.fault.wanted for f in link([app], python="3.12").failures] == ["distutils"]


def test_inner_modules_count_when_a_declared_package_lacks_a_name(linked: Linked) -> None:
    report = linked({"app/__init__.py": "", "app/inner.py": "from other import gone"}, OTHER)
    assert [(f.module, f.certain) for f in report.failures] == [("app.inner", True)]


def test_inner_modules_may_want_what_is_not_there(linked: Linked) -> None:
    """Plug-ins for packages that nobody installed, tests, and code for other systems."""
    report = linked(
        {
            "app/__init__.py": "",
            "app/plugin.py": "import nobody",
            "app/tests/test_x.py": "from other import gone",
            "app/windows.py": "import winreg",
            "app/building.py": "from distutils.core import setup",
            "app/not-a-module/x.py": "import imp",
            "app/own.py": "from app import gone",
        },
        OTHER,
        python="3.12",
    )
    assert [f for f in report.failures if f.certain] == []


def test_packages_that_nobody_asked_for_are_not_judged_alone(make: Make) -> None:
    host = make("host", {"host/__init__.py": "import nobody"}, requested=False)
    assert link([make("app", {"app.py": "import os"}), host], python="3.11").failures == ()


def test_one_root_cause_is_reported_once(linked: Linked) -> None:
    app = {"app/__init__.py": ""} | {f"app/m{n}.py": "import app.bad" for n in range(5)}
    report = linked({**app, "app/bad.py": "from other import gone"}, OTHER)
    assert len(report.failures) == 1


def test_the_chain_leads_to_the_fault(linked: Linked) -> None:
    app = {"app/__init__.py": "\nimport app.one", "app/one.py": "\n\nfrom other import gone"}
    (failure,) = linked(app, OTHER).failures
    assert [str(line) for line in failure.chain] == ["app:2"]
    assert str(failure.fault.where) == "app.one:3"
    assert failure.fault.owner == "other"


def test_modules_that_import_each_other(linked: Linked) -> None:
    app = {
        "app/__init__.py": "from app import one",
        "app/one.py": "import app.two\nfrom app.two import late\nx = 1",
        "app/two.py": "from app.one import x\nlate = 1",
    }
    assert linked(app).failures == ()


def test_compiled_modules_that_cannot_be_loaded(linked: Linked) -> None:
    app = {"app/__init__.py": "from app import _fast", "app/_fast.cpython-311-x86_64-linux-gnu.so": b""}
    assert linked(app).failures == ()
    (failure,) = linked(app, broken={"app._fast": "needs libgone.so.1"}).failures
    assert failure.certain
    assert failure.fault.wanted == "needs libgone.so.1"


def test_a_package_that_puts_a_compiled_module_of_its_name_in_its_place(linked: Linked) -> None:
    body = """\
import importlib, os, sys
def bootstrap():
    sys.path.insert(0, os.path.dirname(__file__))
    sys.modules.pop("app")
    globals().update(vars(importlib.import_module("app")))
bootstrap()
"""
    app = {"app/__init__.py": body, "app/app.abi3.so": b""}
    assert linked(app).failures == ()
    assert "app.app" in linked(app).compiled
    (failure,) = linked(app, broken={"app.app": "needs libgone.so.1"}).failures
    assert (failure.module, failure.certain, failure.fault.wanted) == ("app", True, "needs libgone.so.1")


def test_a_package_that_opens_its_only_library_by_path(linked: Linked) -> None:
    body = "import ctypes, pathlib\nlib = ctypes.CDLL(str(pathlib.Path(__file__).parent / 'lib' / 'it.so'))"
    broken = {"app.lib.it": "needs libgone.so.1"}
    app = {"app/__init__.py": body, "app/lib/it.so": b""}
    assert linked(app).failures == ()
    assert "app.lib.it" in linked(app).compiled
    (failure,) = linked(app, broken=broken).failures
    assert (failure.module, failure.certain, failure.fault.wanted) == ("app", True, "needs libgone.so.1")
    assert linked(app | {"app/lib/other.so": b""}, broken=broken).failures == ()
    guarded = f"try:\n    import ctypes\n    {body.splitlines()[1]}\nexcept OSError:\n    lib = None"
    assert linked(app | {"app/__init__.py": "import pathlib\n" + guarded}, broken=broken).failures == ()


def test_compiled_modules_for_another_python_are_not_there(linked: Linked) -> None:
    app = {"app/__init__.py": "from app import _fast", "app/_fast.cpython-38-x86_64-linux-gnu.so": b""}
    (failure,) = linked(app).failures
    assert failure.fault.wanted == "app._fast"


@pytest.mark.parametrize(
    "source",
    [
        "import ctypes\nctypes.CDLL('libgone.so.1')",
        "from ctypes import cdll\ndef f():\n    return cdll.LoadLibrary('libgone.so.1')\nlib = f()",
        (
            "from ctypes.util import find_library\np = find_library('gone') or find_library('libgone')\n"
            "if p is None:\n    raise ImportError('no gone')"
        ),
    ],
)
def test_libraries_that_the_base_lacks(linked: Linked, source: str) -> None:
    app = {"app.py": source}
    assert linked(app).failures == ()
    assert (
        linked(
            app, base=NamedBase(complete=True, sonames=frozenset({"libgone.so.1", "liblibgone.so"}))
        ).failures
        == ()
    )
    (failure,) = linked(app, base=NamedBase(complete=True)).failures
    assert failure.certain


def test_folders_without_init_are_packages(make: Make) -> None:
    one = make("one", {"space/one/__init__.py": "import space.two\nspace.two.x"})
    two = make("two", {"space/two.py": "x = 1"}, requested=False)
    assert link([one, two], python="3.11").failures == ()


def test_vendored_modules_are_left_alone(linked: Linked) -> None:
    app = {
        "app/__init__.py": "import sys, os\nsys.path.insert(0, os.path.dirname(__file__))\nimport inside",
        "app/bundled/inside.py": "",
    }
    assert linked(app).failures == ()


def test_what_a_call_imports_is_not_the_call_s_own_work(linked: Linked) -> None:
    """Calls have a small budget of their own; a long module below one must not be cut off."""
    app = {"app/__init__.py": "def f():\n    import app.long\nf()\nfrom app.long import last"}
    long = "x = 1\n" * 5000 + "last = 1\n"
    assert linked({**app, "app/long.py": long}).failures == ()


def test_the_budget_ends_the_reading(make: Make) -> None:
    from envspec.proof.imports import link

    app = make("app", {"app.py": "x = 1\n" * 1000 + "import nobody"})
    report = link([app], python="3.11", budget=100)
    assert not report.complete
    assert report.failures == ()


INNER = {"app/__init__.py": "", "app/inner.py": "import nowhere\n", "app/fine.py": "import os\n"}


def test_an_inner_module_that_the_user_wants_is_certain(make: Make) -> None:
    """Without that wish nobody may ever import it."""
    app = make("app", INNER)
    assert not any(failure.certain for failure in link([app], python="3.11").failures)
    (failure,) = link([app], python="3.11", wanted=["app.inner", "app.fine", "elsewhere"]).failures
    assert (failure.module, failure.certain, failure.fault.wanted) == ("app.inner", True, "nowhere")


def test_a_package_in_a_shared_namespace_is_a_top_level_too(make: Make) -> None:
    files = {"shared/cloud/store/__init__.py": "import nowhere\n", "shared/cloud/other.py": "import gone\n"}
    neighbour = make("neighbour", {"shared/cloud/near.py": ""}, requested=False)
    (failure,) = link([make("shared-cloud-store", files), neighbour], python="3.11").failures
    assert (failure.module, failure.certain) == ("shared.cloud.store", True)


def test_a_backport_behind_the_standard_librarys_own_module_is_never_imported(make: Make) -> None:
    old = {"asyncio/__init__.py": "", "asyncio/old.py": "from collections import Mapping\n"}
    assert link([make("asyncio", old)], python="3.11").failures == ()


def test_an_inner_module_that_only_an_older_python_imports_is_a_doubt_until_it_is_wanted(make: Make) -> None:
    app = make("app", {"app/__init__.py": "", "app/corner.py": "from asyncore import dispatcher\n"})
    (doubt,) = link([app], python="3.13").failures
    assert (doubt.module, doubt.certain) == ("app.corner", False)
    (sure,) = link([app], python="3.13", wanted=["app.corner"]).failures
    assert sure.certain
