"""What a run found out is found again by the next one, unless something that it depends on changed."""

import pathlib

import pytest

from builder.flow import pipeline
from builder.flow.pipeline import Kept, proof_depends
from envspec.lockfile import lock
from envspec.spec import load
from tests.support.paths import EXAMPLES

EXAMPLE = EXAMPLES / "espeak" / "envspec.toml"


def test_facts_are_found_again_and_belong_to_what_they_depend_on(home: pathlib.Path) -> None:
    Kept("proof", {"lock": "one"}).write({"findings": []})
    assert Kept("proof", {"lock": "one"}).read() == {"findings": []}
    assert Kept("proof", {"lock": "two"}).read() is None
    assert Kept("verdict", {"lock": "one"}).read() is None


def test_an_edited_tool_finds_out_anew(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Kept("proof", {"lock": "one"}).write({"findings": []})
    monkeypatch.setattr(pipeline, "_tool", lambda: ("0", 0))
    assert Kept("proof", {"lock": "one"}).read() is None


def test_half_a_file_is_no_facts(home: pathlib.Path) -> None:
    Kept("proof", {}).write({"findings": []})
    (file,) = (home / "proof").iterdir()
    file.write_text(file.read_text()[:5])
    assert Kept("proof", {}).read() is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[smoke]\n", '[smoke]\nattributes = ["json:loads"]\n'),  # looked at in the environment alone
        ('imports = ["', 'imports = ["json", "'),
        ("[service]\n", '[service]\nenv = { WORD = "x" }\n'),
    ],
)
def test_what_a_proof_depends_on(old: str, new: str) -> None:
    text = EXAMPLE.read_text()
    held = lock.read(lock.lock_file(EXAMPLE, None))
    assert held is not None
    assert old in text
    one, other = load.parse(text), load.parse(text.replace(old, new, 1))
    same = proof_depends(one, held) == proof_depends(other, held)
    assert same is ("attributes" in new)
