"""Hostile and strange sources: bounded, and never an exception of ours."""

import importlib.metadata
import pathlib
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envspec.proof.imports import link
from tests.envspec.imports.conftest import Linked, Make


@pytest.mark.parametrize(
    "source",
    [
        b"\x00\x01",
        b"\xff\xfe",
        b"# -*- coding: nonsense -*-\n",
        b"(" * 100_000,
        b"x = " + b"-" * 5_000 + b"1",
        b"a" + b".b" * 5_000,
        b"import " + b"a." * 3_000 + b"b",
        b"x = 'a' * 10 ** 10",
        b"x = 10 ** 10 ** 10",
        b"x = '%1000000000d' % 1",
        b"x = 'a'.ljust(10 ** 9)",
        b"def f(): return f()\nf()",
        b"def f(): return g()\ndef g(): return f()\nf()",
        b"while True: pass",
        b"from . import x",
        b"from ... import x",
        b"class A(A): pass",
        b"x = [x for x in x]",
        b"import app\napp.app.app",
        b"lambda: (yield)",
        b"del x",
        b"x: int",
        b"x, *y = 1",
        b"try:\n    pass\nfinally:\n    raise",
        b"raise",
        b"raise 5",
        b"[].append()",
        b"x = {**1}",
        b"f = lambda f: f(f)\nf(f)",
        b"import app.__init__",
        b"from app import *",
        b"__all__ += ['x']",
        b"for i in 'abc' * 10 ** 9: pass",
        b"x = (1,) + 'a'",
        b"x = [1] + 5",
        b"x = 'a' < 1",
        b"x = {[]: 1}",
        b"x = {}[[]]",
        b"x = (1, 2)['a':]",
        b"x = 'abc'[::0]",
        b"__import__('')",
        b"import importlib\nimportlib.import_module('...')",
        b"x = hash(-(2 ** 200))\ny = -(2**62) - 1",
        b"'{:>99999999}'.format(1)",
        b"type('A', (), {}).x = 1",
        b"x = 'a'.join(['b'] * 10 ** 9)",
        b"x = 'a'.replace('a', 'b' * 9999)",
        b"match x:\n    case {'a': b, **c}: pass",
        b"import importlib.util\nimportlib.util.find_spec(name='a')",
        b"import importlib.metadata\nimportlib.metadata.version(distribution_name='a')",
    ],
)
def test_strange_sources_come_to_an_end(linked: Linked, source: bytes) -> None:
    began = time.monotonic()
    report = linked({"app/__init__.py": source})
    assert report.modules >= 0
    assert time.monotonic() - began < 10


def test_a_chain_of_many_modules(linked: Linked) -> None:
    app: dict[str, str | bytes] = {f"app/m{n}.py": f"import app.m{n + 1}" for n in range(2000)}
    assert linked({**app, "app/__init__.py": "import app.m0", "app/m2000.py": ""}).failures == ()


def test_a_huge_module_is_not_read(linked: Linked) -> None:
    began = time.monotonic()
    assert linked({"app/__init__.py": "import app.big", "app/big.py": "x = 1\n" * 9_000_000}).failures == ()
    assert time.monotonic() - began < 10


FRAGMENTS = st.sampled_from(
    [
        "import other",
        "from other import gone",
        "x = other.y",
        "if x:",
        "else:",
        "try:",
        "except ImportError:",
        "except x as e:",
        "finally:",
        "    ",
        "def f(a, *b, c=1, **d):",
        "class A(x):",
        "return x",
        "raise x",
        "for x in y:",
        "while x:",
        "x = [a for a in x if a]",
        "x += 1",
        "globals()[x] = 1",
        "f(x, *y, **z)",
        "del x",
        "with x as y:",
        "pass",
        "x = {1: 2, **y}",
        "x[1] = y[2:3]",
        "lambda q: q",
        "import sys; sys.modules[x] = y",
        "__all__ = ['a']",
        "break",
        "async def g(): await x",
        "yield x",
        "global x",
        "x = a if b else c",
        "x = not a and b or c",
        "x = f'{a}{b!r}'",
    ]
)


def _body(text: str, depth: int) -> str:
    return "\n" + "    " * (depth + 1) + "pass" if text.endswith(":") else ""


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), FRAGMENTS), max_size=14))
def test_any_program_is_read(linked: Linked, lines: list[tuple[int, str]]) -> None:
    source = "\n".join("    " * depth + text + _body(text, depth) for depth, text in lines)
    assert linked({"app/__init__.py": source}, {"other/__init__.py": "y = 1"}).modules > 0


@pytest.mark.slow
def test_everything_installed_here_links(make: Make) -> None:
    """A healthy environment: no certain finding in any distribution that runs these tests."""
    packages = []
    for dist in importlib.metadata.distributions():
        root = pathlib.Path(str(dist.locate_file("")))
        files = [str(f) for f in dist.files or () if ".." not in f.parts and f.suffix != ".pyc"]
        if any(name.endswith((".py", ".so")) for name in files):
            package = make(dist.metadata["Name"].lower().replace("_", "-"), dict.fromkeys(files, ""))
            packages.append(
                type(package)(**{**vars(package), "read": lambda path, root=root: (root / path).read_bytes()})
            )
    report = link(packages, python="{}.{}".format(*sys.version_info), budget=400_000)
    assert [f for f in report.failures if f.certain] == []
