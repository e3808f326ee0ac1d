"""RECORD as everything that runs inside reads it."""

from __future__ import annotations

import pathlib

import pytest

from builder.inside.record import read_record


def test_rows_have_three_columns_whatever_is_written(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "RECORD"
    file.write_text('a.py,sha256=x,3\n"b,c.py"\n\n,,\nd/RECORD,,\n')
    assert read_record(file) == [["a.py", "sha256=x", "3"], ["b,c.py", "", ""], ["d/RECORD", "", ""]]


def test_names_that_are_no_text_can_be_written_back(tmp_path: pathlib.Path) -> None:
    (tmp_path / "RECORD").write_bytes(b"\xff.py,,\n")
    assert read_record(tmp_path / "RECORD") == [["�.py", "", ""]]
    rows = read_record(tmp_path / "RECORD", errors="surrogateescape")
    assert rows is not None
    ((name, _, _),) = rows
    assert name.encode("utf-8", "surrogateescape") == b"\xff.py"


@pytest.mark.parametrize("content", [None, b"x" * 200_000 + b",,\n"], ids=["gone", "no CSV"])
def test_what_is_no_record_is_none(tmp_path: pathlib.Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "RECORD").write_bytes(content)
    assert read_record(tmp_path / "RECORD") is None
