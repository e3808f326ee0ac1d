"""First specs from what others write."""

import contextlib
import os
import pathlib
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from envspec.ingest import cog, dockerfile, write
from envspec.ingest.draft import Draft, Install, Item, Wish
from envspec.ingest.pip_words import from_file, from_words
from envspec.ingest.read import read_description
from envspec.spec.load import parse_spec
from envspec.system.errors import EnvspecError, SpecError, UsageError
from tests.support.counting import is_linear

DOCKERFILE = """\
ARG PYTHON=3.11
FROM python:3.8 AS tools
RUN pip install black
FROM python:${PYTHON}-slim-bookworm
ENV NUMPY=1.23.5
RUN apt-get update && apt-get install -y --no-install-recommends libsndfile1 \\
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir numpy==$NUMPY "scipy<2"
RUN python -m pip install torch --index-url https://example.org/whl/cpu && pip uninstall -y jupyter
"""


def drafted(folder: pathlib.Path, text: str, name: str = "Dockerfile") -> Draft:
    file = folder / name
    file.write_text(text)
    return read_description(file)


def test_a_dockerfile_gives_its_last_image_and_its_installs(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, DOCKERFILE)
    assert (draft.python, draft.image) == ("3.11", "python:3.11-slim-bookworm")
    assert [install.requirements for install in draft.installs] == [("numpy==1.23.5", "scipy<2"), ("torch",)]


def test_debian_packages_of_a_dockerfile_are_carried_over(tmp_path: pathlib.Path) -> None:
    assert drafted(tmp_path, DOCKERFILE).apt == ("libsndfile1",)


def test_an_index_of_one_command_belongs_to_its_stage(tmp_path: pathlib.Path) -> None:
    spec = parse_spec(write.spec_text(drafted(tmp_path, DOCKERFILE)))
    assert [stage.index for stage in spec.stage] == [None, "example-cpu"]
    assert spec.remove.packages == ("jupyter",)


def test_a_json_form_command_is_one_command() -> None:
    assert list(dockerfile.shell_commands('["pip", "install", "a && b"]')) == ["pip install a && b"]


def test_what_is_no_package_of_an_index_becomes_a_note(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("six==1.16.0 --hash=sha256:" + "0" * 64 + "\n-e ./mine\ngit+https://example.org/x.git\n")
    install, notes = from_file(file)
    assert install.requirements == ("six==1.16.0",)
    assert len(notes) == 2


def test_included_files_are_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "more.txt").write_text("flask\n")
    (tmp_path / "requirements.txt").write_text("six\n-r more.txt\n")
    assert from_words("x", ["-r", "requirements.txt"], tmp_path)[0].requirements == ("six", "flask")


def test_settings_of_this_machine_are_nobody_elses(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://machine.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    install, _ = from_words("x", ["six"], tmp_path)
    assert (install.index_url, install.extra_index_urls, install.find_links) == (None, (), ())


def test_words_that_pip_refuses_are_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError, match="no such option"):
        from_words("x", ["--no-such-option", "six"], tmp_path)


def test_the_last_word_on_a_version_is_kept_where_the_package_stands_first() -> None:
    installs = (
        Install(name="one", requirements=("numpy==1.23.5", "six")),
        Install(name="two", requirements=("numpy==1.26.4", "flask")),
    )
    spec = parse_spec(write.spec_text(Draft(name="x", python="3.11", installs=installs)))
    assert [stage.install for stage in spec.stage] == [("numpy==1.26.4", "six"), ("flask",)]


def test_cog_is_read(tmp_path: pathlib.Path) -> None:
    text = (
        'build:\n  gpu: true\n  python_version: "3.10.4"\n  python_packages: ["torch==2.0.1"]\n  run: [ls]\n'
    )
    draft = drafted(tmp_path, text, "cog.yaml")
    assert (draft.python, draft.installs[0].requirements) == ("3.10", ("torch==2.0.1",))
    assert len(draft.notes) == 2


def test_cog_without_a_build_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError, match="build: missing"):
        drafted(tmp_path, "image: x\n", "cog.yaml")


def test_an_interpreter_gives_pins_of_what_it_has() -> None:
    draft = read_description(pathlib.Path(sys.executable))
    assert any(pin.startswith("pytest==") for pin in draft.installs[0].requirements)


def test_what_nobody_can_read_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="nothing that a spec can be made of"):
        drafted(tmp_path, "x", "notes.md")


@given(some.text(max_size=200))
def test_any_dockerfile_gives_a_draft_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "Dockerfile"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(EnvspecError):
        dockerfile.read_dockerfile(file, Wish())


@given(some.binary(max_size=200))
def test_any_bytes_of_cog_give_a_draft_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "cog.yaml"
    file.write_bytes(data)
    with contextlib.suppress(EnvspecError):
        cog.read_cog(file, Wish())


HOSTILE = {
    "bomb/cog.yaml": "a: &a [x]\n"
    + "".join(f"b{n}: &{'a' if n % 2 else 'b'} [*{'b' if n % 2 else 'a'}, x]\n" for n in range(40))
    + "build:\n  python_packages: *a\n",
    "merged/cog.yaml": "".join(f"b{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}]}}\n" for n in range(1, 40)).join(
        ["b0: &b0 {x: y}\n", "build: [*b39]\n"]
    ),
    "deep/cog.yaml": "[" * 100_000,
    "words/cog.yaml": "build:\n  python_packages: six\n",
    "table/cog.yaml": "build:\n  python_version: {a: b}\n",
    "zero/cog.yaml": "build:\n  python_requirements: /dev/zero\n",
    "large/cog.yaml": "#" * 200_000,
    "self/requirements.txt": "-r requirements.txt\n",
    "zero/requirements.txt": "-r /dev/zero\n",
    "null/requirements.txt": "six\n\0",
    "many/requirements.txt": "six\n" * 5001,
    "long/requirements.txt": "-" * 200_000,
    "missing/requirements.txt": "-r absent.txt\n",
    "often/Dockerfile": "FROM a\n" + "RUN pip install six\n" * 300,
    "filled/Dockerfile": f"FROM a\nENV A={'x' * 50_000}\nRUN pip install {'$A' * 10_000}\n",
    "zero/Dockerfile": "FROM a\nRUN pip install -r /dev/zero\n",
    "binary/Dockerfile": "\udcff",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_is_refused_in_words(tmp_path: pathlib.Path, name: str) -> None:
    place = tmp_path / name
    place.parent.mkdir()
    place.write_text(HOSTILE[name], encoding="utf-8", errors="surrogateescape")
    with pytest.raises(SpecError) as caught:
        read_description(place)
    assert 0 < len(str(caught.value)) < 1500


@pytest.mark.parametrize("name", ["requirements.txt", "Dockerfile", "cog.yaml"])
def test_a_pipe_is_not_waited_for(tmp_path: pathlib.Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(SpecError, match="a pipe or a device"):
        read_description(tmp_path / name)


@pytest.mark.parametrize("name", ["x" * 300 + ".txt", "x/" * 3000 + "Dockerfile", "absent.txt"])
def test_a_name_that_no_file_has_is_refused_in_words(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_description(tmp_path / name)
    assert len(caught.value.message) < 500


def test_numbers_of_cog_are_read_as_they_are_written(tmp_path: pathlib.Path) -> None:
    text = "build:\n  gpu: false\n  python_version: 3.10\n  python_packages: [six]\n"
    draft = drafted(tmp_path, text, "cog.yaml")
    assert (draft.python, draft.notes) == ("3.10", ())


def test_what_cog_says_and_no_spec_can_becomes_a_note(tmp_path: pathlib.Path) -> None:
    text = f"build:\n  python_version: {'9' * 5000}\n  system_packages: [ffmpeg, 'a b']\n"
    draft = drafted(tmp_path, text, "cog.yaml")
    assert (draft.python, draft.apt) == (None, ("ffmpeg",))
    assert [note.split(":")[0] for note in draft.notes] == ["python_version", "system_packages"]


def test_a_note_ends_no_comment() -> None:
    installs = (Install(name="one", requirements=("six",)),)
    draft = Draft(
        name="x" * 300,
        python="3.11",
        installs=installs,
        remarks=("a\nname = 1\r\x00b",),
        items=(Item(text="x\n[", why="b\nc"),),
    )
    assert parse_spec(write.spec_text(draft)).name == "x" * 100


def test_writing_a_spec_is_linear_in_what_it_installs() -> None:
    def written(size: int) -> Callable[[], object]:
        install = Install(name="one", requirements=tuple(f"p{number}" for number in range(size)))
        return lambda: write.spec_text(Draft(name="x", installs=(install,)))

    assert is_linear(written, 200)


@pytest.mark.parametrize("line", ["ENV {}=1\n", "RUN apt-get install -y libx{}\n", "RUN --mount=x ls {}\n"])
def test_reading_a_dockerfile_is_linear(tmp_path: pathlib.Path, line: str) -> None:
    def read(size: int) -> Callable[[], object]:
        file = tmp_path / f"{size}.dockerfile"
        file.write_text("FROM a\n" + "".join(line.format(f"a{number}") for number in range(size)))
        return lambda: read_description(file)

    assert is_linear(read, 50)
