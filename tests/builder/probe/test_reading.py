"""What the probe takes from source code, without any environment."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
import textwrap

import pytest

from builder.inside.probe import child, distributions, elf, files, programs, reading, screening, shape, usage

LOOPED = {"other.deep", "other.name", "other.deep.name"}


def uses(source: str) -> set[str]:
    """Dotted names that a module uses of `np`, `os` or `other` without a way out."""
    reader = reading.SourceReader("pkg", lambda chain: chain[0] in ("numpy", "other"))
    reader.read_module(ast.parse(textwrap.dedent(source)))
    return {".".join(use.chain) for use in reader.uses if not use.doubted}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy as np\nnp.bool8", {"numpy.bool8"}),
        ("from numpy import bool8", {"numpy.bool8"}),
        ("import other.deep\nother.deep.name", {"other.deep", "other.deep.name"}),
        ("import numpy as np\ndef f():\n    return np.float", {"numpy.float"}),
        ("import numpy as np\ndef f(np):\n    return np.float", set()),
        ("import numpy as np\nnp = 1\nnp.float", set()),
        ("import numpy as np\ntry:\n    np.bool8\nexcept AttributeError:\n    pass", set()),
        ("import numpy as np\ntry:\n    np.bool8\nexcept ImportError:\n    pass", {"numpy.bool8"}),
        ("try:\n    from numpy import bool8\nexcept ImportError:\n    pass", set()),
        (
            "try:\n    from numpy import a\nexcept ImportError:\n    from other import a\ndef f():\n    a.b",
            {"numpy.a.b"},
        ),
        ("n = None\ndef g():\n    global n\n    import numpy as n\ndef f():\n    n.float", {"numpy.float"}),
        ("n = 1\ndef g():\n    global n\n    import numpy as n\ndef f():\n    n.float", set()),
        ("import numpy as np\nif hasattr(np, 'bool8'):\n    np.bool8", set()),
        ("import numpy as np\nif np.__version__ < '2':\n    np.bool8", set()),
        ("import numpy as np\ndef f(x):\n    if x:\n        return np.float", {"numpy.float"}),
        ("import numpy as np\ndef f(self):\n    if self.is_int:\n        np.int", {"numpy.int"}),
        ("import numpy as np\ndef f(self):\n    if is_int:\n        np.int", set()),
        ("import numpy as np\ndef f():\n    if NUMPY2:\n        return 1\n    return np.float", set()),
        ("import numpy as np\nx = np.float if HAS_FLOAT else 1", set()),
        ("import numpy as np\nnp.float = 1", set()),
        ("import numpy as np\ndef f(x: np.float): pass", set()),
        ("import other\nfor each in other, other.deep:\n    each.name", LOOPED),
        ("from . import other\nother.name", set()),
        ("class A:\n    import numpy as np\n    x = np.a\n    def f(s):\n        return np.b", {"numpy.a"}),
    ],
)  # fmt: skip
def test_uses_are_found_unless_there_is_a_way_out(source: str, found: set[str]) -> None:
    assert uses(source) == found


@pytest.mark.parametrize(("live", "found"), [({4}, {"numpy.old"}), ({1, 2}, set())])
def test_functions_that_the_module_has_have_no_way_out_by_where_they_stand(
    live: set[int], found: set[str]
) -> None:
    source = "try:\n    import cv2\nexcept ImportError:\n    @wrap\n    def f():\n        return numpy.old\n"
    reader = reading.SourceReader("pkg", lambda chain: chain[0] == "numpy", frozenset(live))
    reader.read_module(ast.parse(source + "import numpy\n"))
    assert {".".join(use.chain) for use in reader.uses} == found


@pytest.mark.parametrize("condition", ["hasattr(np, 'bool8')", "np.__version__ < '2'"])
def test_what_depends_on_a_condition_is_doubted_outside_of_functions_only(condition: str) -> None:
    outside = f"import numpy as np\nif {condition}:\n    np.bool8"
    reader = reading.SourceReader("pkg", lambda chain: chain[0] == "numpy")
    reader.read_module(ast.parse(outside))
    assert {".".join(use.chain) for use in reader.uses if use.doubted} >= {"numpy.bool8"}
    assert uses(f"import numpy as np\ndef f():\n    if {condition}:\n        np.bool8") == set()


def test_the_screen_sees_what_the_reader_sees() -> None:
    source = "import numpy as np\nfrom other import (a,\n    b as c)\nnp.x.y(1)\nc.d\n"
    source += "for e in np, np.f:\n    e.g\n"
    names = screening.aliases(source, lambda top: top in ("numpy", "other"))
    spelled = {".".join(chain) for chain, _ in screening.chains(source, names)}
    assert {"numpy.x.y", "other.a", "other.b.d", "numpy.g", "numpy.f.g"} <= spelled
    assert ("numpy", "x", "y") in {chain for chain, called in screening.chains(source, names) if called}


def test_roots_look_through_namespaces() -> None:
    packages = {"google/protobuf", "google/protobuf/internal", "plain"}
    assert distributions.shallowest(["google", "protobuf", "internal", "x"], packages) == "google.protobuf"
    assert distributions.shallowest(["plain", "x"], packages) == "plain"
    assert distributions.shallowest(["space", "single"], packages) == "space.single"


def test_only_files_that_export_their_own_name_are_modules(tmp_path: pathlib.Path) -> None:
    import numpy.linalg._umath_linalg as real

    assert elf.initialises(real.__file__, "_umath_linalg") is True
    assert elf.initialises(real.__file__, "other") is False
    (tmp_path / "text.so").write_text("no module")
    assert elf.initialises(str(tmp_path / "text.so"), "text") is None


def test_a_compiled_file_that_was_cut_short_is_not_whole(tmp_path: pathlib.Path) -> None:
    import numpy.linalg._umath_linalg as real

    data = pathlib.Path(real.__file__).read_bytes()
    (tmp_path / "cut.so").write_bytes(data[: len(data) // 2])
    assert elf.whole(real.__file__)
    assert not elf.whole(str(tmp_path / "cut.so"))


def test_programs_are_told_from_words_only_for_wrappers() -> None:
    assert programs.purpose("pytesseract", "Python-tesseract is a wrapper for Tesseract-OCR") == ["tesseract"]
    assert programs.purpose("pyspark", "Apache Spark Python API") == []
    assert programs.purpose("docker", "A Python wrapper for the docker API") == []
    assert "pdftoppm" in programs.purpose("p2i", "A wrapper around the pdftoppm command line tools")


def test_how_a_file_changed_is_told(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "data.bin"
    for content, manner in ((b"", "empty"), (b"\0\0", "zeros"), (b"xy", "shorter"), (b"x" * 9, "edited")):
        path.write_bytes(content)
        assert files.manner(str(path), len(content), [5]) == manner


def test_a_module_with_any_content_is_no_toy() -> None:
    toys = ["'''doc'''", "__version__ = '1'", "def hello():\n    return 'x'", "def hello():\n    print('x')"]
    assert all(shape.is_toy(ast.parse(source).body[0]) for source in toys)
    real = ["import os", "def f(x):\n    return x", "class A:\n    pass", "x = f()"]
    assert not any(shape.is_toy(ast.parse(source).body[0]) for source in real)


def steps(code: str) -> dict[str, object]:
    """One step in a fresh process: the tests' own has threads, with which one should not fork."""
    program = (
        "import json, os, signal, sys, time\n"
        f"sys.path.insert(0, {str(pathlib.Path(child.__file__).parents[2])!r})\n"
        "from builder.inside.probe import child\n"
        f"def work():\n{textwrap.indent(textwrap.dedent(code), '    ')}\n"
        "child.step(work, timeout=1.5, tell=lambda result: print(json.dumps(result), flush=True))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    found: dict[str, object] = __import__("json").loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("code", "key", "value"),
    [
        ("return {'a': 1}", "value", {"a": 1}),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal", 11),
        ("os._exit(5)", "exit", 5),
        ("time.sleep(30)", "timeout", True),
        ("while True: os.write(1, b'x' * 65536)", "flood", True),
        ("print('said', flush=True)\nreturn 1", "output", "said\n"),
    ],
)
def test_a_step_tells_how_it_ended(code: str, key: str, value: object) -> None:
    assert steps(code)[key] == value


@pytest.mark.parametrize(
    ("source", "put"),
    [
        ("import other\nother.a = 1\ndef f():\n    other.a()", True),
        ("import other\ndef f():\n    old = other.a\n    other.a = 1", False),
        ("import other\ndef g():\n    other.a = 1\ndef f():\n    other.a", True),
    ],
)
def test_what_a_file_puts_into_another_is_there_from_then_on(source: str, put: bool) -> None:
    reader = reading.SourceReader("pkg", lambda chain: chain[0] == "other")
    reader.read_module(ast.parse(source))
    assert reader.is_stored(next(use for use in reader.uses if use.deep)) is put


@pytest.mark.parametrize(
    ("call", "given"), [("other.f(1, 2, a=3)", 2), ("other.f(*x)", 0), ("other.f(1, *x, a=3)", 0)]
)
def test_arguments_by_place_are_counted_where_they_are_known(call: str, given: int) -> None:
    reader = reading.SourceReader("pkg", lambda chain: chain[0] == "other")
    reader.read_module(ast.parse(f"import other\n{call}"))
    assert {use.given for use in reader.uses if use.kind == "call"} in ({given}, set())


@pytest.mark.parametrize(("taken", "unloaded"), [(1, "space.part.late"), (3, "")])
def test_what_an_import_statement_goes_through_is_imported_by_it(taken: int, unloaded: str) -> None:
    job = {"root": "space", "others": [], "dist": "space", "summary": "", "path": [], "files": []}
    uses = usage.Usage(job)
    uses.unloaded = {"space.part.late"}
    assert uses.unimported(("space", "part", "late", "Thing"), taken) == unloaded
