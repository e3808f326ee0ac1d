"""Which description is read how, and how hostile ones end: in words."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from envspec.ingest import write
from envspec.ingest.draft import Draft, Install, Item
from envspec.ingest.read import read_description
from envspec.spec.load import parse_spec
from envspec.system.errors import EnvspecError, SpecError, UsageError
from tests.support.counting import is_linear
from tests.support.drafts import drafted, left, spec_of, words_of

COG = """\
image: r8.im/x
build:
  gpu: true
  python_version: "3.10.4"
  system_packages: [ffmpeg, "a b"]
  python_packages:
    - torch==2.0.1
    - ./mine
  run:
    - apt install -y libgl1
    - command: pip install gradio==3.41.2
    - curl -o x https://files.example/x
predict: "predict.py:Predictor"
"""


def test_cog_is_read(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, COG, "cog.yaml", python=None)
    spec = spec_of(draft)
    assert (spec.python, spec.base.apt) == ("3.10", ("ffmpeg", "libgl1"))
    assert words_of(draft) == ["torch==2.0.1", "./mine", "gradio==3.41.2"]
    assert left(draft).keys() == {
        "gpu: true", "a b", "curl -o x https://files.example/x", "image", "predict",
    }  # fmt: skip


def test_cog_without_a_build_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError, match="build: missing"):
        drafted(tmp_path, "image: x\n", "cog.yaml")


def test_numbers_of_yaml_are_read_as_they_are_written(tmp_path: pathlib.Path) -> None:
    text = "build:\n  gpu: false\n  python_version: 3.10\n  python_packages: [six]\n"
    draft = drafted(tmp_path, text, "cog.yaml", python=None)
    assert (draft.python, draft.notes) == ("3.10", ())


CONDA = """\
name: speech
channels: [pytorch, conda-forge]
dependencies:
  - python=3.10
  - pip
  - numpy=1.26
  - pytorch::pytorch=2.1.0=py3.10_cpu_0
  - scipy>=1.11,<2
  - pandas 2.1.*
  - matplotlib-base==3.8.0
  - ffmpeg=6
  - cudatoolkit=11.8
  - r-base
  - either=1|2
  - pip:
    - flask==3.0.3
    - -r more.txt
variables:
  HF_HOME: /models
prefix: /home/x
"""


def test_environments_of_conda_are_read(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, CONDA, "environment.yml", python=None, more__txt="six\n")
    assert draft.python == "3.10"
    assert words_of(draft) == [
        "numpy==1.26.*", "torch==2.1.0", "scipy>=1.11,<2", "pandas==2.1.*", "matplotlib==3.8.0",
        "flask==3.0.3", "six",
    ]  # fmt: skip
    assert left(draft).keys() == {
        "channel pytorch", "channel conda-forge", "ffmpeg=6", "cudatoolkit=11.8", "r-base", "either=1|2",
        "prefix", "channel pytorch of pytorch", "build py3.10_cpu_0 of pytorch",
    }  # fmt: skip
    assert spec_of(draft).env == {"HF_HOME": "/models"}


@pytest.mark.parametrize(
    ("word", "build"),
    [
        ("scikit-learn=1.4.2=py311h5aeb3cf_0", "py311h5aeb3cf_0"),
        ("python=3.11.4=hab00c5b_0_cpython", "hab00c5b_0_cpython"),
        ("numpy>=1.26 py311_0", "py311_0"),
        ("numpy[version='1.26.4',build=py311_0]", "py311_0"),
        ("numpy=1.26.4=*", ""),
        ("numpy[version=1.26]", ""),
        ("numpy=1.26", ""),
    ],
)
def test_a_build_of_conda_is_named(tmp_path: pathlib.Path, word: str, build: str) -> None:
    draft = drafted(tmp_path, f'dependencies: ["{word}", six]\n', "environment.yml")
    assert [text.split()[1] for text in left(draft)] == ([build] if build else [])


PIPFILE = """\
[[source]]
name = "inner"
url = "https://packages.example/simple"
[[source]]
name = "torch"
url = "https://torch.example/whl/cpu"
[packages]
numpy = "*"
flask = {version = ">=3", extras = ["async"], markers = "python_version > '3'"}
torch = {version = "==2.1.0", index = "torch"}
tool = {git = "https://git.example/a/tool.git", ref = "v1"}
mine = {path = "./mine", editable = true}
pywin = {version = "*", sys_platform = "== 'win32'"}
[dev-packages]
pytest = "~=8.0"
[scripts]
start = "python x.py"
[requires]
python_version = "3.12"
"""


def test_pipfiles_are_read(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, PIPFILE, "Pipfile", python=None)
    spec = spec_of(draft)
    assert spec.python == "3.12"
    assert [(stage.name, stage.install, stage.index) for stage in spec.stage] == [
        ("torch", ("torch==2.1.0",), "torch"),
        (
            "packages",
            (
                "numpy",
                "flask[async]>=3 ; python_version > '3'",
                "tool @ git+https://git.example/a/tool.git@v1",
                "-e ./mine",
            ),
            "inner",
        ),
    ]
    assert spec.variant["dev"].stage[0].install == ("pytest~=8.0",)
    assert sum(item.size for item in draft.items) == 19
    assert len(left(draft)) == 2


def test_the_last_word_on_a_version_is_kept_where_the_package_stands_first() -> None:
    installs = (
        Install(name="one", requirements=("numpy[x]==1.23.5", "six")),
        Install(name="two", requirements=("numpy==1.26.4", "flask")),
    )
    spec = parse_spec(write.spec_text(Draft(name="x", python="3.11", installs=installs)))
    assert [stage.install for stage in spec.stage] == [("numpy[x]==1.26.4", "six"), ("flask",)]


def test_a_package_stays_where_it_has_an_index_of_its_own() -> None:
    installs = (
        Install(name="one", requirements=("torch==2.8.0", "six")),
        Install(name="two", requirements=("torch",), index_url="https://torch.example/whl/cpu"),
    )
    spec = parse_spec(write.spec_text(Draft(name="x", python="3.11", installs=installs)))
    assert [(stage.install, stage.index) for stage in spec.stage] == [
        (("six",), None),
        (("torch==2.8.0",), "torch-cpu"),
    ]


def test_an_interpreter_gives_pins_of_what_it_has() -> None:
    draft = read_description(pathlib.Path(sys.executable))
    assert any(pin.startswith("pytest==") for pin in draft.installs[0].requirements)


def test_what_nobody_can_read_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="nothing that a spec can be made of"):
        drafted(tmp_path, "x", "notes.md")


NAMES = ["cog.yaml", "environment.yml", "Pipfile", "setup.cfg", "setup.py", "pyproject.toml"]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(data=some.one_of(some.binary(max_size=100), some.text(max_size=100).map(str.encode)))
def test_any_bytes_give_a_draft_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / name
    file.write_bytes(data)
    with contextlib.suppress(EnvspecError):
        read_description(file)


BOMB = "a: &a [x]\n" + "".join(
    f"b{n}: &{'a' if n % 2 else 'b'} [*{'b' if n % 2 else 'a'}, *{'b' if n % 2 else 'a'}]\n"
    for n in range(40)
)

HOSTILE = {
    "bomb/cog.yaml": BOMB + "build:\n  python_packages: *a\n",
    "bomb/environment.yml": BOMB + "dependencies: *a\n",
    "merged/cog.yaml": "".join(f"b{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}]}}\n" for n in range(1, 40)).join(
        ["b0: &b0 {x: y}\n", "build: [*b39]\n"]
    ),
    "deep/cog.yaml": "[" * 100_000,
    "words/cog.yaml": "build:\n  python_packages: six\n",
    "table/cog.yaml": "build:\n  python_version: {a: b}\n",
    "zero/cog.yaml": "build:\n  python_requirements: /dev/zero\n",
    "large/cog.yaml": "#" * (2 << 20),
    "large/pyproject.toml": "#" * (2 << 20),
    "large/Dockerfile": "#" * (2 << 20),
    "deep/pyproject.toml": "a = " + "[" * 100_000,
    "deep/setup.py": "(" * 100_000,
    "null/setup.py": "\0",
    "self/requirements.txt": "-r requirements.txt\n",
    "zero/requirements.txt": "-r /dev/zero\n",
    "null/requirements.txt": "six\n\0",
    "many/requirements.txt": "six\n" * 5001,
    "long/requirements.txt": "-" * 200_000,
    "missing/requirements.txt": "-r absent.txt\n",
    "often/Dockerfile": "FROM a\n" + "RUN pip install six\n" * 300,
    "filled/Dockerfile": f"FROM a\nENV A={'x' * 50_000}\nRUN pip install {'$A' * 10_000}\n",
    "binary/Dockerfile": "\udcff",
    "endless/Dockerfile": "FROM a\nRUN <<EOF\npip\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_is_refused_in_words(tmp_path: pathlib.Path, name: str) -> None:
    place = tmp_path / name
    place.parent.mkdir()
    place.write_text(HOSTILE[name], encoding="utf-8", errors="surrogateescape")
    with pytest.raises(SpecError) as caught:
        read_description(place)
    assert 0 < len(str(caught.value)) < 1500


@pytest.mark.parametrize("name", ["requirements.txt", "Dockerfile", *NAMES])
def test_a_pipe_is_not_waited_for_and_a_loop_of_links_not_followed(tmp_path: pathlib.Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with contextlib.suppress(UsageError), pytest.raises(SpecError, match="a pipe or a device"):
        read_description(tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(name)
    with pytest.raises(EnvspecError):
        read_description(tmp_path / name)


@pytest.mark.parametrize("name", ["x" * 300 + ".txt", "x/" * 3000 + "Dockerfile", "absent.txt"])
def test_a_name_that_no_file_has_is_refused_in_words(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_description(tmp_path / name)
    assert len(caught.value.message) < 500


def test_a_note_ends_no_comment() -> None:
    installs = (Install(name="one", requirements=("six",)),)
    items = (Item(text="x\n[", why="b\nc"),)
    remarks = ("a\nname = 1\r\x00b",)
    draft = Draft(name="x" * 300, python="3.11", installs=installs, remarks=remarks, items=items)
    assert parse_spec(write.spec_text(draft)).name == "x" * 100


def test_writing_a_spec_is_linear_in_what_it_installs() -> None:
    def written(size: int) -> Callable[[], object]:
        install = Install(name="one", requirements=tuple(f"p{number}" for number in range(size)))
        return lambda: write.spec_text(Draft(name="x", installs=(install,)))

    assert is_linear(written, 200)


def test_a_spec_without_a_program_shows_the_keys_of_one() -> None:
    installs = (Install(name="one", requirements=("lib==1",)),)
    draft = Draft(name="the-shop", python="3.11", installs=installs)
    text = write.spec_text(draft)
    assert parse_spec(text).run is None
    head, _, tail = text.partition("# [run]\n")
    shown = "[run]\n" + "".join(line.removeprefix("# ") + "\n" for line in tail.splitlines())
    program = parse_spec(head + shown).programs["main"]
    assert program.command == ("python", "-m", "the_shop")
    assert program.port == 8000
    assert "# [run]" not in write.spec_text(dataclasses.replace(draft, run={"command": ["python"]}))
