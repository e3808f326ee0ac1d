"""The step of a build that puts a payload where it belongs, and compiles what of it is new."""

import os
import pathlib

from builder.inside.entrypoint import payload


def laid(tmp_path: pathlib.Path) -> pathlib.Path:
    """A payload that was put where nothing was before."""
    code = tmp_path / "code"
    (code / "inner").mkdir(parents=True)
    (code / "app.py").write_text("x = 1\n")
    (code / "inner" / "template.py").write_text("{{ no code }}\n")
    (code / "run").write_text("#!/bin/sh\n")
    (code / "run").chmod(0o755)
    os.utime(code / "app.py", ns=(10**9, 10**9))
    place = tmp_path / "opt" / "app"
    assert payload.main([str(code), str(place), str(tmp_path / "cache")]) == 0
    return place


def test_it_is_copied_with_modes_and_dates_into_a_folder_of_its_own(tmp_path: pathlib.Path) -> None:
    place = laid(tmp_path)
    assert (place / "app.py").stat().st_mtime_ns == 10**9
    assert (place / "run").stat().st_mode & 0o777 == 0o755
    assert (place / "inner" / "template.py").read_text() == "{{ no code }}\n"


def test_a_payload_without_folders_has_one_of_its_own_as_well(tmp_path: pathlib.Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("x = 1\n")
    place = tmp_path / "opt" / "app"
    assert payload.main([str(tmp_path / "code"), str(place), str(tmp_path / "cache")]) == 0
    assert (place / "app.py").read_text() == "x = 1\n"


def test_what_compiles_is_compiled_once_and_what_does_not_is_left(tmp_path: pathlib.Path) -> None:
    place = laid(tmp_path)
    (made,) = place.rglob("*.pyc")
    assert made.name.startswith("app.")
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.read_bytes() == made.read_bytes()
    made.unlink()
    kept.write_bytes(b"as it was kept")
    payload.compile_once(str(place / "app.py"), str(tmp_path / "cache"))
    assert made.read_bytes() == b"as it was kept"
