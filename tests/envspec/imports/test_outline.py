"""What is left out of a text is the bodies of its functions, and it is read as it stands when asked for."""

import ast
import pathlib
import sys
import sysconfig
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.proof.imports import outline as module
from envspec.proof.imports.outline import Outline, outline

GRAMMAR = sys.version_info[:2]
STDLIB = sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("*.py"))
LONG = "    x = 1\n" * 20


def put_back(found: Outline) -> ast.Module:
    """The outline's tree with all bodies in their places."""
    tree = ast.parse(found.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            left_out = isinstance(first, ast.Expr) and ast.unparse(first) == "..."
            if left_out and (body := found.bodies.get(first.lineno)):
                node.body = body.statements(GRAMMAR)
    return tree


def places(tree: ast.Module) -> list[tuple[str, int]]:
    return [(type(node).__name__, getattr(node, "lineno", 0)) for node in ast.walk(tree)]


def same(found: Outline, text: bytes) -> bool:
    """Whether nothing is lost and every statement stands on its line."""
    whole = ast.parse(text)
    again = put_back(found)
    return ast.dump(whole) == ast.dump(again) and places(whole) == places(again)


@pytest.mark.parametrize("file", STDLIB, ids=lambda file: file.stem)
def test_the_standard_library_is_the_same_with_all_bodies_put_back(file: pathlib.Path) -> None:
    text = file.read_bytes()
    assert same(outline(text), text)


def test_most_of_the_standard_library_is_bodies() -> None:
    texts = [file.read_bytes() for file in STDLIB]
    assert sum(len(outline(text).text) for text in texts) < 0.6 * sum(map(len, texts))


@pytest.mark.parametrize(
    "head",
    [
        "def f():\n",
        "async def f():\n",
        "class A:\n  def f(self):\n",
        "def f(\n    a,\n    b: int = 1,  # one:\n) -> None:\n",
        "def f(a={\n    1: 2}):  # why\n",
        "if True:\n  def f():\n",
        "@property\ndef f(self):\n    # first: a remark\n",
    ],
)
@pytest.mark.parametrize(
    "inside",
    [
        "",
        "    y = '''\nat the margin\ndef g():\n'''\n",
        "    y = (\n1,\n)\n",
        "    # done\n# at the margin\n",
        "    y = 'a\\\nb'\n",
        '    def g():\n        return \'"""\'\n',
        "    y = \"it's\"  # don't\n",
    ],
)
def test_bodies_end_where_python_says(head: str, inside: str) -> None:
    text = f"import a\n{head}{LONG}{inside}{LONG}\nimport b\nclass B:\n{LONG}".encode()
    found = outline(text)
    try:
        ast.parse(found.text)
    except SyntaxError:
        assert "\n1,\n" in inside or "one:" in head  # these two are read whole
    else:
        assert same(found, text)


def test_bodies_on_the_line_of_their_header_are_no_others() -> None:
    text = f"def f(): ...\ndef g(): return {{\n  'a': 1}}\nclass A:\n{LONG}".encode()
    found = outline(text)
    assert found.bodies == {}
    assert found.text == text


def test_definitions_in_strings_are_text() -> None:
    text = f'x = """\ndef f():\n{LONG}"""\nimport b\n'.encode()
    assert outline(text).text == text


def test_a_body_with_a_line_that_is_wanted_stays() -> None:
    text = f"def f():\n{LONG}    globals()\n{LONG}def g():\n{LONG}".encode()
    found = outline(text, keep=[22])
    assert list(found.bodies) == [44]
    assert same(found, text)


def test_short_bodies_stay() -> None:
    assert outline(b"def f():\n    return 1\n").bodies == {}


@given(st.lists(st.sampled_from([
    "def f():\n", "    def g(self):\n", "x = 1\n", "    y = 2\n", "        return 3\n", '"""', "'''", "'",
    "\\\n", "#", "(", ")", ":", "\n", "\t", "\r\n", "class A:\n", "async ", "é", "\x00",
]), max_size=40))  # fmt: skip
def test_any_text_is_read_whole_or_the_same(pieces: list[str]) -> None:
    text = "".join(pieces).encode()
    before, module.SHORTEST = module.SHORTEST, 1
    try:
        found = outline(text)
    finally:
        module.SHORTEST = before
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
            ast.parse(found.text)
        except (SyntaxError, ValueError):
            return
        assert same(found, text)
