"""What is installed somewhere, as requirements: of interpreters, and of images that were built."""

from __future__ import annotations

import json
import pathlib
import sys
import venv
from typing import Any

import pytest

from envspec.ingest.draft import Wish
from envspec.ingest.drafting import Drafting
from envspec.ingest.frozen import Installed, frozen_word
from envspec.ingest.image import describes_image, draft_image
from envspec.ingest.read import read_description
from envspec.system.errors import OutsideError, UsageError
from tests.support.drafts import left, spec_of, words_of

GIT = {
    "url": "https://git.example/a.git",
    "vcs_info": {"vcs": "git", "commit_id": "c0ffee"},
    "subdirectory": "b",
}


@pytest.mark.parametrize(
    ("direct", "installer", "expected"),
    [
        ("", "pip", "x==1.0+cpu"),
        (json.dumps(GIT), "uv", "x @ git+https://git.example/a.git@c0ffee#subdirectory=b"),
        ('{"url": "https://files.example/x-1.0.tar.gz", "archive_info": {}}', "pip", "x @ https://files.example/x-1.0.tar.gz"),
        ('{"url": "file:///croot/x", "dir_info": {}}', "conda", "x==1.0+cpu"),
        ("[1]", "pip", "x==1.0+cpu"),
        ("{", "pip", "x==1.0+cpu"),
    ],
)  # fmt: skip
def test_what_is_installed_is_asked_for_where_it_came_from(
    direct: str, installer: str, expected: str
) -> None:
    found = Installed(name="x", version="1.0+cpu", installer=installer, direct=direct)
    assert frozen_word(found) == (expected, "")


def test_what_came_from_a_folder_is_named() -> None:
    direct = '{"url": "file:///src/x", "dir_info": {"editable": true}}'
    word, why = frozen_word(Installed(name="x", version="1", direct=direct))
    assert (word, why.partition(",")[0]) == ("", "was installed editable")


def add_distribution(site: pathlib.Path, name: str, **files: str) -> None:
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    for file, text in files.items():
        (folder / file).write_text(text)


@pytest.mark.parametrize("whole", [True, False])
def test_a_virtual_environment_is_read(tmp_path: pathlib.Path, whole: bool) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    line = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = tmp_path / "env" / "lib" / f"python{line}" / "site-packages"
    add_distribution(site, "six")
    add_distribution(site, "pip")
    add_distribution(
        site, "numpy", INSTALLER="conda\n", **{"direct_url.json": '{"url": "file:///build/numpy"}'}
    )
    add_distribution(site, "mine", **{"direct_url.json": '{"url": "file:///src/mine", "dir_info": {}}'})
    place = tmp_path / "env" if whole else tmp_path / "env" / "bin" / "python"
    draft = read_description(place, Wish(folder=tmp_path))
    assert (draft.python, words_of(draft)) == (line, ["numpy==1.0", "six==1.0"])
    assert left(draft).keys() == {"mine 1.0"}


def test_an_interpreter_that_does_not_work_is_told(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(OutsideError, match="no working interpreter"):
        read_description(script)


SETTINGS: dict[str, Any] = {
    "Env": ["PATH=/opt/venv/bin:/usr/local/bin:/usr/bin", "PYTHON_VERSION=3.12.1", "HF_HOME=/models"],
    "Entrypoint": ["python", "-m"],
    "Cmd": ["demo"],
    "ExposedPorts": {"8000/tcp": {}},
    "Volumes": {"/data": {}},
    "WorkingDir": "/srv",
    "User": "app",
    "Healthcheck": {
        "Test": ["CMD-SHELL", "curl -f http://localhost:8000/healthz"],
        "Interval": 2_500_000_000,
        "StartPeriod": 60_000_000_000,
        "Retries": 4,
    },
    "Labels": {"a": "b"},
}


def drafting(folder: pathlib.Path) -> Drafting:
    return Drafting(folder / "x.tar", Wish(folder=folder))


def metadata(name: str, version: str = "1.0") -> bytes:
    return f"Name: {name}\nVersion: {version}\n\nWords.\n".encode()


FILES = {
    "opt/venv/bin/python3": b"/usr/local/bin/python3.12",
    "opt/venv/lib/python3.12/site-packages/six-1.0.dist-info/METADATA": metadata("six"),
    "opt/venv/lib/python3.12/site-packages/mine-1.0.dist-info/METADATA": metadata("mine"),
    "opt/venv/lib/python3.12/site-packages/mine-1.0.dist-info/direct_url.json": b'{"url": "file:///src"}',
    "usr/local/bin/python3.12": b"",
    "usr/local/lib/python3.12/site-packages/uv-0.5.dist-info/METADATA": metadata("uv", "0.5"),
    "etc/os-release": b'ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian"\n',
}


def test_an_image_is_the_environment_that_its_path_leads_to(tmp_path: pathlib.Path) -> None:
    draft = draft_image(drafting(tmp_path), SETTINGS, FILES)
    spec = spec_of(draft)
    assert (spec.python, words_of(draft), spec.base.image) == (
        "3.12",
        ["six==1.0"],
        "python:3.12-slim-bookworm",
    )
    assert spec.env == {"HF_HOME": "/models"}
    assert spec.run is not None
    assert (spec.run.command, spec.run.port, spec.run.workdir) == (("python", "-m", "demo"), 8000, "/srv")
    assert (spec.run.user, spec.run.volumes) == ("app", ("/data",))
    assert spec.run.health is not None
    assert spec.run.health.path == "/healthz"
    assert spec.run.start_timeout == 70  # the period, and four tries 2.5 s apart
    assert left(draft).keys() == {
        "mine 1.0", f"ENV {SETTINGS['Env'][0]}", "ENV PYTHON_VERSION=3.12.1", 'Labels {"a": "b"}',
        "--interval=2.5s", "--retries=4",
    }  # fmt: skip
    assert any("/usr/local/lib/python3.12/site-packages (1)" in remark for remark in draft.remarks)


def test_every_key_of_a_configuration_is_carried_over_or_named(tmp_path: pathlib.Path) -> None:
    draft = draft_image(drafting(tmp_path), SETTINGS, FILES)
    own = (item for item in draft.items if "==" not in item.text and item.text != "mine 1.0")
    said = [item for item in own if not item.text.startswith("--")]
    assert len(said) == len(SETTINGS) - 1 + len(SETTINGS["Env"])


def test_pythons_of_debian_and_conda_are_found(tmp_path: pathlib.Path) -> None:
    debian = {
        "usr/bin/python3": b"python3.11",
        "usr/lib/python3/dist-packages/six-1.0.dist-info/METADATA": metadata("six"),
        "usr/local/lib/python3.11/dist-packages/flask-3.0.dist-info/METADATA": metadata("flask", "3.0"),
    }
    draft = draft_image(drafting(tmp_path), {"Env": ["PATH=/usr/bin"]}, debian)
    assert (draft.python, words_of(draft)) == ("3.11", ["flask==3.0", "six==1.0"])
    conda = {"opt/conda/lib/python3.10/site-packages/six-1.0.dist-info/METADATA": metadata("six")}
    draft = draft_image(drafting(tmp_path), {}, conda)
    assert (draft.python, words_of(draft)) == ("3.10", ["six==1.0"])


def test_an_image_without_python_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="holds no Python"):
        draft_image(drafting(tmp_path), {}, {"etc/os-release": b"ID=debian\n"})


def test_only_what_describes_an_image_is_read_of_it() -> None:
    assert all(describes_image(path) for path in FILES)
    assert not any(
        describes_image(path) for path in ("usr/bin/pythonx", "a.dist-info/RECORD", "srv/METADATA")
    )
