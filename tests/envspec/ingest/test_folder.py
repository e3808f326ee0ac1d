"""Folders: which of their files is read, and what they start."""

from __future__ import annotations

import pathlib

import pytest

from envspec.ingest.draft import Draft, Wish
from envspec.ingest.read import describes, read_description
from envspec.ingest.write import spec_text
from envspec.spec.load import parse_spec
from envspec.system.errors import UsageError
from tests.support.drafts import left, spec_of, words_of

PYPROJECT = """\
[project]
name = "demo-server"
dependencies = ["flask"]
[project.scripts]
other = "demo:other"
demo = "demo:main"
[build-system]
requires = []
"""


def read(folder: pathlib.Path, **files: str) -> Draft:
    """The draft of a folder with these files; `__` in their names stands for a dot, `--` for a slash."""
    for name, text in files.items():
        place = folder / name.replace("__", ".").replace("--", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return read_description(folder, Wish(python="3.11", folder=folder))


IMAGE = (
    "FROM python:3.12-slim\nWORKDIR /srv\nCOPY . .\nRUN pip install -r requirements.txt\nCMD python app.py\n"
)


@pytest.mark.parametrize("place", ["Dockerfile", "docker--Dockerfile"])
def test_a_dockerfile_that_installs_all_of_it_is_read_instead(tmp_path: pathlib.Path, place: str) -> None:
    draft = read(tmp_path, requirements__txt="six==1.16.0\n", **{place: IMAGE})
    spec = spec_of(draft)
    assert (words_of(draft), spec.base.image) == (["six==1.16.0"], "python:3.12-slim")
    assert spec.run is not None
    assert spec.run.command == ("python", "app.py")
    assert "installs what requirements.txt says" in draft.remarks[0]


def test_a_dockerfile_that_installs_something_else_is_told(tmp_path: pathlib.Path) -> None:
    image = "FROM python:3.12\nRUN pip install flask\nCMD flask\n"
    draft = read(tmp_path, requirements__txt="six\n", Dockerfile=image)
    assert (words_of(draft), dict(draft.run)) == (["six"], {})
    assert "what is started stands in Dockerfile" in draft.remarks[0]


HASHED = f"six==1.16.0 --hash=sha256:{'0' * 64}\n"


def test_a_dockerfile_that_installs_hashed_requirements_is_read_with_their_digests(
    tmp_path: pathlib.Path,
) -> None:
    draft = read(tmp_path, requirements__txt=HASHED, Dockerfile=IMAGE)
    assert (draft.file, draft.image) == ("Dockerfile", "python:3.12-slim")
    assert [(pin.name, pin.files[0].sha256) for pin in draft.pins] == [("six", "0" * 64)]


LOOSE = "[project]\nname = 'x'\ndependencies = ['six>=1.10']\n"


def test_a_dockerfile_that_installs_the_pins_of_a_project_is_read_with_their_digests(
    tmp_path: pathlib.Path,
) -> None:
    draft = read(tmp_path, pyproject__toml=LOOSE, requirements__txt=HASHED, Dockerfile=IMAGE)
    assert (draft.file, [pin.version for pin in draft.pins]) == ("Dockerfile", ["1.16.0"])


@pytest.mark.parametrize(
    ("pinned", "file"),
    [
        ("six==1.16.0\nidna==3.4\n", "requirements.txt"),
        ("six==1.9\n", "pyproject.toml"),
        ("six==1.16.0\nidna\n", "pyproject.toml"),
        ("idna==3.4\n", "pyproject.toml"),
    ],
)
def test_requirements_that_pin_all_that_a_project_leaves_open_are_more_exact(
    tmp_path: pathlib.Path, pinned: str, file: str
) -> None:
    assert read(tmp_path, pyproject__toml=LOOSE, requirements__txt=pinned).file == file


def test_a_dockerfile_that_installs_more_than_has_hashes_is_told_as_that(tmp_path: pathlib.Path) -> None:
    image = f"{IMAGE}RUN pip install flask\n"
    draft = read(tmp_path, requirements__txt=HASHED, Dockerfile=image)
    assert [pin.name for pin in draft.pins] == ["six"]
    assert "what requirements.txt holds cannot be kept, as it installs flask besides" in draft.remarks[0]


def test_a_dockerfile_that_cannot_be_read_is_in_nobodys_way(tmp_path: pathlib.Path) -> None:
    assert words_of(read(tmp_path, requirements__txt="six\n", Dockerfile="RUN x\n")) == ["six"]


def test_a_procfile_says_what_is_started(tmp_path: pathlib.Path) -> None:
    procfile = (
        "release: ./migrate\nweb: uvicorn app:app --port ${PORT:-8000}\nworker: A=1 celery -A app worker\n"
    )
    draft = read(tmp_path, requirements__txt="six\n", Procfile=procfile)
    spec = spec_of(draft)
    run = spec.run
    assert run is not None
    assert (run.command, run.port) == (("uvicorn", "app:app", "--port", "{port}"), 8000)
    assert [(copy.source, copy.to) for copy in spec.copies] == [(".", run.workdir)]
    assert run.programs["worker"].command == ("sh", "-c", "A=1 celery -A app worker")
    assert left(draft).keys() == {"release: ./migrate"}


def test_a_python_that_a_platform_is_told_is_the_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "runtime.txt").write_text("python-3.10.4\n")
    (tmp_path / "requirements.txt").write_text("six\n")
    draft = read_description(tmp_path, Wish(folder=tmp_path))
    assert draft.python == "3.10"
    assert "python = 3.10: runtime.txt says so" in draft.remarks


def test_a_port_that_only_compose_publishes_is_that_of_the_image(tmp_path: pathlib.Path) -> None:
    text = "services:\n  a:\n    build: .\n    ports: ['80:5050']\n"
    draft = read(tmp_path, requirements__txt="six\n", Dockerfile=IMAGE, compose__yaml=text)
    assert (draft.file, draft.run["port"]) == ("Dockerfile", 5050)
    assert "port = 5050: compose.yaml publishes it" in draft.remarks


def test_code_that_no_image_has_yet_is_told(tmp_path: pathlib.Path) -> None:
    told = spec_text(read(tmp_path, requirements__txt="six\n"))
    assert parse_spec(told.partition("# [[copy]]")[0] + '[[copy]]\nfrom = "."\nto = "/app"\n').copies
    assert "[[copy]]" not in spec_text(read(tmp_path, requirements__txt="six\n-e .\n", setup__py=""))


def test_a_script_of_the_project_is_what_its_image_starts(tmp_path: pathlib.Path) -> None:
    draft = read(tmp_path, pyproject__toml=PYPROJECT)
    assert draft.run == {"command": ["demo"]}
    assert any("the image has these programs too: other" in note for note in draft.notes)
    assert "script demo" not in left(draft)


PIPFILE = '[packages]\nsix = "*"\n[dev-packages]\npytest = "*"\n[scripts]\n'


@pytest.mark.parametrize("lock", ["", '{"default": {"six": {"version": "==1.16.0"}}}'])
def test_the_one_script_of_a_pipfile_is_proposed(tmp_path: pathlib.Path, lock: str) -> None:
    others = {"Pipfile__lock": lock} if lock else {}
    draft = read(tmp_path, Pipfile=f'{PIPFILE}nightly = "python -m jobs.main"\n', **others)
    run = spec_of(draft).run
    assert run is not None
    assert run.command == ("python", "-m", "jobs.main")
    assert any("[run] starts `python -m jobs.main`, as the script nightly" in note for note in draft.notes)


@pytest.mark.parametrize(
    "scripts",
    [
        'a = "python a.py"\nb = "python b.py"',
        'a = "pytest -q"',
        'lint = "python x.py"',
        'a = {call = "x:y()"}',
        'a = ""',
        'a = "pipenv run b"',
    ],
)
def test_scripts_of_a_pipfile_that_may_be_no_program_are_named(tmp_path: pathlib.Path, scripts: str) -> None:
    draft = read(tmp_path, Pipfile=PIPFILE + scripts)
    assert draft.run == {}
    named = [why for text, why in left(draft).items() if text.startswith("script ")]
    assert len(named) == len(scripts.splitlines())
    assert all("`[run] command`" in why for why in named)


@pytest.mark.parametrize("own", ["pyproject.toml", "Pipfile"])
def test_a_proposed_program_counts_only_where_nothing_else_says_it(tmp_path: pathlib.Path, own: str) -> None:
    text = PYPROJECT if own == "pyproject.toml" else f'{PIPFILE}start = "python a.py"\n'
    draft = read(tmp_path, **{own: text}, Procfile="web: gunicorn app:app\n")
    assert draft.run["command"] == ["gunicorn", "app:app"]
    assert not any("[run] starts" in note for note in draft.notes)
    install = "uv sync" if own == "pyproject.toml" else "pipenv install"
    image = f"FROM python:3.11\nCOPY . .\nRUN {install}\n"
    draft = read(tmp_path, Dockerfile=f"{image}CMD flask run\n")
    assert (draft.file, draft.run["command"]) == ("Dockerfile", ["flask", "run"])
    (tmp_path / "Procfile").unlink()
    draft = read(tmp_path, Dockerfile=image)
    assert draft.file == "Dockerfile"
    assert any("[run] starts" in note for note in draft.notes)
    assert spec_of(draft).run is not None


def test_scripts_of_a_project_that_is_not_installed_are_named(tmp_path: pathlib.Path) -> None:
    draft = read(tmp_path, pyproject__toml=PYPROJECT.replace("[build-system]\nrequires = []\n", ""))
    assert draft.run == {}
    assert left(draft)["script demo"].startswith("is a program of the project's own code")


def test_settings_of_tools_alone_are_no_project(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="names anything to install") as caught:
        read(
            tmp_path,
            setup__cfg="[flake8]\nmax-line-length = 9\n",
            **{"deploy--requirements-cpu__txt": "six\n"},
        )
    assert "deploy/requirements-cpu.txt" in (caught.value.hint or "")


def test_a_folder_is_a_description_where_it_has_one_and_no_spec(tmp_path: pathlib.Path) -> None:
    assert not describes(tmp_path)
    (tmp_path / "requirements.txt").write_text("six\n")
    assert describes(tmp_path)
    (tmp_path / "envspec.toml").write_text("")
    assert not describes(tmp_path)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject__toml": PYPROJECT},
        {
            "setup__py": "setup(name='demo-server',\n"
            "  entry_points={'console_scripts': ['demo = d:m', 'o = d:o']})\n"
        },
        {
            "setup__py": "",
            "setup__cfg": "[metadata]\nname = demo-server\n"
            "[options.entry_points]\nconsole_scripts =\n  demo = d:m\n",
        },
    ],
)
def test_an_image_that_starts_the_project_s_own_program_says_how(
    tmp_path: pathlib.Path, files: dict[str, str]
) -> None:
    image = "FROM python:3.11\nRUN pip install demo==$V\nWORKDIR /x\nUSER me\nEXPOSE 80\nENTRYPOINT ['a']\n"
    image = image.replace("['a']", '["demo", "-v"]')
    draft = read(tmp_path, Dockerfile=image, **files)
    assert draft.run == {"command": ["demo", "-v"], "port": 80}
    assert "[run] is what Dockerfile starts" in draft.remarks[0]
    assert words_of(draft)[-1] == "."
