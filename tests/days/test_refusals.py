"""An index that refuses, fails or lies: told as what it is, by both resolvers and by `simulate`.

`ENVSPEC_DAYS=all` tries every lie at every place with every program; else every place and every program
tries some of them.
"""

import base64
import os
import pathlib
import re
import urllib.parse
import zlib
from collections.abc import Iterator

import pytest

from tests.support.lying import LIES, PASSWORD, Liar, Lie, expected_header, lying
from tests.support.program import machine, run

pytestmark = pytest.mark.days

ALL = os.environ.get("ENVSPEC_DAYS") == "all"
PROGRAMS = ("uv", "pip-tools", "simulate")
PLACES = ("default", "named", "extra", "links")
CHOSEN = 17
"""Without `all`, one of so many combinations is tried."""


def _combinations() -> Iterator[tuple[str, str, str]]:
    for name, lie in LIES.items():
        for place in PLACES:
            for program in PROGRAMS:
                words = (name, place, program)
                if ALL or (not lie.slow and zlib.crc32(" ".join(words).encode()) % CHOSEN == 0):
                    yield words


def expected(name: str, place: str, program: str) -> Lie:
    """What is true of a lie there."""
    lie = LIES[name]
    if name == "unknown" and place != "named":
        return Lie(said="has no file of alpha|No matching distribution", code=1)
    if program == "simulate" and lie.code == 1:
        return Lie(said="pip would install nothing", code=0)
    return lie


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    with lying(tmp_path_factory.mktemp("lies")) as server:
        yield server


def spec_at(folder: pathlib.Path, place: str, name: str) -> pathlib.Path:
    """A spec that wants `alpha` from the index of that place."""
    folder.mkdir()
    named = place == "named"
    wanted = "alpha" if name == "yanked" else "alpha==1.0"
    (folder / "envspec.toml").write_text(
        'name = "x"\npython = "3.11"\n[base]\nhost = true\n'
        + ('[index.mine]\nurl = "https://index.invalid/simple"\n' if named else "")
        + f'[[stage]]\nname = "a"\ninstall = ["{wanted}"]\n'
        + ('index = "mine"\n' if named else "")
    )
    return folder


@pytest.mark.parametrize(("name", "place", "program"), list(_combinations()))
def test_a_lie_is_told_as_what_it_is(
    tmp_path: pathlib.Path, liar: Liar, name: str, place: str, program: str
) -> None:
    good, bad = liar.index("ok", guarded=True), liar.index(name, guarded=True)
    variables = {
        "default": {"PIP_INDEX_URL": bad},
        "named": {"PIP_INDEX_URL": good, "ENVSPEC_INDEX_MINE": bad},
        "extra": {"PIP_INDEX_URL": liar.index("unknown", guarded=True), "PIP_EXTRA_INDEX_URL": bad},
        "links": {"PIP_INDEX_URL": liar.index("unknown", guarded=True), "PIP_FIND_LINKS": f"{bad}/alpha/"},
    }[place]
    home = tmp_path / "home"
    folder = spec_at(tmp_path / "spec", place, name)
    words = ["simulate", folder] if program == "simulate" else ["lock", folder, "--resolver", program]
    done = run("envspec", *words, env=machine(home, **variables), timeout=150)
    said = f"{done.stdout}\n{done.stderr}"
    lie = expected(name, place, program)
    assert (done.returncode, "Traceback" in said, "EV101" in said) == (lie.code, False, False), said
    assert re.search(lie.said, " ".join(said.split()), re.DOTALL), said
    assert not any(word in said for word in _secrets()), said
    assert "127.0.0.1" not in said, said
    assert (folder / "envspec.lock").exists() == (lie.code == 0 and program != "simulate")
    assert not list(_holding(tmp_path))


def _secrets() -> tuple[str, ...]:
    encoded = urllib.parse.quote(PASSWORD, safe="")
    return (
        PASSWORD,
        encoded,
        expected_header().removeprefix("Basic "),
        base64.b64encode(PASSWORD.encode()).decode(),
    )


def _holding(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The files that hold the password in any form."""
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            body = file.read_bytes()
            if any(word.encode() in body for word in _secrets()):
                yield file
