"""What travels with a module: all that it imports, nothing else, and in an order that can be loaded."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from builder.image import travelling


@pytest.fixture
def room(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A room of a few modules in place of the real one."""
    files = {
        "top.py": "from . import low\nfrom .deep.one import ONE\ndef main(_):\n    return low.LOW + ONE\n",
        "low.py": '"""Ü."""\nTYPE_CHECKING = False\nif TYPE_CHECKING:\n    from . import typed\nLOW = 4\n',
        "deep/one.py": "from ..low import (\n    LOW,\n)\n\nONE = LOW - 1\n",
        "typed.py": "",
        "idle.py": "",
        "out.py": "from .. import elsewhere\n",
        "this.py": "from .that import x\n",
        "that.py": "from . import this\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "loader.py").write_text(travelling.text("loader"))
    monkeypatch.setattr(travelling, "_TOP", tmp_path)
    travelling.imports.cache_clear()
    yield tmp_path
    travelling.imports.cache_clear()


@pytest.mark.usefixtures("room")
def test_modules_come_after_those_that_they_need_and_no_others_come() -> None:
    assert travelling.modules("top") == ("low", "deep.one", "top")
    assert travelling.modules("idle", "low") == ("idle", "low")


@pytest.mark.usefixtures("room")
def test_a_folder_gets_the_packages_too() -> None:
    room = "builder/inside/"
    expected = ["__init__.py", "deep/__init__.py", "deep/one.py", "low.py", "top.py"]
    assert travelling.paths("top") == tuple(room + name for name in expected)


@pytest.mark.usefixtures("room")
def test_what_leads_out_of_the_room_is_refused() -> None:
    with pytest.raises(ImportError, match=r"out imports builder\.elsewhere, which is not in builder\.inside"):
        travelling.modules("out")


@pytest.mark.usefixtures("room")
def test_a_circle_is_refused() -> None:
    with pytest.raises(ImportError, match="this -> that -> this"):
        travelling.modules("this")


@pytest.mark.usefixtures("room")
def test_a_program_is_one_text_that_needs_no_file() -> None:
    program = travelling.program("top")
    assert program.isascii()
    for words in (["-c", program], ["-"]):
        command = [sys.executable, "-I", "-S", *words]
        assert subprocess.run(command, input=program, text=True, timeout=60).returncode == 7
