"""`scripts/gpu` where there is a card, and the parts of it that need none where there is not."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from builder.inside.entrypoint import driver
from envspec.spec.cards import Architecture
from tests.gpu import __main__ as program
from tests.gpu import launches, layout, reader
from tests.support import fatbins
from tests.support.paths import ROOT


@pytest.mark.gpu
def test_all_that_a_card_shows_is_as_it_should_be(tmp_path: pathlib.Path) -> None:
    if not driver.ask()["cards"]:
        pytest.skip("there is no card here")
    done = subprocess.run([ROOT / "scripts" / "gpu", tmp_path], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    assert json.loads((tmp_path / "gpu.json").read_text())["good"]


def test_an_answer_is_the_last_line_and_last_words_are_kept(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    layout.answer(True, "fine", more=1)
    log.write_text("noise\n" + capsys.readouterr().out)
    assert program._answer(log) == {"good": True, "said": "fine", "more": 1}
    for text in ("Traceback\nValueError: no", '{"other": 1}', "[]", ""):
        log.write_text(text)
        assert "good" not in program._answer(log)
    assert "nothing was said" in str(program._answer(log))


def test_a_part_that_hangs_or_fails_stops_no_other(tmp_path: pathlib.Path) -> None:
    """Neither needs a card: a part that there is not, and one whose time is over before it answers."""
    gone = program.Part("no_such_part", 30.0, tool=False)
    assert "No module named" in program._run(gone, tmp_path, tmp_path, 1e12, "")["said"]
    slow = program.Part("launches", 5.01, tool=False)
    os.environ.pop("GPU_PYTHON", None)
    result = program._run(slow, tmp_path, tmp_path, 1e12, "")
    assert result["good"] is False


def test_the_reader_is_compared_with_what_the_lister_says(tmp_path: pathlib.Path) -> None:
    library = tmp_path / "lib.so"
    code = fatbins.container(fatbins.entry(90), fatbins.entry(90), fatbins.entry(80, fatbins.PTX))
    library.write_bytes(fatbins.elf(code))
    lister = tmp_path / "cuobjdump"
    lister.write_text(
        "#!/bin/sh\n[ $1 = --list-ptx ] && echo 'PTX file    1: a.1.sm_80.ptx' && exit\n"
        "echo 'ELF file    1: a.1.sm_90.cubin'\necho 'ELF file    2: b.sm_90.cubin'\n"
    )
    lister.chmod(0o755)
    counted = reader._counted(reader._read(library))
    assert reader._listed(str(lister), library) == counted == {"ELF sm_90": 2, "PTX sm_80": 1}


def test_a_build_is_named_as_the_compiler_has_it() -> None:
    build = launches.Build(Architecture.parse("sm_90a"), ptx=True)
    assert (build.name, build.option) == ("compute_90a", "arch=compute_90a,code=compute_90a")
    build = launches.Build(Architecture.parse("sm_90a"), ptx=False)
    assert build.option == "arch=compute_90a,code=sm_90a"


def test_a_machine_without_a_card_is_told_so(tmp_path: pathlib.Path) -> None:
    if driver.ask()["cards"]:
        pytest.skip("there is a card here")
    for part in ("doctor", "service"):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "GPU_SERVICE": str(tmp_path)}
        command = [sys.executable, "-m", f"tests.gpu.{part}", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, timeout=120)
        assert done.returncode == 1
        assert json.loads(done.stdout.splitlines()[-1])["good"] is False
