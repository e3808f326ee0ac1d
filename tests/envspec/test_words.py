"""Words of a stage that are sources: what each of them says, and what means nothing."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.lint import lint_spec
from envspec.spec.words import SourceWord, source_word
from envspec.system.errors import SpecError
from tests.support.specs import spec, stage

HASH = "0123456789abcdef" * 4
COMMIT = "0123456789" * 4


def read(text: str) -> SourceWord:
    word = source_word(text)
    assert word is not None
    return word


@pytest.mark.parametrize("text", [".", "./", "./."])
def test_the_folder_of_the_spec_is_a_tree(text: str) -> None:
    assert (read(text).kind, read(text).place) == ("tree", ".")


def test_a_tree_has_extras_and_a_marker() -> None:
    word = read("./libs/core[Fast,b_c] ; python_version >= '3.9'")
    assert (word.kind, word.place, word.extras) == ("tree", "libs/core", frozenset({"fast", "b-c"}))
    assert str(word.marker) == 'python_version >= "3.9"'
    assert str(word.requirement("core")) == 'core[b-c,fast]; python_version >= "3.9"'


@pytest.mark.parametrize("text", ["-e ./libs/core", "--editable=./libs/core", "-e  ./libs/core"])
def test_a_tree_may_be_editable(text: str) -> None:
    assert read(text).editable
    assert read(text).place == "libs/core"


@pytest.mark.parametrize("name", ["x-1.0-py3-none-any.whl", "x-1.0.tar.gz", "x-1.0.zip"])
def test_an_archive_is_a_file_by_path_and_by_address(name: str) -> None:
    assert (read(f"./wheels/{name}").kind, read(f"./wheels/{name}").place) == ("file", f"wheels/{name}")
    word = read(f"x @ https://host.example/a/{name}#sha256={HASH}")
    assert (word.kind, word.file_name, word.sha256, word.name) == ("url", name, HASH, "x")
    assert word.place == f"https://host.example/a/{name}"


def test_a_wheel_tells_its_own_name() -> None:
    assert read("https://host.example/My_Pkg-1.0-py3-none-any.whl").name == "my-pkg"


def test_git_has_a_revision_and_a_subdirectory() -> None:
    word = read("My_Lib[a] @ git+https://host.example/o/x.git@v1.0#subdirectory=libs/core")
    assert (word.kind, word.place) == ("git", "https://host.example/o/x.git")
    assert (word.name, word.revision, word.subdirectory, word.extras) == (
        "my-lib",
        "v1.0",
        "libs/core",
        frozenset({"a"}),
    )


def test_a_user_before_the_host_is_no_revision() -> None:
    word = read("git+ssh://git@host.example/o/x.git")
    assert (word.place, word.revision) == ("ssh://git@host.example/o/x.git", "")
    assert read("git+ssh://git@host.example/o/x.git@main").revision == "main"


def test_the_old_way_to_state_a_name_is_read() -> None:
    word = read(f"git+file:///srv/x@{COMMIT}#egg=foo[bar]")
    assert (word.name, word.extras, word.fixed) == ("foo", frozenset({"bar"}), True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("git@host.example:o/x.git", "write git+ssh://git@host/owner/project.git"),
        ("x @ git+git@host.example:o/x.git", "write git+ssh://git@host/owner/project.git"),
        ("git+ssh://git@host.example:o/x.git", "stands a slash, not a colon"),
        ("/srv/x", "leaves the folder of the spec"),
        ("~/x", "leaves the folder of the spec"),
        ("../x", "leaves the folder of the spec"),
        ("./a/../../x", "leaves the folder of the spec"),
        ("x @ file:///srv/x", "begin the path in the spec's folder"),
        ("x @ ./x", "write the path alone"),
        ("-e git+https://host.example/x", "cannot be editable"),
        ("-e ./x-1.0.tar.gz", "cannot be editable"),
        ("hg+https://host.example/x", "is not git"),
        ("https://host.example/x", "names no wheel"),
        ("git+https://host.example/x@--upload-pack=touch", "no commit, tag or branch"),
        ("git+https://host.example/x@a..b", "no commit, tag or branch"),
        ("git+https://host.example/x#subdirectory=../y", "a subdirectory that leads out"),
        (f"git+https://host.example/x#sha256={HASH}", "which only files have"),
        ("https://host.example/x-1.tar.gz#md5=1", "where sha256, subdirectory and egg may be"),
        ("https://host.example/x-1.tar.gz#sha256=1", "not 64 hexadecimal digits"),
        ("y @ https://host.example/x-1.0-py3-none-any.whl", "its file is a wheel of x"),
        ("https://host.example/x.whl", "no name that a wheel can have"),
        ("./libs/core[a b]", "the name of no extra"),
        ("./libs/core; nothing", "which is no marker"),
        ("libs/core", "a path begins with ./"),
        ("x-1.0.tar.gz", "a path begins with ./"),
    ],
)
def test_what_means_nothing_is_said_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=r"stage\[0\]\.install\[1\]") as caught:
        spec(stage("one", "numpy==1.0", text))
    assert said in str(caught.value)


_PARTS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)


@given(
    folders=st.lists(_PARTS, min_size=1, max_size=4),
    extras=st.sets(_PARTS, max_size=3),
    editable=st.booleans(),
    marker=st.booleans(),
)
def test_all_that_a_tree_says_comes_back(
    folders: list[str], extras: set[str], *, editable: bool, marker: bool
) -> None:
    place = "/".join(folders)
    text = ("-e " if editable else "") + f"./{place}" + (f"[{','.join(extras)}]" if extras else "")
    word = read(text + ("; os_name == 'posix'" if marker else ""))
    assert (word.place, word.extras, word.editable, word.marker is not None) == (
        place,
        frozenset(extras),
        editable,
        marker,
    )
    assert word.shown == text


@given(
    name=_PARTS,
    path=st.lists(_PARTS, min_size=1, max_size=3),
    revision=st.one_of(st.just(""), _PARTS),
    below=st.one_of(st.just(""), _PARTS),
)
def test_all_that_git_says_comes_back(name: str, path: list[str], revision: str, below: str) -> None:
    address = f"https://host.example/{'/'.join(path)}"
    text = f"{name} @ git+{address}" + (f"@{revision}" if revision else "")
    word = read(text + (f"#subdirectory={below}" if below else ""))
    assert (word.name, word.place, word.revision, word.subdirectory) == (name, address, revision, below)


@given(st.one_of(st.text(), st.text("./@:#[]git+hps -e;=~", max_size=40)))
def test_any_text_is_a_word_or_a_sentence(text: str) -> None:
    with contextlib.suppress(ValueError):
        word = source_word(text)
        assert word is None or not word.place.startswith(("/", "-"))
        assert word is None or ".." not in word.place.split("/")


def test_positions_stay_right_where_sources_stand_between() -> None:
    wanted = spec(stage("one", "./a", "numpy", "git+https://host.example/x", "scipy==1.0"))
    assert wanted.sources.keys() == {"stage[0].install[0]", "stage[0].install[2]"}
    found = {(each.rule, each.where) for each in lint_spec(wanted)}
    assert ("EV001", "stage[0].install[1]") in found
    assert ("EV001", "stage[0].install[2]") in found
    assert not {where for rule, where in found if where in {"stage[0].install[0]", "stage[0].install[3]"}}


def test_a_commit_leaves_nothing_open_and_an_address_without_hash_does() -> None:
    wanted = spec(stage("one", f"git+https://host.example/x@{COMMIT}", "https://host.example/x-1.0.tar.gz"))
    assert [(each.rule, each.where) for each in lint_spec(wanted)] == [("EV006", "stage[0].install[1]")]


def test_a_wheel_for_another_machine_is_found() -> None:
    wanted = spec(stage("one", "./x-1.0-cp311-cp311-win_amd64.whl"))
    assert [(each.rule, each.where) for each in lint_spec(wanted)] == [("EV007", "stage[0].install[0]")]


@pytest.mark.parametrize("address", ["https://user:secret@host.example/x", "https://secret@host.example/x"])
def test_no_password_is_shown(address: str) -> None:
    assert "secret" not in read(f"git+{address}.git@v1").shown
    with pytest.raises(SpecError) as caught:
        spec(stage("one", f"git+{address}#nothing"))
    assert "secret" not in str(caught.value)
    assert read("git+ssh://git@host.example/x").shown == "git+ssh://git@host.example/x"
