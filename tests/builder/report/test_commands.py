"""Commands are told from the words around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.report.commands import line_pieces, pieces


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("run `envspec lock` and commit what it writes", ["envspec lock"]),
        ("`compile = false` in the spec", []),
        ("see `envspec explain SPEC PACKAGE`", []),
        ("apt-get install libsndfile1", ["apt-get install libsndfile1"]),
        ("apt-get install takes the name of a package, as libgl1 is", []),
        ("`docker pull a:1` brings it; `docker load` too", ["docker pull a:1", "docker load"]),
        ("an odd ` alone", []),
    ],
)
def test_commands_of_a_sentence(text: str, commands: list[str]) -> None:
    assert [piece.text for piece in pieces(text) if piece.kind == "command"] == commands


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("serve it: docker run --rm --publish 5000:5000 a:1", ["docker run --rm --publish 5000:5000 a:1"]),
        ("docker run --rm demo", ["docker run --rm demo"]),
        ("use it with: podman pull oci:out:a:1 (skopeo copies it from there)", ["podman pull oci:out:a:1"]),
        ("pushed: a:1 sha256:00", []),
        ("the docker engine of this machine has it", []),
    ],
)
def test_commands_of_a_line(line: str, commands: list[str]) -> None:
    assert [piece.text for piece in line_pieces(line) if piece.kind == "command"] == commands


@given(st.text(alphabet="`ab: docker(", max_size=40))
def test_nothing_but_backticks_is_lost(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)).replace("`", "") == text.replace("`", "")
    assert "".join(piece.text for piece in line_pieces(text)).replace("`", "") == text.replace("`", "")
