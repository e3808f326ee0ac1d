"""What `.gitignore` and `.dockerignore` keep out, compared with git itself and with Docker's own words."""

import pathlib
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envspec.source.ignored import DockerIgnore, GitIgnore, Ignored

git = pytest.mark.skipif(not shutil.which("git"), reason="no git on this machine")


def tree(folder: pathlib.Path, **files: str) -> None:
    for name, text in files.items():
        place = folder / name.replace("__", "/").replace("DOT", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def walked(folder: pathlib.Path, rules: GitIgnore | Ignored) -> set[str]:
    """Files that go along, in the order of a walk that enters no ignored folder."""
    found: set[str] = set()

    def walk(below: str) -> None:
        for place in sorted((folder / below).iterdir()):
            path = f"{below}/{place.name}".lstrip("/")
            if place.name == ".git" or rules.ignores(path, is_folder=place.is_dir()):
                continue
            if place.is_dir():
                walk(path)
            else:
                found.add(path)

    walk("")
    return found


def git_says(folder: pathlib.Path) -> set[str]:
    """Files that git would add."""
    asked = ["git", "-c", "core.excludesFile=", "-c", "core.quotePath=false", "-C", str(folder)]
    if not (folder / ".git").exists():
        subprocess.run([*asked, "init", "-q"], check=True)
    said = subprocess.run(
        [*asked, "ls-files", "-z", "--others", "--exclude-standard"], check=True, capture_output=True
    )
    return set(filter(None, said.stdout.decode().split("\0")))


PARTS = st.sampled_from(["a", "b", "c", "a.log", "build", "*", "*.log", "**", "?", "[ab]", "b*", "\\a"])


@st.composite
def line(draw: st.DrawFn) -> str:
    parts = draw(st.lists(PARTS, min_size=1, max_size=3))
    text = "/".join(parts)
    before = draw(st.sampled_from(["", "", "", "!", "/", "!/"]))
    return before + text + draw(st.sampled_from(["", "", "/", " "]))


LINES = st.lists(st.one_of(line(), st.sampled_from(["# a", "", "/", "!", "a\r", "[z-a]", "[a"])), max_size=5)
NAMES = ["a", "b", "c", "a.log", "build"]
PATHS = st.sets(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join), min_size=1, max_size=12
)


def laid_out(folder: pathlib.Path, paths: set[str]) -> None:
    for path in sorted(paths, key=len, reverse=True):  # a folder that a longer path made stays one
        place = folder / path
        if not place.exists() and not any(up.is_file() for up in place.parents if up.is_relative_to(folder)):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("x")


@git
@settings(max_examples=60, deadline=None)
@given(paths=PATHS, top=LINES, deeper=LINES)
def test_a_walk_finds_what_git_would_add(
    tmp_path_factory: pytest.TempPathFactory, paths: set[str], top: list[str], deeper: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    laid_out(folder, paths)
    (folder / ".gitignore").write_text("\n".join(top))
    for name in ("a", "b"):
        if (folder / name).is_dir():
            (folder / name / ".gitignore").write_text("\n".join(deeper))
    assert walked(folder, GitIgnore(folder)) == git_says(folder)


@git
def test_patterns_of_a_repository_above_count_below(tmp_path: pathlib.Path) -> None:
    tree(tmp_path, DOTgitignore="*.bin\n/inner/cache/\n", inner__aDOTbin="", inner__a="", inner__cache__x="")
    git_says(tmp_path)  # which makes it a repository
    assert walked(tmp_path / "inner", GitIgnore(tmp_path / "inner")) == {"a"}


def test_without_a_repository_nothing_above_counts(tmp_path: pathlib.Path) -> None:
    tree(tmp_path, DOTgitignore="*\n", inner__a="x")
    assert walked(tmp_path / "inner", GitIgnore(tmp_path / "inner")) == {"a"}


def docker(tmp_path: pathlib.Path, text: str, path: str, start: str = "") -> bool:
    (tmp_path / ".dockerignore").write_text(text)
    return DockerIgnore(tmp_path, start).ignores(path)


@pytest.mark.parametrize(
    ("text", "path", "ignored"),
    [
        ("data", "data", True),
        ("data", "data/a/b", True),
        ("data", "x/data", False),
        ("/data", "data/a", True),
        ("data/", "data/a", True),
        ("*/temp*", "a/temporary", True),
        ("*/temp*", "temporary", False),
        ("*/*/temp*", "a/b/temp/x", True),
        ("temp?", "tempa", True),
        ("temp?", "temp/", False),
        ("**/*.go", "a.go", True),
        ("**/*.go", "a/b/c.go", True),
        ("*.md\n!README.md", "README.md", False),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("*\n!src", "src/a.py", False),
        ("*\n!src\nsrc/b", "src/b/c", True),
        ("docs/**", "docs/a/b", True),
        ("  spaced  ", "spaced", True),
        ("# data\n#data", "data", False),
        (".", "data", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
    ],
)
def test_the_last_line_that_names_a_path_counts(
    tmp_path: pathlib.Path, text: str, path: str, ignored: bool
) -> None:
    assert docker(tmp_path, text, path) is ignored


def test_what_is_named_itself_is_there_and_what_is_below_follows_the_rules(tmp_path: pathlib.Path) -> None:
    assert not docker(tmp_path, "*", "configs/a", start="configs")
    assert docker(tmp_path, "*\nconfigs/*.bak", "configs/a.bak", start="configs")


def test_a_copy_leaves_out_what_either_file_names(tmp_path: pathlib.Path) -> None:
    tree(
        tmp_path,
        DOTdockerignore="*.tmp\n",
        src__DOTgitignore="*.log\n",
        src__a="",
        src__aDOTlog="",
        src__aDOTtmp="",
    )
    (tmp_path / ".dockerignore").write_text("**/*.tmp\n")
    assert walked(tmp_path / "src", Ignored(tmp_path, "src")) == {"a", ".gitignore"}
