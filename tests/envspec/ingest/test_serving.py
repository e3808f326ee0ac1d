"""Specs from Compose files, from what servers of models are described with, and from folders."""

from __future__ import annotations

import contextlib
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from envspec.ingest.draft import Wish
from envspec.ingest.entries import leaves, read_yaml
from envspec.ingest.read import read_description
from envspec.system.errors import EnvspecError, SpecError, UsageError
from tests.support.drafts import drafted, left, spec_of, words_of

BENTO = """\
service: "service:Speech"
include: ["*.py"]
python:
  packages: [numpy==1.26.4, "torch>=2"]
  requirements_txt: needs.txt
  extra_index_url: ["https://torch.example/whl/cpu"]
docker:
  python_version: "3.10"
  system_packages: [ffmpeg]
  env: {HF_HOME: /models}
"""

TRUSS = """\
model_name: Speech
python_version: py311
requirements:
  - torch==2.1.0
  - git+https://git.example/a/tool.git@v1#egg=tool
system_packages: [ffmpeg]
environment_variables: {A: b}
base_image: {image: "python:3.11-slim"}
resources: {use_gpu: true}
"""

COMPOSE = """\
services:
  redis: {image: "redis:7"}
  api:
    build: {context: ., dockerfile: docker/api.Dockerfile, target: last}
    command: uvicorn app:app --port 8000
    environment:
      A: b
      SECRET: ${SECRET}
    ports: ["80:8000"]
    restart: always
    volumes: ["./x:/x"]
"""

DOCKERFILE = (
    'FROM python:3.11 AS last\nCOPY needs.txt .\nRUN pip install -r needs.txt\nCMD ["x"]\nFROM scratch\n'
)

FILES = {"needs__txt": "six==1.16.0\n", "docker/api__Dockerfile": DOCKERFILE}


@pytest.mark.parametrize(
    ("name", "text"), [("bentofile.yaml", BENTO), ("config.yaml", TRUSS), ("compose.yaml", COMPOSE)]
)
def test_every_value_is_carried_over_or_named(tmp_path: pathlib.Path, name: str, text: str) -> None:
    draft = drafted(tmp_path, text, name, **FILES)
    own = [item for item in draft.items if not item.file]
    assert sum(item.size for item in own) == leaves(read_yaml(tmp_path / name).get())
    left(draft)


def test_bentofiles_and_trusses_become_specs(tmp_path: pathlib.Path) -> None:
    bento = drafted(tmp_path, BENTO, "bentofile.yaml", python=None, **FILES)
    assert words_of(bento) == ["numpy==1.26.4", "torch>=2", "six==1.16.0"]
    assert (bento.python, bento.apt, spec_of(bento).env) == ("3.10", ("ffmpeg",), {"HF_HOME": "/models"})
    truss = spec_of(drafted(tmp_path, TRUSS, "config.yaml", python=None))
    assert (truss.python, truss.base.image, truss.env) == ("3.11", "python:3.11-slim", {"A": "b"})


def test_compose_says_what_its_dockerfile_leaves_open(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, COMPOSE, "compose.yaml", **FILES)
    spec = spec_of(draft)
    assert words_of(draft) == ["six==1.16.0"]
    assert spec.run is not None
    assert (spec.run.command, spec.run.port, spec.run.restart) == (
        ("uvicorn", "app:app", "--port", "8000"), 8000, "always",
    )  # fmt: skip
    assert spec.env == {"A": "b"}
    assert left(draft).keys() >= {"SECRET=${SECRET}", "services.redis", "services.api.volumes"}


def test_defaults_of_compose_count(tmp_path: pathlib.Path) -> None:
    build = "{context: ., dockerfile: docker/api.Dockerfile, target: last}"
    text = f"services:\n  api:\n    build: {build}\n"
    text += "    ports: ['${OUT:-80}:${IN-9385}']\n"
    text += "    environment: {POOL: '${POOL:-5}', EMPTY: '${E-}', KEY: '${KEY:?missing}'}\n"
    draft = drafted(tmp_path, text, "compose.yaml", **FILES)
    spec = spec_of(draft)
    assert spec.run is not None
    assert spec.run.port == 9385
    assert spec.env == {"POOL": "5", "EMPTY": ""}
    assert "KEY=${KEY:?missing}" in left(draft)


def test_a_compose_file_that_builds_nothing_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError, match="none of them is built"):
        drafted(tmp_path, "services: {a: {image: b}}\n", "compose.yaml")


def test_the_best_description_of_a_folder_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    (tmp_path / "requirements.txt").write_text("six\n")
    (tmp_path / "Dockerfile").write_text("FROM a\nRUN pip install flask\n")
    draft = read_description(tmp_path, Wish(python="3.11", folder=tmp_path))
    assert words_of(draft) == ["six"]
    assert "requirements.txt of the folder was read" in draft.remarks[0]
    assert "Dockerfile" in draft.remarks[0]


def test_a_folder_without_any_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="no description"):
        read_description(tmp_path)


@pytest.mark.parametrize("name", ["bentofile.yaml", "config.yaml", "compose.yaml"])
@settings(max_examples=30)
@given(
    data=some.one_of(
        some.binary(max_size=100),
        some.text(alphabet="abpythonservicesbuild:[]{}- \n&*", max_size=100).map(str.encode),
    )
)
def test_any_bytes_give_a_draft_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / name
    file.write_bytes(data)
    with contextlib.suppress(EnvspecError):
        read_description(file)


def test_what_compose_publishes_is_where_the_program_listens(tmp_path: pathlib.Path) -> None:
    image = 'FROM python:3.11\nENV PORT=3000\nRUN pip install six\nEXPOSE ${PORT}\nCMD ["x"]\n'
    image += "HEALTHCHECK CMD curl -f http://localhost:${PORT}/health || exit 1\n"
    text = "services:\n  a:\n    build: .\n    environment: [PORT=5001]\n    ports: ['5002:5001']\n"
    run = spec_of(drafted(tmp_path, text, "compose.yaml", Dockerfile=image)).run
    assert run is not None
    assert (run.port, run.ports, run.health.path if run.health else "") == (5001, (3000,), "/health")
