"""Public calls and commands that are really made, to see whether they end where two packages do not fit."""

from __future__ import annotations

import importlib
import pathlib
import sys
from collections.abc import Iterator

import pytest

from builder.inside.probe import arguments, callers, hooks, importing, removed, starting, trying

PROVIDER = "class Made:\n    def __init__(self, one): pass\n    def build(self, one): pass\n"


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A folder of modules that can be imported; what was is forgotten afterwards."""
    (tmp_path / "prov_ider.py").write_text(PROVIDER)
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]
    hooks.sources.cache_clear()


def files_of(site: pathlib.Path, text: str) -> list[list[object]]:
    (site / "us_er.py").write_text(text)
    return [["us_er", str(site / "us_er.py"), False]]


INNER = "def _inner(): return prov_ider.gone\n"
CAUGHT = (
    f"def read():\n    try:\n        return _inner()\n    except AttributeError:\n        return 1\n{INNER}"
)
PAGE = f"""
class Page:
    def __init__(self, file=None, text=None):
        if not text:
            raise ValueError
    def write(self):
        return _inner()
{INNER}"""
BUILT = "class Page:\n    def __init__(self): self.draw()\n    def draw(self): return prov_ider.gone\n"
SAID = "def fails(): raise AttributeError('gone')\ndef inner(): return fails() or prov_ider.gone\n"


@pytest.mark.parametrize(("text", "tried"), [
    (f"def show(): return _inner()\n{INNER}", "us_er.show()"),
    ("def read(path): return open(path).read() and prov_ider.gone\n", "us_er.read(path='sample.json')"),
    ("def read(mode): return prov_ider.gone if mode == 'rare' else 1\n", ""),
    (CAUGHT, ""),
    (PAGE, "us_er.Page(text='<p>one</p>').write()"),
    (BUILT, "us_er.Page()"),
    ("async def ask(): return prov_ider.gone\n", "us_er.ask()"),
    (INNER, ""),
    (SAID, ""),
])  # fmt: skip
def test_the_public_call_that_ends_in_a_missing_name_is_found(
    site: pathlib.Path, text: str, tried: str
) -> None:
    text = "import prov_ider\n" + text
    files = files_of(site, text)
    line = text[: text.index("prov_ider.gone")].count("\n") + 1
    misfit = {"path": files[0][1], "line": line, "name": "prov_ider.gone"}
    assert trying.Trial("us_er", files).reached(misfit)[0] == tried


@pytest.mark.parametrize(("call", "argument", "tried"), [
    ("prov_ider.Made(1, 2)", "", "us_er.make()"),
    ("prov_ider.Made(old=1)", "old", "us_er.make()"),
    ("prov_ider.Made(one=1)", "old", ""),
    ("prov_ider.Made(other=1)", "old", ""),
])  # fmt: skip
def test_the_public_call_that_ends_in_a_refused_argument_is_found(
    site: pathlib.Path, call: str, argument: str, tried: str
) -> None:
    files = files_of(site, f"import prov_ider\ndef make():\n    return {call}\n")
    misfit = {"path": files[0][1], "line": 3, "name": "prov_ider.Made.__init__", "argument": argument}
    assert trying.Trial("us_er", files).reached(misfit)[0] == tried


@pytest.mark.parametrize(("body", "told"), [
    ("made.build(1, old=2)", {"name": "prov_ider.Made.build", "argument": "old"}),
    ("made.build()", {"name": "prov_ider.Made.build", "argument": "", "demanded": "one"}),
    ("made.build(1, 2)", {"name": "prov_ider.Made.build", "argument": "", "given": 3, "taken": 2}),
    ("made.gone()", {"name": "prov_ider.Made.gone", "kind": "name"}),
    ("from prov_ider import gone", {"name": "prov_ider.gone", "kind": "name"}),
    ("own(old=1)", None),
    ("None.gone", None),
    ("raise SystemExit('which file?')", None),
    ("made.build(1)", None),
])  # fmt: skip
def test_a_command_that_ends_where_it_meets_another_package_is_told(
    site: pathlib.Path, body: str, told: dict[str, object] | None
) -> None:
    text = "import prov_ider\ndef own(): pass\ndef main():\n    made = prov_ider.Made(1)\n"
    files = files_of(
        site, f"{text}    try:\n        {body}\n    except Exception:\n        raise SystemExit(1)\n"
    )
    commands = [["us-er", "us_er", "main"]]
    place = {"module": "us_er", "path": files[0][1], "line": 6, "deep": True, "hot": True, "reach": "command"}
    found = starting.Starter(commands, files, {"prov_ider"}).start_all()
    assert found == ([{**place, **told, "tried": "us-er"}] if told is not None else [])


def test_subcommands_are_started_with_what_they_demand(site: pathlib.Path) -> None:
    text = """import click
import prov_ider
@click.group()
def tool(): pass
@tool.command()
def fine(): pass
@tool.command()
@click.argument("file", type=click.Path(exists=True))
def use(file): inner()
def inner(): prov_ider.gone
def main(): tool()
"""
    files = files_of(site, text)
    misfit = {"path": files[0][1], "line": 10, "name": "prov_ider.gone"}
    starter = starting.Starter([["tool", "us_er", "main"]], files, {"prov_ider"})
    ways = callers.Callers(files).distances(str(files[0][1]), 10)
    assert starter.reached(misfit, ways) == "tool use sample.json"


def test_arguments_are_guessed_from_names_and_kinds(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def read_csv(path, n, flag: bool, rows: list[str], text=None, other=None):  # type: ignore[no-untyped-def]
        raise AssertionError(path, n, flag, rows, text, other)

    first, *more = arguments.calls(read_csv)
    assert first == {"path": str(tmp_path / "sample.csv"), "n": 1, "flag": False, "rows": []}
    assert {**first, "text": arguments.TEXT} in more
    assert not any("other" in each for each in more)


def test_a_name_that_everything_has_leads_nowhere(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("def get(): pass\n" + "".join(f"def f{n}(): get()\n" for n in range(30)))
    assert callers.Callers([["a", str(path), False]]).distances(str(path), 1) == {"get": 0}


REFUSALS = """
class GoneDeprecationError(Exception): pass
def refuse(text): raise GoneDeprecationError(text)
def tell(name): refuse(name + ' was removed')
class Reader:
    def __init__(self, *given):
        '''It was here.'''
        tell('Reader')
class Fine:
    def __init__(self, *given): print(given)
class Abstract:
    def __init__(self): raise NotImplementedError
class Proxy:
    def __getattr__(self, name): raise GoneDeprecationError(name)
chat = Proxy()
"""


@pytest.mark.parametrize(("name", "gone"), [
    ("Reader", True), ("refuse", True), ("tell", True), ("Fine", False), ("Abstract", False),
    ("missing", False), ("GoneDeprecationError", False),
])  # fmt: skip
def test_what_is_there_only_to_be_refused_is_known(site: pathlib.Path, name: str, *, gone: bool) -> None:
    (site / "ref_using.py").write_text(REFUSALS)
    module = importlib.import_module("ref_using")
    assert removed.is_removed(module, name) is gone
    assert removed.depth(module, (name, "more")) == (1 if gone else 0)
    assert removed.is_removed(module.chat, name)
    assert removed.depth(module, ("chat", name, "more")) == 2


def test_a_call_of_what_is_gone_is_tried(site: pathlib.Path) -> None:
    (site / "ref_using.py").write_text(REFUSALS)
    files = files_of(site, "import ref_using\ndef read(path):\n    return ref_using.Reader(path)\n")
    misfit = {"path": files[0][1], "line": 3, "name": "ref_using.Reader", "removed": True}
    assert trying.Trial("us_er", files).reached(misfit) == ("us_er.read(path='sample.json')", False)


@pytest.mark.parametrize(("given", "tried"), [("values", "us_er.use(values=[1.0, 2.0, 3.0])"), ("name", "")])
def test_what_must_be_copied_and_may_not_is_tried(
    site: pathlib.Path, given: str, tried: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "numpy", raising=False)  # arrays are tried where they are used
    (site / "num_ber.py").write_text(
        "def array(x, copy):\n    if type(x) in (list, str, int):\n"
        "        raise ValueError('Unable to avoid copy')\n"
    )
    files = files_of(
        site, f"import num_ber\ndef use({given}):\n    return num_ber.array({given}, copy=False)\n"
    )
    where = {"path": files[0][1], "line": 3}
    misfit = {**where, "name": "num_ber.array", "argument": "copy", "copied": given, "doubtful": True}
    assert trying.Trial("us_er", files).reached(misfit)[0] == tried


BASE = """
class Adapter:
    def send(self):
        return self.{called}(1)
    def connect(self, url):
        raise ValueError('a scheme that is not known')
    def connect_safely(self, url):
        return self.open(url)
    def open(self, url):
        raise ValueError('a scheme that is not known')
"""
OVERRIDES = """
import ad_apter
class Unix(ad_apter.Adapter):
    def connect(self, url):
        return 1
class Client:
    def __init__(self):
        Unix().send()
"""


@pytest.mark.parametrize(("called", "more", "found"), [
    ("connect_safely", "", True),
    ("connect", "", False),
    ("connect_safely", "\n    connect_safely = connect\n", False),
    ("connect_safely", "\n    def other(self): return self.connect(2)\n", False),
])  # fmt: skip
def test_a_method_that_is_overridden_in_vain_is_found_and_tried(
    site: pathlib.Path, called: str, more: str, *, found: bool
) -> None:
    (site / "ad_apter").mkdir()
    (site / "ad_apter" / "__init__.py").write_text(BASE.format(called=called))
    files = files_of(site, OVERRIDES.replace("        return 1\n", f"        return 1\n{more}"))
    importlib.import_module("us_er")
    misfits = hooks.idle("us_er", [str(files[0][1])], {"ad_apter"})
    assert [each["instead"] for each in misfits] == (["connect_safely"] if found else [])
    for each in misfits:
        told = {**each, "module": "us_er", "path": files[0][1]}
        assert trying.Trial("us_er", files).reached(told)[0] == "us_er.Client()"


def test_an_override_is_in_vain_only_for_objects_of_its_class(site: pathlib.Path) -> None:
    """Another class, which overrides nothing, ends in the same method: that says nothing of this one."""
    (site / "ad_apter").mkdir()
    (site / "ad_apter" / "__init__.py").write_text(BASE.format(called="connect_safely"))
    other = OVERRIDES.replace("        Unix().send()", "        Plain().send() or Unix()")
    files = files_of(site, other + "class Plain(ad_apter.Adapter):\n    pass\n")
    misfit = {"module": "us_er", "path": files[0][1], "line": 4, "name": "ad_apter.Adapter.connect"}
    misfit.update(instead="connect_safely", **{"class": "Unix"})
    assert trying.Trial("us_er", files).reached(misfit)[0] == ""


SHOWN = """
class Shown:
    def show_metavar(self, ctx):
        return 'M'
    def page(self, ctx):
        return self.show_metavar({passed})
{more}
"""
SHOWS = "import ad_apter\nclass Own(ad_apter.Shown):\n    def show_metavar({taken}):\n        return 'mine'\n"


@pytest.mark.parametrize(("passed", "taken", "more", "found"), [
    ("ctx=ctx", "self", "", ["ctx"]),
    ("ctx", "self", "", [""]),
    ("ctx", "self, ctx, width", "", [""]),
    ("ctx", "self, context", "", []),
    ("ctx", "self, *given", "", []),
    ("ctx=ctx", "self, **given", "", []),
    ("*ctx", "self", "", []),
    ("ctx", "self", "    def old(self):\n        return self.show_metavar()\n", [""]),
    ("ctx", "self", "    later = show_metavar\n    def get(self): return self.show_metavar\n", []),
    ("", "self", "class Sub(Shown):\n    def show_metavar(self, c): super().show_metavar(c)\n", []),
    ("ctx", "self", "NAMES = ['show_metavar']\n", []),
    ("ctx", "self", "class Other:\n    def show_metavar(self, ctx): pass\n", []),
    ("ctx", "self", "def make():\n    class Inner:\n        def show_metavar(self, ctx): pass\n", []),
])  # fmt: skip
def test_a_method_that_is_called_otherwise_than_it_is_overridden_is_found(
    site: pathlib.Path, passed: str, taken: str, more: str, found: list[str]
) -> None:
    (site / "ad_apter").mkdir()
    (site / "ad_apter" / "__init__.py").write_text(SHOWN.format(passed=passed, more=more))
    files = files_of(site, SHOWS.format(taken=taken) + "def show():\n    return Own().page(1)\n")
    importlib.import_module("us_er")
    misfits = hooks.unfit("us_er", {"ad_apter"})
    assert [each["argument"] for each in misfits] == found
    for each in misfits:
        told = {**each, "module": "us_er", "path": files[0][1]}
        assert trying.Trial("us_er", files).reached(told)[0] == "us_er.show()"


def test_another_error_does_not_prove_that_an_override_is_called_otherwise(site: pathlib.Path) -> None:
    (site / "ad_apter").mkdir()
    (site / "ad_apter" / "__init__.py").write_text(SHOWN.format(passed="ctx", more=""))
    ends = "def show():\n    return Own().page(1) if False else Own().later()\n"
    files = files_of(site, SHOWS.format(taken="self") + ends)
    importlib.import_module("us_er")
    (misfit,) = hooks.unfit("us_er", {"ad_apter"})
    told = {**misfit, "module": "us_er", "path": files[0][1]}
    assert trying.Trial("us_er", files).reached(told)[0] == ""


MADE = """
import prov_ider
class Good:
    def __init__(self, path=None): self.path = path
class Old:
    def __init__(self, **more): prov_ider.Made(1).gone(self)
class Wants:
    def __init__(self, one): prov_ider.Made(1).gone(one)
class OldError(Exception):
    def __init__(self): prov_ider.Made(1).gone(self)
class _Hidden:
    def __init__(self): prov_ider.Made(1).gone(self)
class HandsOn(prov_ider.Made):
    def __init__(self, *given, **named): super().__init__(*given, **named)
class Careful:
    def __init__(self):
        try:
            prov_ider.Made(1).gone(self)
        except AttributeError:
            pass
"""


def test_exported_classes_that_want_nothing_are_made(site: pathlib.Path) -> None:
    files = files_of(site, MADE)
    (found,) = starting.Starter([], files, {"prov_ider"}).make_all("us_er")
    assert (found["tried"], found["name"], found["line"]) == ("us_er.Old()", "prov_ider.Made.gone", 6)


@pytest.mark.parametrize(("body", "name"), [
    ("inspect.getargspec(print)", "inspect.getargspec"),
    ("from inspect import getargspec", "inspect.getargspec"),
    ("inspect.nowhere(print)", None),  # on another system it may be there
    ("inspect.signature(1)", None),
])  # fmt: skip
def test_what_the_standard_library_has_lost_ends_classes_and_commands(
    site: pathlib.Path, body: str, name: str | None
) -> None:
    text = f"import inspect\nclass Made:\n    def __init__(self):\n        {body}\ndef main(): Made()\n"
    commands, gone = [["tool", "us_er", "main"]], {"inspect": ["inspect.getargspec"]}
    starter = starting.Starter(commands, files_of(site, text), set(), gone)
    assert [each["name"] for each in starter.make_all("us_er")] == ([name] if name else [])
    assert [each["name"] for each in starter.start_all()] == ([name] if name else [])


@pytest.mark.parametrize(("said", "home", "name"), [
    ("module 'inspect' has no attribute 'getargspec'", "inspect", (None, "getargspec")),
    ("module 'nowhere_to_be_found' has no attribute 'gone'", "", (None, "gone")),
    ("'OddlyMade' object has no attribute 'gone'", "od_d", ("OddlyMade", "gone")),
    ("type object 'OddlyMade' has no attribute 'gone'", "od_d", ("OddlyMade", "gone")),
])  # fmt: skip
def test_what_lacks_an_attribute_is_read_off_the_words_where_there_is_no_more(
    site: pathlib.Path, said: str, home: str, name: tuple[str | None, str]
) -> None:
    """Before Python 3.10 an exception has nothing else."""
    (site / "od_d.py").write_text("class OddlyMade: pass\n")
    importlib.import_module("od_d")
    assert importing.holder(AttributeError(said), said) == home
    found = starting.LACKED.match(said)
    assert found is not None
    assert found.groups() == name


@pytest.mark.parametrize(("call", "root", "deep"), [
    ("pack_age.use(path='a.b.c')", "pack_age", False),
    ("pack_age.Made().use()", "pack_age", False),
    ("pack_age.inner.use()", "pack_age", True),
    ("pack_age.inner.deep.use()", "pack_age", True),
    ("pack_age.empty.use()", "pack_age.empty", False),
    ("pack_age.empty.inner.use()", "pack_age.empty", False),
    ("pack_age.empty.inner.deep.use()", "pack_age.empty", True),
])  # fmt: skip
def test_what_is_called_inside_of_a_package_is_no_more_than_a_corner_of_it(
    site: pathlib.Path, call: str, root: str, *, deep: bool
) -> None:
    (site / "pack_age" / "empty").mkdir(parents=True)
    (site / "pack_age" / "__init__.py").write_text("def use(path): pass\n")
    (site / "pack_age" / "empty" / "__init__.py").write_text("import os\n")
    importlib.import_module(root)
    assert trying.Trial(root, []).is_deep(call) is deep


@pytest.mark.parametrize("own", [False, True])
def test_two_others_that_do_not_go_together_are_told_where_a_command_meets_them(
    site: pathlib.Path, *, own: bool
) -> None:
    (site / "fra_me.py").write_text(
        "class Option:\n    def show(self, more): pass\ndef run(option):\n    option.show(1)\n"
    )
    (site / "ad_don.py").write_text("import fra_me\nclass Option(fra_me.Option):\n    def show(self): pass\n")
    text = (
        "import sys, ad_don, fra_me\ndef main():\n    if sys.argv[1:]:\n        fra_me.run(ad_don.Option())\n"
    )
    files = files_of(site, text)
    files += [["ad_don", str(site / "ad_don.py"), False]] if own else []
    others = {"fra_me"} if own else {"fra_me", "ad_don"}
    (found,) = starting.Starter([["tool", "us_er", "main"]], files, others).start_all()
    assert (found["caller"], found["module"], found["line"]) == ("fra_me", "fra_me", 4)
    assert (found["name"], found["given"], found["taken"]) == ("ad_don.Option.show", 2, 1)
    assert found["tried"] == "tool --help"
