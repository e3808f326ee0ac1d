"""The lock: the same bytes for the same content, and nothing but a lock is read as one."""

import os
import pathlib
import tomllib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envspec.lockfile.lock import (
    LIMIT,
    Artifact,
    File,
    Lock,
    dump_lock,
    lock_file,
    parse_lock,
    read_lock,
    write_lock,
)
from envspec.spec.load import load_spec
from envspec.system.errors import SpecError
from tests.support.counting import is_linear
from tests.support.paths import EXAMPLES
from tests.support.specs import artifact, lock
from tests.support.wheels import sdist, wheel

LOCKS = sorted(EXAMPLES.glob("*/*.lock"))

names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}(\+[a-z0-9]{1,4})?", fullmatch=True)
shas = st.text("0123456789abcdef", min_size=64, max_size=64)
files = st.builds(File, file=st.just("demo-1.0-py3-none-any.whl"), sha256=shas, size=st.integers(0, 1 << 40))


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    stages = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    entry = st.builds(
        Artifact,
        file=st.just("demo-1.0-py3-none-any.whl"),
        sha256=shas,
        size=st.integers(0, 1 << 40),
        name=names,
        version=versions,
        stage=st.sampled_from(stages),
        index=names,
        wheel=st.none() | files,
    )
    found = draw(st.lists(entry, max_size=4, unique_by=lambda each: each.name))
    return lock(
        *found, stages=tuple(stages), variant=draw(st.none() | names), removed=tuple(draw(st.lists(names)))
    )


@settings(max_examples=25)
@given(locks())
def test_a_lock_is_read_back_as_it_was_written(one: Lock) -> None:
    assert parse_lock(dump_lock(one)) == one


@settings(max_examples=25)
@given(locks())
def test_equal_locks_are_equal_bytes(one: Lock) -> None:
    again = Lock.model_validate(one.model_dump())
    assert dump_lock(parse_lock(dump_lock(again))) == dump_lock(one)


def test_a_lock_ends_with_a_line_and_begins_with_how_to_remake_it(tmp_path: pathlib.Path) -> None:
    text = dump_lock(lock(artifact(wheel(tmp_path))))
    assert text.startswith("# This lock is made by `envspec lock`")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


FOREIGN = [
    ("", "version None"),
    ("version = 2\n", "version 2"),
    ('version = "1"\n', "version '1'"),
    ("version = 1\n", "name"),
    ("<<<<<<< HEAD\n", "not a lock"),
    ("a = " + "[" * 20_000, "not a lock: line 1: nested deeper"),
    ("\n" + "a." * 20_000 + "b = 1", "not a lock: line 2: nested deeper"),
    ("version = " + "9" * 5_000, "not a lock: line 1: a key or number of 5,000 characters"),
    ("version = '" + "9" * 5_000 + "'", "4802 characters more"),
]


@pytest.mark.parametrize(
    ("text", "message"),
    FOREIGN,
    ids=["empty", "newer", "text", "bare", "merge", "deep", "dotted", "number", "long"],
)
def test_what_is_no_lock_is_refused_with_what_to_do(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        parse_lock(text, name="my.lock")
    assert "my.lock" in str(caught.value)
    assert "envspec lock" in caught.value.hint


def changed(tmp_path: pathlib.Path, old: str, new: str) -> str:
    text = dump_lock(lock(artifact(wheel(tmp_path, "demo"))))
    assert old in text
    return text.replace(old, new)


CHANGES = {
    "path": ('file = "demo', 'file = "../demo'),
    "sha256": ('sha256 = "', 'sha256 = "x'),
    "size": ("size = ", "size = -"),
    "option": ('version = "1.0"', 'version = "1.0 --index-url x"'),
    "no wheel": ('file = "demo-1.0-py3-none-any.whl"', 'file = "demo.whl"'),
    "python": ('python = "3.11"', 'python = "../3"'),
    "release": ('python = "3.11"', 'python = "3.11.4"'),
    "no C library": ("glibc = [2, 17]\n", ""),
    "machine": ('machine = "x86_64"', 'machine = "x"'),
    "stage": ('stage = "one"', 'stage = "gone"'),
    "apt": ("host = true", 'apt = ["x && y"]'),
    "unknown": ('resolver = "uv"', 'resolver = "uv"\nmirror = "x"'),
}


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_lock_that_was_edited_into_nonsense_is_refused(tmp_path: pathlib.Path, old: str, new: str) -> None:
    with pytest.raises(SpecError, match="not a lock: "):
        parse_lock(changed(tmp_path, old, new))


def test_a_package_that_is_locked_twice_is_refused(tmp_path: pathlib.Path) -> None:
    """As a merge of two branches leaves it."""
    entry = artifact(wheel(tmp_path))
    text = dump_lock(lock(entry))
    with pytest.raises(SpecError, match="demo is locked more than once"):
        parse_lock(text + text[text.index("[[artifact]]") :])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_lock_or_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.lock"
    file.write_bytes(data)
    with pytest.raises(SpecError):
        read_lock(file)


def test_no_lock_is_no_error(tmp_path: pathlib.Path) -> None:
    assert read_lock(tmp_path / "absent.lock") is None


def test_a_folder_in_the_place_of_the_lock_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_lock(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "large", "device"])
def test_what_has_no_end_is_no_lock(tmp_path: pathlib.Path, kind: str) -> None:
    file = tmp_path / "envspec.lock"
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "large":
            file.write_bytes(b"#" * (LIMIT + 1))
        case _:
            file.symlink_to("/dev/zero")
    with pytest.raises(SpecError) as caught:
        read_lock(file)
    assert "envspec lock" in caught.value.hint


def test_reading_and_asking_a_lock_is_linear_in_its_artifacts() -> None:
    def asked(size: int) -> Callable[[], object]:
        entries = [
            Artifact(
                name=f"p{n}",
                version="1.0",
                stage=f"s{n}",
                index="default",
                file=f"p{n}-1.0-py3-none-any.whl",
                sha256="0" * 64,
                size=1,
            )
            for n in range(size)
        ]
        text = dump_lock(lock(*entries, stages=tuple(entry.stage for entry in entries)))
        return lambda: list(parse_lock(text).by_stage())

    assert is_linear(asked, 20)


def test_writing_leaves_one_whole_file(tmp_path: pathlib.Path) -> None:
    one = lock(artifact(wheel(tmp_path / "wheels")))
    write_lock(tmp_path / "x.lock", one)
    write_lock(tmp_path / "x.lock", one)
    assert read_lock(tmp_path / "x.lock") == one
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wheels", "x.lock"]


def test_stages_come_in_install_order_even_when_empty(tmp_path: pathlib.Path) -> None:
    first, last = artifact(wheel(tmp_path, "b"), stage="z"), artifact(wheel(tmp_path, "a"), stage="a")
    held = lock(first, last, stages=("z", "m", "a"))
    assert list(held.by_stage()) == [("z", (first,)), ("m", ()), ("a", (last,))]


def test_a_source_distribution_installs_the_wheel_built_from_it(tmp_path: pathlib.Path) -> None:
    built = File(file="source-1.0-py3-none-any.whl", sha256="0" * 64, size=3)
    source = artifact(sdist(tmp_path)).model_copy(update={"wheel": built})
    assert source.installed == built
    assert parse_lock(dump_lock(lock(source))).artifact[0].installed == built


def test_the_lock_stands_beside_its_spec() -> None:
    place = pathlib.Path("x/envspec.toml")
    assert lock_file(place, None) == pathlib.Path("x/envspec.lock")
    assert lock_file(place, "cuda") == pathlib.Path("x/envspec.cuda.lock")
    assert lock_file(pathlib.Path("x/small.toml"), None) == pathlib.Path("x/small.lock")


def test_there_are_locks_among_the_examples() -> None:
    assert {file.parent.name for file in LOCKS} >= {"espeak", "sambert-hifigan"}


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_an_examples_lock_fits_its_spec(file: pathlib.Path) -> None:
    held = parse_lock(file.read_text())
    assert held.fits(load_spec(file.parent, held.variant))


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_an_examples_lock_names_no_host_and_no_path(file: pathlib.Path) -> None:
    text = file.read_text()
    assert "://" not in text
    assert not [line for line in text.splitlines() if line.startswith("file") and "/" in line]


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_an_examples_lock_is_in_the_form_that_the_program_writes(file: pathlib.Path) -> None:
    assert dump_lock(parse_lock(file.read_text())) == file.read_text()


WRITTEN = """
version = 1
name = "demo"
spec = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
resolver = "uv"
python = "3.11"
machine = "x86_64"
glibc = [2, 36]
stages = ["one"]
artifact = []

[base]
debian = "bookworm"
"""
"""As locks were written before there were patch releases and other C libraries."""


def test_a_lock_that_was_written_before_keeps_its_digest() -> None:
    held = parse_lock(WRITTEN)
    assert held.digest == "sha256:5521057b6e7af66be8e04bb7f58a6e07aadb0920cfaaec24e49789fc4ea7ced0"
    assert (held.patch, held.musl, held.target.platform) == (None, None, "manylinux_2_36_x86_64")


def test_a_lock_says_which_c_library_and_release_it_is_for() -> None:
    held = lock(python="3.13t", patch=2, glibc=None, musl=(1, 2))
    text = dump_lock(held)
    assert 'python = "3.13t"\npatch = 2\n' in text
    assert "musl = [1, 2]" in text
    assert "glibc" not in text
    assert parse_lock(text) == held
    assert held.target.markers()["python_full_version"] == "3.13.2"
    assert held.digest != lock(python="3.13t", glibc=None, musl=(1, 2)).digest


def test_a_lock_has_one_c_library() -> None:
    with pytest.raises(ValueError, match="one of glibc and musl"):
        lock(musl=(1, 2))
    with pytest.raises(ValueError, match="one of glibc and musl"):
        lock(glibc=None)


def test_a_lock_of_another_spec_does_not_fit() -> None:
    held = parse_lock((EXAMPLES / "espeak" / "envspec.lock").read_text())
    assert not held.fits(load_spec(EXAMPLES / "article"))


def test_the_digest_is_of_the_content_not_of_the_text() -> None:
    text = (EXAMPLES / "espeak" / "envspec.lock").read_text()
    assert parse_lock(text + "\n# a remark\n").digest == parse_lock(text).digest
    assert tomllib.loads(text)["version"] == 1
