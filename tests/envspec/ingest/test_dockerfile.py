"""Specs from Dockerfiles: what is installed by whatever command, and what the image starts."""

from __future__ import annotations

import contextlib
import pathlib
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from envspec.ingest.docker import reader
from envspec.ingest.docker.instructions import instructions
from envspec.ingest.docker.shell import commands
from envspec.ingest.draft import Wish
from envspec.system.errors import EnvspecError
from tests.support.counting import is_linear
from tests.support.drafts import drafted, left, spec_of, words_of

WHOLE = """\
# syntax=docker/dockerfile:1
ARG PYTHON=3.11
ARG UNKNOWN
FROM python:3.8 AS tools
RUN pip install black
FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /src
COPY requirements.txt .
RUN python -m venv /opt/venv
RUN --mount=type=cache,target=/cache \\
    /opt/venv/bin/pip install -r requirements.txt
FROM python:${PYTHON}-slim-bookworm
ENV NUMPY=1.23.5 HF_HOME="/my models" PATH=/opt/venv/bin:$PATH
ENV PIP_EXTRA_INDEX_URL=https://torch.example/whl/cpu
LABEL a=b
RUN DEBIAN_FRONTEND=noninteractive apt-get update && apt-get install -y --no-install-recommends \\
    # sound
    libsndfile1 ffmpeg=7:5.1* libsm6=2:1.2.3-1 \\
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/venv /opt/venv
RUN pip install --no-cache-dir numpy==$NUMPY "scipy<2" --no-deps
RUN python -m pip install torch --index-url https://example.org/whl/cpu && pip uninstall -y jupyter
RUN pip install "uvicorn[standard]" $UNKNOWN
RUN pip install uvicorn==0.34.2
RUN make all
RUN if [ "$GPU" = 1 ]; then pip install cupy; fi
ADD https://example.org/model.bin /models/
COPY --chown=app:app app /srv/app
COPY absent /srv/absent
WORKDIR /srv
EXPOSE 9000 9001/udp
USER app:app
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD curl -f http://localhost:9000/healthz || exit 1
ENTRYPOINT ["python", "-m"]
CMD ["app.train"]
ONBUILD RUN true
"""

FILES = {"requirements__txt": "six==1.16.0\n", "app/train__py": ""}


def test_every_instruction_is_carried_over_or_named(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, WHOLE, "Dockerfile", **FILES)
    keywords = r"^(FROM|ARG|RUN|COPY|ADD|ENV|LABEL|WORKDIR|EXPOSE|USER|VOLUME|STOP|HEALTH|ENTRY|CMD|ONBUILD)"
    begun = {number for number, line in enumerate(WHOLE.splitlines(), 1) if re.match(keywords, line)}
    assert {item.line for item in draft.items if not item.file} >= begun
    left(draft)


def test_what_cannot_be_carried_over_is_named_with_the_reason(tmp_path: pathlib.Path) -> None:
    found = left(drafted(tmp_path, WHOLE, "Dockerfile", **FILES))
    assert {
        "black", "--no-deps", "$UNKNOWN", "make all", "pip install cupy", "ADD https://example.org/model.bin",
        "COPY absent /srv/absent", "ffmpeg=7:5.1*", "EXPOSE 9000 9001/udp", "ONBUILD RUN true",
        "ENV PATH=/opt/venv/bin:$PATH", "LABEL a=b",
    } <= found.keys()  # fmt: skip


def test_the_image_and_its_installs_become_the_spec(tmp_path: pathlib.Path) -> None:
    spec = spec_of(drafted(tmp_path, WHOLE, "Dockerfile", python=None, **FILES))
    assert (spec.python, spec.base.image) == ("3.11", "python:3.11-slim-bookworm")
    assert [stage.install for stage in spec.stage] == [
        ("six==1.16.0",),
        ("numpy==1.23.5", "scipy<2"),
        ("torch",),
        ("uvicorn[standard]==0.34.2",),
    ]
    assert spec.stage[2].index == "example-cpu"
    assert [index.extra for index in spec.index.values()] == [True, False]
    assert spec.base.apt == ("libsndfile1", "libsm6=2:1.2.3-1")
    assert spec.remove.packages == ("jupyter",)
    assert spec.env == {"NUMPY": "1.23.5", "HF_HOME": "/my models"}


def test_the_image_starts_what_it_started(tmp_path: pathlib.Path) -> None:
    spec = spec_of(drafted(tmp_path, WHOLE, "Dockerfile", **FILES))
    assert spec.run is not None
    assert spec.run.command == ("python", "-m", "app.train")
    assert (spec.run.port, spec.run.workdir, spec.run.user) == (9000, "/srv", "app")
    assert (spec.run.volumes, spec.run.stop_signal) == (("/data",), "SIGINT")
    assert spec.run.health is not None
    assert spec.run.health.path == "/healthz"
    copied = [(copy.source, copy.to, copy.owner) for copy in spec.copies]
    assert copied == [("app", "/srv/app", "app")]


@pytest.mark.parametrize(
    "command",
    [
        "pip install flask==3.0.3",
        "pip3.11 install -U flask==3.0.3",
        "python3 -m pip install flask==3.0.3",
        "/opt/venv/bin/pip install flask==3.0.3",
        "$VENV/bin/pip install flask==3.0.3",
        ". /opt/venv/bin/activate && pip install flask==3.0.3",
        "bash -c 'pip install flask==3.0.3'",
        '/bin/bash -o pipefail -lc "pip install flask==3.0.3"',
        '["pip", "install", "flask==3.0.3"]',
        "<<EOF\npip install flask==3.0.3\nEOF",
        "<<-'EOF' bash\n\tset -e\n\tpip install flask==3.0.3\n\tEOF",
        "uv pip install --system flask==3.0.3",
        "python -m uv pip install flask==3.0.3",
        "sudo -H env A=b pip install flask==3.0.3",
        "X=1 pip install flask==3.0.3",
        "V=3.0.3; pip install flask==${V}",
        "P='flask==3.0.3' && pip install $P",
        "pip install flask==${MISSING:-3.0.3}",
        "conda run -n base pip install flask==3.0.3",
        "conda install -y flask=3.0.3",
        "micromamba install -y -n base -c conda-forge flask==3.0.3",
        "poetry add flask==3.0.3",
        "pip wheel flask==3.0.3 -w /wheels",
    ],
)
def test_packages_are_found_however_they_are_installed(tmp_path: pathlib.Path, command: str) -> None:
    assert words_of(drafted(tmp_path, f"FROM python:3.11\nRUN {command}\n", "Dockerfile")) == ["flask==3.0.3"]


PROJECT = '[project]\nname = "demo"\ndependencies = ["six"]\n[project.optional-dependencies]\nx = ["flask"]\n'
PROJECT += '[dependency-groups]\ndev = ["pytest"]\n[build-system]\nrequires = []\n'


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("uv sync --frozen --no-dev", ["six", "."]),
        ("uv sync --no-install-project --extra x", ["six", "flask"]),
        ("uv sync --only-group dev", ["pytest"]),
        ("poetry install --no-root --with dev", ["six", "pytest"]),
        ("uv sync --no-install-project && uv sync", ["six", "."]),
        ("pip install .", ["."]),
        ("pip install -e '.[x]'", ["-e .[x]"]),
        ("cd sub && pip install ..", ["."]),
        ("uv export -o needs.txt && uv pip install --python-preference system -r needs.txt", ["six", "."]),
        (
            "uv export --no-emit-project --extra x --output-file=/tmp/n.txt && pip install -r /tmp/n.txt",
            ["six", "flask"],
        ),
        ("poetry export -f requirements.txt --only dev > needs.txt && pip install -r needs.txt", ["pytest"]),
        ("python setup.py install", ["."]),
    ],
)
def test_projects_are_installed_as_their_files_say(
    tmp_path: pathlib.Path, command: str, expected: list[str]
) -> None:
    text = f"FROM python:3.11\nWORKDIR /app\nCOPY . .\nRUN {command}\n"
    assert words_of(drafted(tmp_path, text, "Dockerfile", pyproject__toml=PROJECT)) == expected


def test_pipfiles_and_environments_of_conda_are_read(tmp_path: pathlib.Path) -> None:
    text = "FROM continuumio/miniconda3\nCOPY . /x/\nRUN conda env create -f /x/env.yml\n"
    draft = drafted(tmp_path, text, "Dockerfile", env__yml="dependencies: [numpy=1.26, pytorch, ffmpeg]\n")
    assert words_of(draft) == ["numpy==1.26.*", "torch"]
    assert "ffmpeg" in left(draft)
    text = "FROM python:3.11\nCOPY Pipfile* ./\nRUN pipenv install --system --deploy\n"
    assert words_of(drafted(tmp_path, text, "Dockerfile", Pipfile='[packages]\nsix = "*"\n')) == ["six"]


def test_a_folder_above_is_the_one_that_is_built_where_it_has_what_is_copied(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nCOPY needs.txt /tmp/\nRUN pip install -r /tmp/needs.txt\n"
    draft = drafted(tmp_path, text, "docker/Dockerfile", needs__txt="six\n")
    assert words_of(draft) == ["six"]
    assert any("paths of the build" in remark for remark in draft.remarks)


def test_stages_that_begin_with_others_have_what_those_have(tmp_path: pathlib.Path) -> None:
    text = (
        "FROM python:3.11 AS base\nENV A=1\nRUN pip install six\nFROM base AS last\nRUN pip install flask\n"
    )
    spec = spec_of(drafted(tmp_path, text, "Dockerfile"))
    assert ([stage.install for stage in spec.stage], spec.env) == ([("six",), ("flask",)], {"A": "1"})


def test_arguments_reach_the_stages_that_begin_with_theirs(tmp_path: pathlib.Path) -> None:
    text = "ARG U=7\nFROM python:3.11 AS a\nARG U\nFROM a\nRUN pip install six==$U\n"
    assert words_of(drafted(tmp_path, text, "Dockerfile")) == ["six==7"]


def test_what_another_stage_made_is_named(tmp_path: pathlib.Path) -> None:
    text = "FROM a AS b\nCOPY src /src\nRUN make\nFROM python:3.11\nCOPY --from=b /src/made /made\n"
    text += "COPY --from=b /src/kept /kept\nRUN pip install six\n"
    draft = drafted(tmp_path, text, "Dockerfile", **{"src/kept": "x"})
    assert "COPY --from=b /src/made /made" in left(draft)
    assert [copy.source for copy in spec_of(draft).copies] == ["src/kept"]


@pytest.mark.parametrize("name", ["x" * 5000, "\x01", "../../../etc/passwd"])
def test_names_that_no_file_has_are_named(tmp_path: pathlib.Path, name: str) -> None:
    text = f"FROM python:3.11\nCOPY {name} /a\nRUN pip install six -r {name} && pip install ./{name}\n"
    text += f"CMD {name}\n"
    draft = drafted(tmp_path, text, "Dockerfile")
    assert words_of(draft) == ["six"]
    assert len(left(draft)) >= 3


@pytest.mark.parametrize(
    ("made", "copied"),
    [
        ("pip install --target /deps six", "COPY --from=b /deps /usr/lib"),
        ("pip install --prefix=/out six", "COPY --from=b /out/lib /usr/lib"),
        ("python -m venv /e && /e/bin/pip install six", "COPY --from=b /e /e"),
        ("cd /e && uv venv && uv pip install six", "COPY --from=b /e /e"),
        (
            "pip wheel --wheel-dir=/w six",
            "RUN --mount=type=bind,from=b,source=/w,target=/w pip install /w/*.whl",
        ),
    ],
)
def test_packages_are_taken_from_wherever_another_stage_has_put_them(
    tmp_path: pathlib.Path, made: str, copied: str
) -> None:
    text = f"FROM python:3.11 AS b\nRUN {made}\nFROM python:3.11\n{copied}\n"
    draft = drafted(tmp_path, text, "Dockerfile")
    assert words_of(draft) == ["six"]
    assert not any(text.startswith("COPY") for text in left(draft))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ('["/app/.venv/bin/shop", "/app/.venv/bin/x"]', ("shop", "/app/.venv/bin/x")),
        ('["/opt/made/bin/shop"]', ("shop",)),
        ('["/usr/local/bin/python3.11", "-m", "shop"]', ("python", "-m", "shop")),
        ('["/usr/local/bin/start.sh"]', ("/usr/local/bin/start.sh",)),
    ],
)
def test_a_program_of_an_environment_is_started_by_its_name(
    tmp_path: pathlib.Path, command: str, expected: tuple[str, ...]
) -> None:
    text = "FROM python:3.11\nRUN python -m venv /opt/made && /opt/made/bin/pip install six\n"
    run = spec_of(drafted(tmp_path, f"{text}CMD {command}\n", "Dockerfile")).run
    assert run is not None
    assert run.command == expected


def test_the_folder_of_packages_in_a_variable_is_that_of_the_environment(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nENV A=/usr/local/lib/python3.11/site-packages/x:/b\n"
    text += "ENV B=/app/.venv/lib/python3.11/site-packages\n"
    spec = spec_of(drafted(tmp_path, f"{text}RUN pip install six\n", "Dockerfile"))
    assert spec.env == {"A": "{site}/x:/b", "B": "{site}"}


def test_extras_that_are_installed_are_no_variants_and_their_pins_are_kept(tmp_path: pathlib.Path) -> None:
    def package(name: str) -> str:
        digest = f"sha256:{'0' * 64}"
        wheel = f'{{url = "https://files.example/{name}-1-py3-none-any.whl", hash = "{digest}"}}'
        return f'[[package]]\nname = "{name}"\nversion = "1"\nwheels = [{wheel}]\n'

    lock = "version = 1\n" + package("six") + package("flask") + package("pytest")
    lock += '[[package]]\nname = "demo"\nversion = "1"\nsource = {editable = "."}\n'
    lock += 'dependencies = [{name = "six"}]\n[package.optional-dependencies]\nx = [{name = "flask"}]\n'
    lock += '[package.dev-dependencies]\ndev = [{name = "pytest"}]\n'
    text = "FROM python:3.11\nWORKDIR /app\nCOPY . .\nRUN uv sync --no-install-project\n"
    text += "RUN uv sync --extra x\n"
    draft = drafted(tmp_path, text, "Dockerfile", pyproject__toml=PROJECT, uv__lock=lock)
    assert words_of(draft) == ["six", ".", "flask"]
    assert list(spec_of(draft).variant) == ["dev"]
    assert {pin.name for pin in draft.pins if not pin.word} == {"six", "flask"}


@pytest.mark.parametrize(
    ("flags", "timeout", "named"),
    [
        ("--start-period=40s --interval=7s --retries=9 --timeout=2s", 103, "interval retries timeout"),
        ("--start-period=1m30s", 180, ""),
        ("--interval=5s", None, "interval"),
        ("--start-period=soon --start-interval=1s", None, "start-period start-interval"),
        ("--start-period=48h", None, "start-period"),
    ],
)
def test_how_long_a_program_may_take_to_be_well_is_kept_and_how_it_is_asked_is_named(
    tmp_path: pathlib.Path, flags: str, timeout: float | None, named: str
) -> None:
    text = (
        f"FROM python:3.11\nRUN pip install six\nEXPOSE 80\nHEALTHCHECK {flags} CMD curl http://localhost/x\n"
    )
    draft = drafted(tmp_path, f"{text}CMD six\n", "Dockerfile")
    run = spec_of(draft).run
    assert run is not None
    assert run.health is not None
    assert (run.health.path, run.start_timeout) == ("/x", timeout)
    assert {word.partition("=")[0] for word in left(draft)} == {f"--{name}" for name in named.split()}


def test_a_check_that_is_not_kept_is_named_with_its_flags(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nRUN pip install six\nHEALTHCHECK --start-period=4s CMD true\n"
    assert "HEALTHCHECK --start-period=4s CMD true" in left(drafted(tmp_path, text, "Dockerfile"))


@pytest.mark.parametrize(
    "command", ["python -m compileall -q app", "python3.11 -OO -m compileall .", "python -m py_compile a.py"]
)
def test_modules_that_a_build_compiles_are_told_to_be_compiled_anyway(
    tmp_path: pathlib.Path, command: str
) -> None:
    draft = drafted(tmp_path, f"FROM python:3.11\nRUN pip install six && {command}\n", "Dockerfile")
    assert "compiled" in left(draft)[command]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("A=hello,$B", "has no value in the file"),
        ("A=$A:${B}", "has no value in the file"),
        ("A=/x:$A", "adds to a variable"),
        ("PATH=/x:$PATH", "adds to a variable"),
    ],
)
def test_a_variable_of_another_name_without_a_value_is_told_as_that(
    tmp_path: pathlib.Path, said: str, why: str
) -> None:
    draft = drafted(tmp_path, f"FROM python:3.11\nENV {said}\nRUN pip install six\n", "Dockerfile")
    (told,) = left(draft).values()
    assert why in told


@pytest.mark.parametrize(
    ("more", "command", "proposed"), [("", ("python", "a.py"), True), ("CMD six\n", ("six",), False)]
)
def test_a_program_of_the_project_is_proposed_where_an_image_starts_none(
    tmp_path: pathlib.Path, more: str, command: tuple[str, ...], proposed: bool
) -> None:
    pipfile = '[packages]\nsix = "*"\n[scripts]\nstart = "python a.py"\n'
    text = f"FROM python:3.11\nCOPY . .\nRUN pipenv install\n{more}"
    draft = drafted(tmp_path, text, "Dockerfile", Pipfile=pipfile)
    run = spec_of(draft).run
    assert run is not None
    assert (run.command, any("[run] starts" in note for note in draft.notes)) == (command, proposed)


HASHED = (
    f"six==1.16.0 --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}\nflask==3.0.3 --hash=sha256:{'c' * 64}\n"
)
INSTALLED = "RUN pip install --require-hashes -r requirements.txt\n"


@pytest.mark.parametrize(
    "more",
    [
        "",
        "RUN pip install flask\n",
        "RUN pip install -U pip\n",
        "FROM x AS y\nRUN pip install torch\n",
        "RUN pip install -r more.txt\n",
    ],
)
def test_digests_of_all_that_an_image_installs_are_kept(tmp_path: pathlib.Path, more: str) -> None:
    stage, run = ("", more) if more.startswith("RUN") else (more, "")
    text = f"{stage}FROM python:3.11\nCOPY . .\n{run}{INSTALLED}"
    more_txt = f"six==1.16.0 --hash=sha256:{'b' * 64}\n"
    draft = drafted(tmp_path, text, "Dockerfile", requirements__txt=HASHED, more__txt=more_txt)
    assert [(pin.name, pin.version, pin.files[-1].sha256[0]) for pin in draft.pins if pin.name == "six"] == [
        ("six", "1.16.0", "b")
    ]
    assert {pin.name for pin in draft.pins} == {"six", "flask"}
    assert "requirements.txt" in draft.pinned_by
    assert not any("hashes" in remark for remark in draft.remarks)


@pytest.mark.parametrize(
    ("more", "lacking"),
    [
        ("RUN pip install torch\n", "torch"),
        ("RUN pip install flask==3.1.0\n", "flask==3.1.0"),
        ("RUN pip install .\n", "."),
        ("RUN pip install -r more.txt\n", "idna==3.10"),
    ],
)
def test_what_an_image_installs_without_a_digest_is_named(
    tmp_path: pathlib.Path, more: str, lacking: str
) -> None:
    text = f"FROM python:3.11\nCOPY . .\n{INSTALLED}{more}"
    files = {"requirements__txt": HASHED, "more__txt": f"idna==3.10 --hash=sha512:{'a' * 128}\n"}
    draft = drafted(tmp_path, text, "Dockerfile", setup__py="", **files)
    assert draft.pins == ()
    (said,) = [remark for remark in draft.remarks if "no lock can be kept" in remark]
    assert said.endswith(f"for {lacking}")


def test_the_projects_own_code_needs_no_digest_where_it_is_installed_alone(tmp_path: pathlib.Path) -> None:
    text = f"FROM python:3.11\nCOPY . .\n{INSTALLED}RUN pip install --no-deps -e .\n"
    draft = drafted(tmp_path, text, "Dockerfile", requirements__txt=HASHED, pyproject__toml=PROJECT)
    assert {pin.name: pin.word for pin in draft.pins} == {"six": "", "flask": "", "demo": "-e ."}


def test_the_last_of_two_versions_with_hashes_is_the_pin(tmp_path: pathlib.Path) -> None:
    text = f"FROM python:3.11\nCOPY . .\n{INSTALLED}RUN pip install -r more.txt\n"
    more = f"six==1.17.0 --hash=sha256:{'d' * 64}\n"
    draft = drafted(tmp_path, text, "Dockerfile", requirements__txt=HASHED, more__txt=more)
    assert words_of(draft) == ["six==1.17.0", "flask==3.0.3"]
    assert {pin.name: pin.version for pin in draft.pins} == {"six": "1.17.0", "flask": "3.0.3"}
    assert draft.pinned_by == "requirements.txt, more.txt"


def test_pins_are_of_the_index_that_the_command_names(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nCOPY . .\nRUN pip install -i https://own.example/simple -r requirements.txt\n"
    draft = drafted(tmp_path, text, "Dockerfile", requirements__txt=HASHED)
    assert {pin.index_url for pin in draft.pins} == {"https://own.example/simple"}


def test_hashes_beside_the_lock_of_a_project_are_named(tmp_path: pathlib.Path) -> None:
    lock = "version = 1\n[[package]]\nname = 'six'\nversion = '1'\n"
    text = f"FROM python:3.11\nCOPY . .\nRUN uv sync --no-install-project\n{INSTALLED}"
    files = {"requirements__txt": HASHED, "pyproject__toml": PROJECT, "uv__lock": lock}
    draft = drafted(tmp_path, text, "Dockerfile", **files)
    assert draft.pinned_by == "uv.lock"
    assert any("hashes of requirements.txt are left" in remark for remark in draft.remarks)


def test_packages_of_other_distributions_are_named_as_such(tmp_path: pathlib.Path) -> None:
    text = "FROM alpine:3.20\nRUN apk add --no-cache libpq && pip install six\n"
    assert "another distribution" in left(drafted(tmp_path, text, "Dockerfile"))["apk add --no-cache libpq"]


def test_the_base_of_the_target_is_chosen_by_its_processor(tmp_path: pathlib.Path) -> None:
    text = (
        "FROM python:3.12 AS on-amd64\nRUN pip install six\nFROM other AS on-arm64\nFROM on-${TARGETARCH}\n"
    )
    spec = spec_of(drafted(tmp_path, text, "Dockerfile", python=None))
    assert (spec.base.image, spec.stage[0].install) == ("python:3.12", ("six",))


def test_constraints_limit_and_install_nothing(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nCOPY c.txt .\nRUN pip install -c c.txt flask==3.0.3\n"
    spec = spec_of(drafted(tmp_path, text, "Dockerfile", c__txt="click==8.1.7\ntorch==2.13.0\n"))
    assert spec.stage[0].install == ("flask==3.0.3",)
    assert spec.constraints == ("click==8.1.7", "torch==2.13.0")


_PIECES = some.sampled_from(
    [
        *("FROM a\n", "FROM a AS b\n", "RUN ", "COPY ", "--from=b ", "ENV ", "ARG A\n", "pip install ", "$A"),
        *(
            "${A:-",
            "}",
            "'",
            '"',
            "\\\n",
            "<<EOF\n",
            "EOF\n",
            "&& ",
            "x",
            " ",
            "\n",
            "[",
            "]",
            "-r y ",
            "CMD ",
        ),
        *("$(", "`", "/", "WORKDIR ", "six==1"),
    ]
)


@given(some.one_of(some.text(max_size=200), some.lists(_PIECES, max_size=30).map("".join)))
def test_any_dockerfile_gives_a_draft_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "Dockerfile"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(EnvspecError):
        draft = reader.read_dockerfile(file, Wish(python="3.11", folder=file.parent))
        begun = {instruction.line for instruction in instructions(file.read_text())}
        assert {item.line for item in draft.items} >= begun


@given(some.lists(_PIECES, max_size=40).map("".join))
def test_any_script_is_cut_into_commands(text: str) -> None:
    for command in commands(text, {"A": "b c"}):
        assert command.words


@pytest.mark.parametrize(
    "line",
    [
        "ENV {}=1\n",
        "RUN apt-get install -y libx{}\n",
        "RUN --mount=x ls {}\n",
        "RUN echo '$({}' \\\n",
        "COPY {} /x\n",
    ],
)
def test_reading_a_dockerfile_is_linear(tmp_path: pathlib.Path, line: str) -> None:
    def read(size: int) -> Callable[[], object]:
        text = "FROM a\n" + "".join(line.format(f"a{number}") for number in range(size)) + "\n"
        return lambda: drafted(tmp_path, text, f"{size}.dockerfile")

    assert is_linear(read, 50)


@pytest.mark.parametrize(
    ("command", "user", "owner"),
    [
        ("useradd --create-home --shell /bin/bash --uid 1000 me", "1000", "1000"),
        ("useradd -rm -G sudo -u 1000 -g users me", "1000", "1000"),
        ("adduser --disabled-password --gecos '' me", None, "app"),
        ("adduser me", None, "app"),
        ("useradd -ms /bin/bash me", None, "app"),
        ("true", "me", "me"),
    ],
)
def test_a_user_that_the_build_makes_is_the_images_own(
    tmp_path: pathlib.Path, command: str, user: str | None, owner: str
) -> None:
    text = f"FROM python:3.11\nRUN {command}\nRUN pip install six\nCOPY --chown=me:me src /src\n"
    text += "USER me\nCMD six\n"
    draft = drafted(tmp_path, text, "Dockerfile", **{"src/a": ""})
    spec = spec_of(draft)
    assert spec.run is not None
    assert (spec.run.user, spec.copies[0].owner) == (user, owner)
    assert not left(draft)


def copies_of(text: str, folder: pathlib.Path) -> list[tuple[str, str]]:
    """What the spec of a Dockerfile copies, and where to."""
    files = {"requirements__txt": "six\n", "app/main__py": "", "docker/run__py": ""}
    draft = drafted(folder, text, "Dockerfile", **files)
    assert not left(draft)
    return [(copy.source, copy.to) for copy in spec_of(draft).copies]


def test_a_file_that_is_copied_to_a_folder_goes_into_it(tmp_path: pathlib.Path) -> None:
    text = (
        "FROM python:3.11\nWORKDIR /app\nCOPY requirements.txt /app\nCOPY docker/run.py /app/bin/run\n"
        "COPY requirements.txt bin\nRUN pip install -r requirements.txt\nCOPY app /app/\n"
    )
    assert copies_of(text, tmp_path) == [
        ("requirements.txt", "/app/"),
        ("docker/run.py", "/app/bin/run"),
        ("requirements.txt", "/app/bin/"),
        ("app", "/app"),
    ]


def test_code_that_another_stage_had_is_copied_beside_its_packages(tmp_path: pathlib.Path) -> None:
    text = (
        "FROM python:3.11 AS b\nCOPY requirements.txt /tmp\n"
        "RUN pip wheel --wheel-dir /wheels -r /tmp/requirements.txt\nCOPY app /opt/app/app\n"
        "FROM python:3.11\nRUN --mount=type=bind,target=/wheels,source=/wheels,from=b pip install /wheels/*\n"
        "WORKDIR /srv\nCOPY --from=b /opt/app/ /opt/app/\nCOPY --from=b /opt/app/app/main.py ./\n"
    )
    assert copies_of(text, tmp_path) == [("app", "/opt/app/app"), ("app/main.py", "/srv/")]


STAGES = """\
FROM python:{tag} AS b
RUN apt-get update && apt-get install -y gcc libpq-dev
RUN pip install --prefix=/install 'psycopg[c]'
FROM python:{tag}
RUN apt-get install -y libpq5
COPY --from=b /install /usr/local
"""


def test_what_another_stage_builds_with_is_what_sources_are_built_with(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, STAGES.format(tag="3.11-slim-bookworm"), "Dockerfile", python=None)
    base = spec_of(draft).base
    assert (base.apt, base.build_apt, draft.remarks) == (("libpq5",), ("gcc", "libpq-dev"), ())


def test_a_base_that_cannot_build_with_it_is_said(tmp_path: pathlib.Path) -> None:
    for tag in ("3.12-slim-bookworm", "3.11-slim"):
        draft = drafted(tmp_path, STAGES.format(tag=tag), "Dockerfile", python=None)
        assert not spec_of(draft).base.build_apt
        assert "not with gcc, libpq-dev of another stage" in draft.remarks[0]


def test_a_command_that_an_environment_tool_runs_is_the_command(tmp_path: pathlib.Path) -> None:
    for said, command in {
        '["poetry", "run", "gunicorn", "a:b"]': ("gunicorn", "a:b"),
        '["uv", "run", "--no-sync", "--env-file", ".env", "uvicorn", "a:b"]': ("uvicorn", "a:b"),
        '["uv", "run", "main.py"]': ("python", "main.py"),
        '["uv", "run", "-m", "app"]': ("python", "-m", "app"),
        "pipenv run flask run": ("flask", "run"),
        "cd a && exec uv run --frozen uvicorn a:b --port $P": (
            "sh", "-c", "cd a && exec uvicorn a:b --port $P",
        ),
    }.items():  # fmt: skip
        draft = drafted(tmp_path, f"FROM python:3.11\nRUN pip install six\nCMD {said}\n", "Dockerfile")
        assert tuple(draft.run["command"]) == command


def owners(text: str, folder: pathlib.Path) -> list[str | None]:
    """Who owns what a spec of a Dockerfile copies."""
    draft = drafted(folder, text, "Dockerfile", app__py="", b__py="")
    assert not left(draft)
    return [copy.owner for copy in spec_of(draft).copies]


def test_who_may_write_to_what_is_copied_still_may(tmp_path: pathlib.Path) -> None:
    begin = "FROM python:3.11\nRUN pip install six\nWORKDIR /srv\nCOPY app.py ./\nCOPY b.py /etc/b.py\n"
    assert owners(f"{begin}CMD x\n", tmp_path) == ["app", "app"]
    assert owners(f"{begin}USER nobody\nCMD x\n", tmp_path) == [None, None]
    made = f"{begin}RUN useradd -u 1001 me && chown -R me:me /srv\nUSER 1001\nCMD x\n"
    assert owners(made, tmp_path) == ["1001", None]


def test_a_package_that_is_named_twice_in_one_install_stands_once(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nRUN pip install 'a[x]' a a==1 b[y] b c 'd; python_version > \"3\"' d\n"
    marked = 'd; python_version > "3"'
    assert words_of(drafted(tmp_path, text, "Dockerfile")) == ["a[x]==1", "b[y]", "c", marked]


def test_a_project_is_told_from_what_else_is_copied_to_its_place(tmp_path: pathlib.Path) -> None:
    files = {"pyproject__toml": "[project]\nname='x'\n", "static/a__css": "", "src/needs__txt": "six\n"}
    for before in (
        "COPY pyproject.toml ./\nCOPY src ./\nCOPY static ./\n",
        "COPY . .\nCOPY src ./\nCOPY static ./\n",
    ):
        text = f"FROM python:3.11\nWORKDIR /app\n{before}RUN pip install -r needs.txt .\n"
        assert words_of(drafted(tmp_path, text, "Dockerfile", **files)) == ["six", "."]


def test_arguments_and_variables_that_nobody_gives_are_empty(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nARG ROCM\nENV USE_ROCM=${ROCM} P=9000\nRUN pip install six\nCMD x\n"
    text += "HEALTHCHECK CMD curl -f http://localhost:${P:-80}/${PREFIX}health || exit 1\n"
    draft = drafted(tmp_path, text, "Dockerfile")
    assert not left(draft)
    assert (draft.env["USE_ROCM"], draft.run["port"], draft.run["health"]) == ("", 9000, "/health")


def test_a_script_that_wants_an_environment_tool_is_told(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nRUN pip install six\nWORKDIR /app\nCOPY . .\nCMD ['./run.sh']\n".replace(
        "'", '"'
    )
    script = "#!/bin/sh\n# poetry run x\nexec poetry run gunicorn a:b\n"
    draft = drafted(tmp_path, text, "Dockerfile", run__sh=script)
    assert any("./run.sh starts its program by `poetry run`" in remark for remark in draft.remarks)
    assert not drafted(tmp_path, text, "Dockerfile", run__sh="# poetry run x\nexec gunicorn a:b\n").remarks
