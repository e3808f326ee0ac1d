"""An index that refuses, fails or lies: told as what it is, by both resolvers and by `simulate`.

`ENVSPEC_DAYS=all` tries every lie at every place with every program; else every place and every program
tries some of them.
"""

import base64
import contextlib
import pathlib
import random
import re
import subprocess
import time
import urllib.parse
import zlib
from collections.abc import Iterator

import pytest

from envspec.supply.page import HTML, JSON, NoPageError, RemoteFile, html_page, json_page, read_page
from tests.support.amount import ALL
from tests.support.lying import LIES, PASSWORD, RIGHT, Liar, Lie, expected_header, lying
from tests.support.program import BIN, machine, run

pytestmark = pytest.mark.days

PROGRAMS = ("uv", "pip-tools", "simulate")
PLACES = ("default", "named", "extra", "links")
CHOSEN = 110
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
    if name == "yanked" and place == "links" and program == "uv":
        return RIGHT  # uv looks for the word of withdrawal on pages of projects alone
    if name.startswith("metadata") and place == "named" and program == "pip-tools":
        return RIGHT  # it is given the address of the wheel, and reads that
    if program == "simulate" and (lie.code == 1 or name == "unknown"):
        return Lie(said="pip would install nothing", code=1)
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


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_process_is_called_with_a_password_and_solvers_know_none(
    tmp_path: pathlib.Path, liar: Liar, program: str
) -> None:
    """The index answers late, so that whoever asks is there to be looked at."""
    variables = machine(tmp_path / "home", PIP_INDEX_URL=liar.index("pause", guarded=True))
    folder = spec_at(tmp_path / "spec", "default", "pause")
    words = ["simulate", folder] if program == "simulate" else ["lock", folder, "--resolver", program]
    seen: dict[str, bytes] = {}
    with subprocess.Popen(
        [BIN / "envspec", *map(str, words)],
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        while running.poll() is None:
            seen |= dict(_processes(running.pid))
            time.sleep(0.01)
    assert running.returncode == 0
    asking = {"uv": " pip compile ", "pip-tools": " piptools ", "simulate": " --dry-run "}[program]
    solvers = [environment for words, environment in seen.items() if asking in words]
    assert solvers
    assert not any(_known_in(environment) for environment in solvers)
    assert not _known_in("\n".join(seen).encode())


FUZZED = 5000 if ALL else 500


@pytest.mark.parametrize("kind", [HTML, JSON])
def test_a_page_with_wrong_bytes_is_a_page_or_none(kind: str) -> None:
    file = RemoteFile(
        file="alpha-1.0-py3-none-any.whl", url="https://x.example/alpha-1.0-py3-none-any.whl", sha256="a" * 64
    )
    page = html_page([file] * 3).encode() if kind == HTML else json_page("alpha", [file] * 3)
    chance, read = random.Random(7), 0
    for _ in range(FUZZED):
        body = bytearray(page)
        for _ in range(chance.randint(1, 8)):
            start = chance.randrange(len(body))
            piece = chance.choice(
                [b"", b"<", b'"', b"[" * 50, b"\xff\x00", b"9" * 30, b"null", bytes(body[:40])]
            )
            body[start : start + chance.randint(0, 12)] = piece
        with contextlib.suppress(NoPageError):
            read += len(read_page(bytes(body), kind, "https://x.example/alpha/", "alpha"))
    assert read


def _known_in(environment: bytes) -> bool:
    return any(word.encode() in environment for word in _secrets())


def _processes(leader: int) -> Iterator[tuple[str, bytes]]:
    """Words and environment of a process and of all that it started."""
    parents: dict[int, int] = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    for number in parents:
        chain, at = set[int](), number
        while at not in chain and at > 1:
            chain.add(at)
            at = parents.get(at, 0)
        if leader in chain:
            with contextlib.suppress(OSError):
                place = pathlib.Path(f"/proc/{number}")
                words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                yield words, (place / "environ").read_bytes()


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
