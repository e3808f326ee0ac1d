"""Thousands of bad specs, wheels and index pages: each is answered in words, within a minute and a gigabyte.

The choice is the same every time. `ENVSPEC_FUZZ` takes another seed; `ENVSPEC_DAYS=all` is the full amount.
"""

import hashlib
import os
import pathlib
import random
import sys
from collections.abc import Iterator, Mapping

import pytest

from tests.days import mutations
from tests.days.mutations import Bytes
from tests.support.amount import ALL
from tests.support.fuzzing import Forks, Outcome, forks
from tests.support.index import json_page, sha256
from tests.support.paths import EXAMPLES
from tests.support.web import JSON, Answer, Web
from tests.support.wheels import wheel

pytestmark = pytest.mark.days

SEED = int(os.environ.get("ENVSPEC_FUZZ", "15"))

HEAD = 'name = "x"\npython = "3.11"\n[base]\nhost = true\n'


@pytest.fixture
def ready(tmp_path: pathlib.Path, web: Web) -> Iterator[Forks]:
    """Programs with one home for all their runs, and no index but the test's own server."""
    variables = {
        "ENVSPEC_HOME": str(tmp_path / "home"), "PIP_INDEX_URL": f"{web.url}/simple/",
        "UV_NO_CACHE": "1", "UV_HTTP_RETRIES": "0",
    }  # fmt: skip
    with forks(variables) as process:
        yield process


class Tally:
    """What a series of runs needed and what was wrong in it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._outcomes: list[Outcome] = []
        self.faults: list[str] = []

    def note(self, outcome: Outcome, case: str, folder: pathlib.Path) -> None:
        self._outcomes.append(outcome)
        if outcome.fault:
            self.faults.append(f"{case}: {outcome.fault}\n{outcome.said[-600:]}\n{folder}")

    def __str__(self) -> str:
        slowest = max(outcome.seconds for outcome in self._outcomes)
        largest = max(outcome.memory for outcome in self._outcomes) >> 20
        codes = sorted({outcome.code for outcome in self._outcomes})
        counts = ", ".join(f"{sum(o.code == code for o in self._outcomes)} exit {code}" for code in codes)
        return f"{self._what}: {len(self._outcomes)} ({counts}), at most {slowest:.1f} s and {largest} MiB"


def cases(kinds: Mapping[str, Bytes], full: int, few: int) -> Iterator[tuple[str, random.Random, Bytes]]:
    """Kinds in turn, each case with a source of chance of its own."""
    for number in range(full if ALL else few):
        name = list(kinds)[number % len(kinds)]
        yield f"{name} {number} of seed {SEED}", random.Random(f"{SEED} {name} {number}"), kinds[name]


def told(tally: Tally) -> None:
    """Say what was found, and fail where something was wrong."""
    sys.stderr.write(f"{tally}\n")
    assert tally.faults == [], f"{tally}\n" + "\n\n".join(tally.faults[:8])


@pytest.mark.parametrize("half", ["KNOWN", "UNSEEN"])
def test_specs(half: str, ready: Forks, tmp_path: pathlib.Path) -> None:
    good = [file.read_bytes() for file in sorted(EXAMPLES.glob("*/envspec.toml"))]
    good.append(f'{HEAD}[[stage]]\nname = "a"\nwhy = "é"\ninstall = ["six==1.16.0", "idna"]\n'.encode())
    tally = Tally(f"specs {half}")
    for case, chance, mutate in cases(getattr(mutations, half), 1000, 18):
        file = tmp_path / "envspec.toml"
        file.write_bytes(mutate(chance, chance.choice(good)))
        (tmp_path / "envspec.lock").unlink(missing_ok=True)
        form = chance.choice(["text", "json", "sarif", "github", "junit"])
        arguments = ["check", str(file), "-q", "--offline", "--format", form]
        tally.note(ready.run(arguments, tmp_path), case, tmp_path)
    told(tally)


@pytest.mark.parametrize("half", ["WHEELS_KNOWN", "WHEELS_UNSEEN"])
def test_wheels(half: str, ready: Forks, tmp_path: pathlib.Path) -> None:
    files = {
        "demo/__init__.py": "import os\nfrom .more import answer\n",
        "demo/more.py": "def answer(x=1):\n    return [y for y in range(x)]\n",
        "demo-1.0.dist-info/entry_points.txt": "[console_scripts]\ndemo = demo.more:answer\n",
    }
    good = wheel(tmp_path / "good", requires=["six ; extra == 'more'"], files=files).read_bytes()
    tally = Tally(half)
    for case, chance, mutate in cases(getattr(mutations, half), 250, 10):
        file = tmp_path / "demo-1.0-py3-none-any.whl"
        file.write_bytes(data := mutate(chance, good))
        digest = hashlib.sha256(data).hexdigest()
        text = f'[[stage]]\nname = "a"\nwheels = [{{ path = "{file.name}", sha256 = "{digest}" }}]\n'
        (tmp_path / "envspec.toml").write_text(HEAD + text)
        (tmp_path / "envspec.lock").unlink(missing_ok=True)
        tally.note(ready.run(["check", "-q", "--offline"], tmp_path), case, tmp_path)
    told(tally)


@pytest.mark.parametrize("half", ["PAGES_KNOWN", "PAGES_UNSEEN"])
def test_index_pages(half: str, ready: Forks, tmp_path: pathlib.Path, web: Web) -> None:
    good = wheel(tmp_path / "good")
    web.answers[f"/files/{good.name}"] = Answer(body=good.read_bytes())
    link = f'<a href="{web.url}/files/{good.name}#sha256={sha256(good)}">{good.name}</a>\n'
    page = f"<!DOCTYPE html>\n<html><body>\n{link}</body></html>\n".encode()
    pages = {"text/html": page, JSON: json_page("demo", [good], f"{web.url}/files")}
    tally = Tally(half)
    for case, chance, mutate in cases(getattr(mutations, half), 250, 10):
        wanted = {"linked": ["text/html"], "answered": [JSON]}.get(case.split()[0], list(pages))
        kind = chance.choice(wanted)
        web.answers["/simple/demo/"] = Answer(body=mutate(chance, pages[kind]), kind=kind)
        named = chance.random() < 0.5
        text = f'[index.own]\nurl = "{web.url}/simple/"\n' if named else ""
        text += '[[stage]]\nname = "a"\ninstall = ["demo==1.0"]\n' + 'index = "own"\n' * named
        (tmp_path / "envspec.toml").write_text(HEAD + text)
        (tmp_path / "envspec.lock").unlink(missing_ok=True)
        tally.note(ready.run(["lock", "-q"], tmp_path), case, tmp_path)
    told(tally)
