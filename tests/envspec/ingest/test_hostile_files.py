"""Every reader of foreign files: whatever one holds, there is a draft whose spec can be read, or an error."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from envspec.ingest.draft import Wish
from envspec.ingest.folder import ORDER
from envspec.ingest.read import read_description
from envspec.ingest.readers import READERS, reader_of
from envspec.system.errors import EnvspecError
from tests.support.drafts import spec_of

DIGEST = "0" * 64
HASH = f"--hash=sha256:{DIGEST}"
WHEEL = "six-1.16.0-py2.py3-none-any.whl"

GOOD = {
    "pyproject.toml": """\
[project]
name = "a"
dependencies = ["six==1.16.0"]
[project.optional-dependencies]
x = ["b"]
[tool.uv]
sources = {six = {index = "i"}}
index = [{name = "i", url = "https://i.example/simple"}]
[tool.poetry.dependencies]
python = "^3.11"
c = {version = "*", extras = ["y"]}
[dependency-groups]
d = ["e"]
""",
    "Pipfile": """\
[[source]]
url = "https://i.example/simple"
name = "i"
[packages]
six = {version = "*", index = "i"}
""",
    "setup.cfg": "[metadata]\nname=a\n[options]\ninstall_requires =\n  six\n[options.extras_require]\nx=b\n",
    "setup.py": "from setuptools import setup\nN = ['six']\nsetup(name='a', install_requires=N + ['b'])\n",
    "requirements.txt": f"-c limits.txt\n--extra-index-url https://i.example/s\nsix==1.16.0 {HASH}\n-e .\n",
    "requirements.lock": "six==1.16.0\n",
    "environment.yml": "name: a\ndependencies:\n- python=3.11\n- numpy=1.26\n- pip:\n  - six\n",
    "conda-lock.yml": "package:\n- {name: numpy, version: 1.26.0, manager: conda, platform: linux-64}\n",
    "cog.yaml": "build:\n  python_version: '3.11'\n  python_packages: [six]\n  run:\n  - pip install flask\n",
    "bentofile.yaml": "service: a:b\npython:\n  packages: [six]\ndocker:\n  python_version: '3.11'\n",
    "config.yaml": "python_version: py311\nrequirements: [six]\nsystem_packages: [ffmpeg]\n",
    "compose.yaml": "services:\n  a:\n    build: .\n    ports: ['8000:80']\n    environment: {A: b}\n",
    "Dockerfile": """\
ARG A=1
FROM python:3.11 AS b
RUN [ $A = 1 ] && pip install --target /d six || true
FROM python:3.11
COPY --from=b /d /d
RUN <<EOF
pip install flask
EOF
ENV A=b C='d e'
HEALTHCHECK CMD curl localhost:80/x
CMD ["a"]
""",
    "uv.lock": f"""\
version = 1
[[package]]
name = "six"
version = "1.16.0"
source = {{registry = "https://i.example/simple"}}
wheels = [{{url = "https://f.example/{WHEEL}", hash = "sha256:{DIGEST}"}}]
""",
    "poetry.lock": f"""\
[[package]]
name = "six"
version = "1.16.0"
optional = false
groups = ["main"]
files = [{{file = "{WHEEL}", hash = "sha256:{DIGEST}"}}]
[metadata]
python-versions = "^3.11"
""",
    "pdm.lock": f"""\
[[package]]
name = "six"
version = "1.16.0"
groups = ["default"]
files = [{{file = "{WHEEL}", hash = "sha256:{DIGEST}"}}]
""",
    "pylock.toml": f"""\
lock-version = "1.0"
created-by = "x"
[[packages]]
name = "six"
version = "1.16.0"
[[packages.wheels]]
url = "https://f.example/{WHEEL}"
hashes = {{sha256 = "{DIGEST}"}}
""",
    "Pipfile.lock": json.dumps(
        {"_meta": {}, "default": {"six": {"version": "==1.16.0", "hashes": [f"sha256:{DIGEST}"]}}}, indent=4
    ),
}
"""A small file of each kind that readers know."""


def test_every_reader_is_tried() -> None:
    tried = {reader_of(pathlib.Path(name)) for name in GOOD}
    assert tried >= {*READERS.values(), *(reader_of(pathlib.Path(name)) for name in ORDER)}


def drafted_or_refused(file: pathlib.Path) -> None:
    with contextlib.suppress(EnvspecError):
        draft = read_description(file, Wish(python="3.11", folder=file.parent))
        if any(install.requirements for install in draft.installs):
            spec_of(draft)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_read(tmp_path: pathlib.Path, name: str) -> None:
    (tmp_path / "Dockerfile").write_text(GOOD["Dockerfile"])
    (tmp_path / "limits.txt").write_text("six<2\n")
    (tmp_path / name).write_text(GOOD[name])
    spec_of(read_description(tmp_path / name, Wish(folder=tmp_path)))


_BITS: tuple[str, ...] = (
    *(
        "",
        "\0",
        "\x85",
        "\u2028",
        "\ufeff",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "\\",
        "\n",
        "$",
        "*a",
        "&a ",
        "<<: ",
    ),
    *(
        "- ",
        ": ",
        "1e999",
        "9" * 400,
        "null",
        "../" * 9,
        "-r ",
        "; x",
        "!!python/object:os.system ",
        "é" * 90,
    ),
)
_CUTS = some.tuples(some.integers(0, 400), some.integers(0, 9), some.sampled_from(_BITS))


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=12, deadline=None)
@given(
    cuts=some.lists(
        some.tuples(some.integers(0, 400), some.integers(0, 9), some.sampled_from(_BITS)), max_size=4
    )
)
def test_a_damaged_file_gives_a_draft_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, cuts: list[tuple[int, int, str]]
) -> None:
    text = GOOD[name]
    for place, length, bit in cuts:
        text = text[:place] + bit + text[place + length :]
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "Dockerfile").write_text("FROM python:3.11\nRUN pip install six\n")
    (folder / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    drafted_or_refused(folder / name)


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=8, deadline=None)
@given(data=some.binary(max_size=80))
def test_any_bytes_are_a_draft_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / name
    file.write_bytes(data)
    drafted_or_refused(file)


_DEEP = {".toml": "a = " + "[" * 50_000, ".yaml": "a: " + "[" * 50_000, ".json": '{"a": ' * 50_000}
_BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))


def _kind(name: str) -> str:
    if name == "Pipfile.lock":
        return ".json"
    return ".toml" if name.endswith((".toml", ".lock")) or name == "Pipfile" else ".yaml"


HOSTILE = {
    "null": lambda name: GOOD[name].encode() + b"\n\0\n",
    "utf-16": lambda name: GOOD[name].encode("utf-16"),
    "latin-1": lambda name: b"# caf\xe9\n" + GOOD[name].encode(),
    "deep": lambda name: _DEEP[_kind(name)].encode(),
    "bomb": lambda name: (_BOMB + GOOD[name]).encode(),
    "one line": lambda name: b"a" * 300_000,
    "carriage returns": lambda name: GOOD[name].replace("\n", "\r").encode(),
    "a mark": lambda name: b"\xef\xbb\xbf" + GOOD[name].encode(),
}


@pytest.mark.parametrize(("name", "what"), [*itertools.product(GOOD, HOSTILE)])
def test_a_hostile_file_gives_a_draft_or_an_error(tmp_path: pathlib.Path, name: str, what: str) -> None:
    (tmp_path / "limits.txt").write_text("six<2\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\nRUN pip install six\n")
    (tmp_path / name).write_bytes(HOSTILE[what](name))
    drafted_or_refused(tmp_path / name)


@pytest.mark.parametrize("name", GOOD)
def test_a_huge_file_is_refused_unread(tmp_path: pathlib.Path, name: str) -> None:
    with (tmp_path / name).open("wb") as stream:
        stream.truncate(50 << 20)  # of which no disk keeps anything
    with pytest.raises(EnvspecError, match="larger than"):
        read_description(tmp_path / name, Wish(folder=tmp_path))


@pytest.mark.parametrize("name", GOOD)
def test_pipes_loops_and_folders_are_refused(tmp_path: pathlib.Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(EnvspecError):
        read_description(tmp_path / name, Wish(folder=tmp_path))
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("other")
    (tmp_path / "other").symlink_to(name)
    with pytest.raises(EnvspecError):
        read_description(tmp_path / name, Wish(folder=tmp_path))
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(EnvspecError, match="holds no description"):
        read_description(tmp_path / name, Wish(folder=tmp_path))


@pytest.mark.parametrize(
    "name", ["requirements.txt", "Dockerfile", "setup.cfg", "cog.yaml", "environment.yml"]
)
def test_files_that_name_each_other_in_a_circle_end(tmp_path: pathlib.Path, name: str) -> None:
    texts = {
        "requirements.txt": "-r one.txt\n",
        "Dockerfile": "FROM python:3.11\nCOPY . .\nRUN pip install -r one.txt\n",
        "setup.cfg": "[options]\ninstall_requires = file: one.txt\n",
        "cog.yaml": "build:\n  python_requirements: one.txt\n",
        "environment.yml": "dependencies:\n- pip:\n  - -r one.txt\n",
    }
    (tmp_path / "one.txt").write_text("six\n-r two.txt\n")
    (tmp_path / "two.txt").write_text("-c one.txt\n-r one.txt\n")
    (tmp_path / name).write_text(texts[name])
    drafted_or_refused(tmp_path / name)


def test_folders_that_links_make_endless_are_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "Dockerfile").write_text(
        "FROM python:3.11\nCOPY loop/loop/loop /a\nCOPY * /b/\nRUN pip install -r /a/loop/needs.txt\n"
    )
    (tmp_path / "needs.txt").write_text("six\n")
    spec = spec_of(read_description(tmp_path, Wish(folder=tmp_path)))
    assert spec.stage[0].install == ("six",)


def test_no_code_of_a_project_is_run_to_read_it(tmp_path: pathlib.Path) -> None:
    ran = tmp_path / "ran"
    for name in (
        "setup.py",
        "backend.py",
        "hatch_build.py",
        "conftest.py",
        "sitecustomize.py",
        "demo/__init__.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"open({str(ran)!r}, 'w')\n")
    for name, text in GOOD.items():
        if name != "setup.py":
            (tmp_path / name).write_text(text)
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "demo"\ndynamic = ["version", "dependencies"]\n'
        '[tool.setuptools.dynamic]\nversion = {attr = "demo.v"}\ndependencies = {file = "limits.txt"}\n'
        "[tool.hatch.metadata.hooks.custom]\n"
    )
    (tmp_path / "limits.txt").write_text("six<2\n")
    for place in (*(tmp_path / name for name in GOOD), tmp_path):
        drafted_or_refused(place)
    assert not ran.exists()
