"""Wheels that speak in escapes, wherever they can: no run hands them on to a terminal or a document."""

from __future__ import annotations

import json
import pathlib
import re
import xml.etree.ElementTree as ET

import pytest

from builder.report.forms import FILES, FORMS
from tests.support.amount import amount
from tests.support.hostile import acting
from tests.support.program import machine, run
from tests.support.wheels import wheel

BAD = "\x1b]0;pwn\x07\x1b[2J\u202egnp\u2066\u200b[red]</script>\x9b31m"
QUOTED = "".join(f"\\u{ord(each):04x}" for each in f"{BAD}\u2028")
LINES = r"\n::error::pwn\n  ::add-mask::x\n##[group]x\r##vso[task.complete]"
LONG = "'x' * 300_000"

CODE = {
    "an exception": f'raise RuntimeError("{QUOTED}")',
    "an exception of many lines": f'raise RuntimeError("{LINES}")',
    "a long exception": f"raise RuntimeError({LONG})",
    "a long class": f"raise type({LONG}, (Exception,), {{}})()",
    "a class of escapes": f'raise type("{QUOTED}", (Exception,), {{}})("x")',
    "what it prints": f'print("{QUOTED}{LINES}")',
    "what it prints aside": f'import sys; print("{QUOTED}{LINES}", file=sys.stderr); raise SystemExit(3)',
    "its last words": f'import os; os.write(2, "{QUOTED}".encode("utf-8", "replace")); os.abort()',
    "bytes that are no text": r'import os; os.write(1, b"\xff\xfe\x1b[2J"); raise ValueError("\udcff")',
    "a warning": f'import warnings; warnings.warn("{QUOTED}{LINES}")',
    "a missing module": f'__import__("{QUOTED}")',
    "a missing name": f'import json; getattr(json, "{QUOTED}")',
    "a missing library": f'import ctypes; ctypes.CDLL("{QUOTED}.so")',
    "a missing file": f'open("/nowhere/{QUOTED}")',
    "a version of its own": f'__version__ = "{QUOTED}"; import nothing_there',
    "a name of its own": f'__name__ = "{QUOTED}"; raise ImportError("x", name="{QUOTED}", path="{QUOTED}")',
}
"""What a module may do, by what is then quoted of it."""

METADATA = {
    "Summary": BAD,
    "Requires-Dist": f"demo-{BAD}>=1",
    "Requires-Dist ": f'flask; extra == "{BAD}"',
    "Requires-Python": f">=3.{BAD}",
    "Name": f"evil{BAD}",
    "Version": f"1.0{BAD}",
    "Provides-Extra": BAD,
}
"""Fields that are read of a wheel."""

FILES_OF = {
    "a module": f"evil/{BAD}.py",
    "a package": f"{BAD}/__init__.py",
    "a library": f"evil/{BAD}.cpython-311-x86_64-linux-gnu.so",
    "a path file": f"{BAD}.pth",
    "a way out": f"../{BAD}",
    "an entry point": "evil-1.0.dist-info/entry_points.txt",
}
"""Names of files that a wheel may hold."""


def hostile(folder: pathlib.Path, kind: str, case: str) -> pathlib.Path:
    """A wheel with one trick."""
    plain = {"evil/__init__.py": "def answer():\n    return 1\n"}
    match kind:
        case "code":
            return wheel(folder, "evil", files={"evil/__init__.py": f"def answer(): ...\n{CODE[case]}\n"})
        case "metadata":
            fields = {
                "Metadata-Version": "2.1",
                "Name": "evil",
                "Version": "1.0",
                case.strip(): METADATA[case],
            }
            return wheel(folder, "evil", files=plain, metadata=[": ".join(field) for field in fields.items()])
        case _:
            body = f"[console_scripts]\n{BAD} = evil:{BAD}\n" if "entry" in case else "import nothing_there"
            return wheel(folder, "evil", files={**plain, FILES_OF[case]: body})


CASES = [
    (kind, case)
    for kind, cases in (("code", CODE), ("metadata", METADATA), ("files", FILES_OF))
    for case in cases
]


def chosen() -> list[tuple[str, str]]:
    """Some of the cases of each kind, or all of them."""
    step = max(len(CASES) // amount(6, len(CASES)), 1)
    return CASES[::step]


@pytest.mark.parametrize(("kind", "case"), chosen())
def test_no_run_hands_on_what_acts(kind: str, case: str, tmp_path: pathlib.Path) -> None:
    file = hostile(tmp_path / "spec", kind, case)
    stage = f'[[stage]]\nname = "a"\nwheels = [{{path = "{file.name}"}}]\n'
    head = 'name = "x"\npython = "3.11"\n[base]\nhost = true\n'
    (tmp_path / "spec" / "envspec.toml").write_text(head + stage)
    env = machine(tmp_path / "home", PIP_NO_INDEX="1")
    for words in (("check",), ("check", "--format", "github", "-q"), ("explain", tmp_path / "spec", "evil")):
        place = () if "explain" in words else (tmp_path / "spec",)
        said = run("envspec", *words, *place, env=env)
        assert said.returncode in {0, 1, 2, 4}
        harmless(said.stdout + said.stderr, commands="github" in words)
    said = run(
        "build-image", tmp_path / "spec", "--backend", "virtualenv", "--report", tmp_path / "out", env=env
    )
    assert said.returncode in {0, 1, 2, 3, 4}
    harmless(said.stdout + said.stderr)
    if (tmp_path / "out").is_dir():
        for form in FORMS:  # a page's own style has lines that begin so
            written = (tmp_path / "out" / FILES[form]).read_bytes().decode()
            harmless(written, commands=form in {"github", "html"})
        json.loads((tmp_path / "out" / FILES["json"]).read_text())
        json.loads((tmp_path / "out" / FILES["sarif"]).read_text())
        ET.parse(tmp_path / "out" / FILES["junit"])


def harmless(said: str, *, commands: bool = False) -> None:
    assert acting(said) == []
    assert "Traceback" not in said
    assert len(said) < 300_000
    if not commands:
        assert not re.search(r"(?m)^\s*::|##(?:vso)?\[", said)
