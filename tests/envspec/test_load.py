"""Reading a spec: every mistake is named by file, key path and line, and nothing but a spec comes out."""

import functools
import pathlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.load import LIMIT, find_spec, load_spec, parse_spec, spelled
from envspec.spec.model import Spec
from envspec.system.errors import SpecError
from tests.support.counting import is_linear
from tests.support.paths import EXAMPLES

HEAD = 'name = "x"\npython = "3.11"\n'
TRIAL = '[service]\nmodule = "a:b"\n[service.trial]\npath = "/"\n'
INSTALL = '[[stage]]\nname = "one"\ninstall = '
STAGE = '[[stage]]\nname = "one"\ninstall = ["numpy==1.23.5"]\n'
SERVICE = STAGE + '[service]\nmodule = "a:b"\n'

MISTAKES = [
    ('[[stage]]\nname = "a"\ninstal = ["numpy"]\n', "stage[0].instal: unknown key, did you mean install?", 5),
    (
        STAGE + '[run]\ncommand = "python -m shop"\n',
        'run.command: is a list of words, as in command = ["python", "-m", "http.server"]: no shell reads it',
        7,
    ),
    (STAGE + 'prebuild = ["numpy"]\n', "stage[0].prebuild: unknown key, did you mean prebuilt?", 6),
    (STAGE + "[smok]\n", "smok: unknown key, did you mean smoke?", 6),
    (STAGE + "[base]\nimag = 'a'\n", "base.imag: unknown key, did you mean image?", 7),
    (STAGE + "[qqq]\n", "qqq: unknown key", 6),
    (STAGE + '[variant.cuda.bse]\nimage = "a"\n', "variant.cuda.bse: unknown key, did you mean base?", 6),
    (STAGE + '[variant.cuda.base]\nimg = "a"\n', "cuda.base.img: unknown key, did you mean image?", 7),
    (STAGE + '[index.a]\nurl = "nowhere"\n', "index.a.url: 'nowhere' is not possible: as in url = ", 7),
    (STAGE + '[index.default]\nurl = "https://x/"\n', "index.default: default is the machine's own index", 6),
    ('[[stage]]\nname = "one"\ninstall = ["-r x"]\n', "install[0]: '-r x' is an option of pip", 5),
    ('[[stage]]\nname = "one"\ninstall = [\n  "a==1",\n  "b=1",\n]\n', "stage[0].install[1]: 'b=1' is", 7),
    ('[[stage]]\nname = "one"\ninstall = ["a @ https://x/a.whl"]\n', "no name that a wheel can have", 5),
    ('[[stage]]\nname = "one"\nwheels = [{ path = "../a.whl" }]\n', "'../a.whl' leaves the folder", 5),
    ('[[stage]]\nname = "one"\nwheels = [{ path = "/a.whl" }]\n', "'/a.whl' leaves the folder", 5),
    ('[[stage]]\nname = "one"\nwheels = [{}]\n', "stage[0].wheels[0]: give either url or path", 5),
    ('[[stage]]\nname = "one"\nwheels = [{ path = "a.zip" }]\n', "'a.zip' is not the name of a wheel", 5),
    ('[[stage]]\nname = "One"\n', "stage[0].name: 'One' is not possible: it has small letters", 4),
    (STAGE + '[base]\nimage = "a"\ndebian = "trixie"\n', "base: give one of image, debian and host", 6),
    (STAGE + '[base]\nhost = "no"\n', "base.host: is true or false, without quotes, as in host = true", 7),
    (STAGE + "[base]\napt = 'git'\n", 'base.apt: is a list, as in apt = ["libsndfile1"]', 7),
    (STAGE + "[variant.x]\npython = 3.12\n", 'variant.x.python: is text in quotes, as in python = "3.12"', 7),
    (STAGE + "[run.web]\ncommand = ['a']\nport = '1'\n", "run.web.port: is a whole number", 8),
    (STAGE + "base = 'x'\n", "stage[0].base: unknown key", 6),
    (STAGE + "[env]\nA = 1\n", 'env.A: is text in quotes, as in A = "1"', 7),
    (STAGE + '[remove]\nfiles = ["../x"]\n', "remove.files[0]: '../x' must be a pattern below", 7),
    (STAGE + '[service]\nport = 5000\n', "service.module: missing", 6),
    (STAGE + '[service]\nmodule = "a:b"\nport = 70000\n', "service.port: ", 8),
    (STAGE + '[service]\nmodule = "a:b"\nport = true\n', "service.port: ", 8),
    (STAGE + '[service]\nmodule = "a:b"\nsource = "../.."\n', "service.source: '../..' leaves the folder", 8),
    (STAGE + "as-of = 20240401\n", "stage[0].as-of", 6),
    (STAGE + "name = 'two'\n", "not TOML: Cannot overwrite a value", 6),
    (SERVICE + "port = " + "9" * 5000 + "\n", "service.port: a key or number of 5,000 characters", 8),
    (TRIAL + "json." + "a." * 20000 + "b = 1\n", "service.trial.json: nested deeper than 64 levels", 7),
    (SERVICE + 'source = "' + "a/" * 3000 + '"\n', "a path has at most 1,000 characters, not 6,000", 8),
    (SERVICE + 'source = "' + "ä" * 200 + '"\n', "a part of a path has at most 255 bytes", 8),
    (STAGE + '[remove]\nfiles = ["a", "' + "**/" * 2000 + '"]\n', "remove.files[1]: '**/**/", 7),
    (INSTALL + '["a==' + "1" * 2000 + '"]\n', "a requirement has at most 1,000 characters", 5),
    (INSTALL + '["a==' + "1" * 900_000 + '"]\n', "stage[0].install[0]: a string of 900,005", 5),
    (INSTALL + '["' + "[" * 900 + '"]\n', "… 700 characters more …", 5),
    (INSTALL + '["a; ' + "(" * 51 + "os_name == 'a'" + ")" * 51 + '"]\n', "at most 50 parentheses", 5),
    (INSTALL + str([f"p{i}" for i in range(5001)]), "stage: the stages name 5,001 packages and wheels", 3),
    (INSTALL + str(["a"] * 101), "stage: the stages name a 101 times; at most 100 are read", 3),
    ('[[stage]]\nname = "one"\nwheels = [{ path = "' + "a-" * 150 + '" }]\n', "at most 255", 5),
    ("".join(f'[[stage]]\nname = "s{i}"\n' for i in range(257)), "stage: has 257 entries; at most 256", 3),
]  # fmt: skip


@pytest.mark.parametrize(("body", "message", "line"), MISTAKES, ids=[entry[1] for entry in MISTAKES])
def test_a_mistake_is_named_with_key_path_and_line(body: str, message: str, line: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(HEAD + body, name="my.toml")
    assert message in str(caught.value)
    assert f"my.toml:{line}: " in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec('name = "X"\npythn = "3.11"\n[[stage]]\nname = "one"\ninstal = []\n[base]\nhosts = true\n')
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"name", "python", "pythn", "stage[0].instal", "base.hosts"}


def test_many_mistakes_are_counted_and_all_are_kept() -> None:
    body = "".join(f'[[stage]]\nname="S {i}"\nfoo={i}\n' for i in range(200))
    with pytest.raises(SpecError) as caught:
        parse_spec(HEAD + body, name="my.toml")
    assert len(caught.value.problems) == 400
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "my.toml: and 380 more"


@pytest.mark.parametrize(
    "body",
    [
        STAGE + "# and more\n" * 10,
        "".join(f'[[stage]]\nname="S {{}}{i}"\nfoo={i}\n' for i in range(10)),
        '[[stage]]\nname = "a"\ninstall = [\n' + '"-r",\n' * 10 + "]\n",
        STAGE + "[remove]\nfiles = [\n" + '"../x",\n' * 10 + "]\n",
    ],
    ids=["lines", "stages", "requirements", "patterns"],
)
def test_naming_mistakes_is_linear_in_the_size_of_the_spec(body: str) -> None:
    def refused(size: int) -> Callable[[], object]:
        text = HEAD.replace("x", "X Y") + body * size

        def refuse() -> None:
            with pytest.raises(SpecError):
                parse_spec(text)

        return refuse

    assert is_linear(refused, 8)


def test_lines_are_those_of_an_editor() -> None:
    """A line separator inside a text ends no line of the file."""
    with pytest.raises(SpecError, match=r"envspec\.toml:7: qqq"):
        parse_spec(f"# a\u2028b\n{HEAD}{STAGE}[qqq]\n")


@pytest.mark.parametrize("text", ["", " \n\t\n", "\n"])
def test_an_empty_file_says_so(text: str) -> None:
    with pytest.raises(SpecError, match="the file is empty") as caught:
        parse_spec(text)
    assert caught.value.hint


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(SpecError, match=r"envspec\.toml:2: not TOML"):
        parse_spec('name = "x"\npython = \n')


def test_an_unclosed_text_is_placed_at_the_end() -> None:
    with pytest.raises(SpecError, match=r"envspec\.toml:3: not TOML"):
        parse_spec('name = "x"\npython = """3\n11')


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("naïve".encode("latin-1"), "not UTF-8"),
        ('name = "x"'.encode("utf-16"), "not UTF-8"),
        (b"\x00" * 40, "not TOML"),
        (b"#" * (LIMIT + 1), "larger than 1 MiB"),
        (b"#" * 10_000_000, "larger than 1 MiB"),
    ],
    ids=["latin-1", "utf-16", "zeros", "too large", "10 MB"],
)
def test_a_file_that_is_no_spec_is_told_from_one(tmp_path: pathlib.Path, data: bytes, message: str) -> None:
    file = tmp_path / "envspec.toml"
    file.write_bytes(data)
    with pytest.raises(SpecError, match=message) as caught:
        load_spec(tmp_path)
    assert str(file) in str(caught.value)


def test_a_byte_order_mark_is_no_mistake(tmp_path: pathlib.Path) -> None:
    (tmp_path / "envspec.toml").write_text(HEAD + STAGE, encoding="utf-8-sig")
    assert load_spec(tmp_path).name == "x"


def test_windows_line_ends_are_no_mistake() -> None:
    assert parse_spec((HEAD + STAGE).replace("\n", "\r\n")).stage[0].install == ("numpy==1.23.5",)


@pytest.mark.parametrize(
    "place",
    ["absent", "absent/envspec.toml", "/dev/null", "a" * 5000, "."],
    ids=["absent", "below", "device", "long", "empty folder"],
)
def test_a_place_without_a_spec_says_so(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        find_spec(place)
    assert "envspec init" in caught.value.hint


def test_a_folder_in_the_place_of_the_file_says_so(tmp_path: pathlib.Path) -> None:
    (tmp_path / "envspec.toml").mkdir()
    with pytest.raises(SpecError):
        load_spec(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 20_000,
        "a = " + "{a=" * 20_000,
        ".".join("a" * 1_500) + " = 1",
        HEAD + STAGE + "".join(f"x{n} = {n}\n" for n in range(3000)),
        HEAD + STAGE + TRIAL + f"json.{'.'.join('a' * 400)} = 1\n",
    ],
    ids=["brackets", "braces", "dots", "keys", "json"],
)
def test_nesting_and_numbers_do_no_harm(text: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(text)


def test_a_variant_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(SpecError, match="no such variant; the spec has: cuda"):
        parse_spec(HEAD + STAGE + "[variant.cuda]\n", variant="coda")


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_the_examples_are_specs(example: str) -> None:
    assert load_spec(EXAMPLES / example).name


def test_key_paths_are_spelled_as_users_write_them() -> None:
    assert spelled(("stage", 1, "install", 0)) == "stage[1].install[0]"


def read_or_refused(read: Callable[[], Spec]) -> bool:
    """Whether it gave a spec with a digest, or a spec error that names a problem; all else is raised."""
    try:
        return bool(read().digest)
    except SpecError as error:
        return bool(error.problems)


@given(st.text(max_size=300))
def test_any_text_is_a_spec_or_a_spec_error(text: str) -> None:
    assert read_or_refused(lambda: parse_spec(text))


WORDS = st.sampled_from([
    "name", "python", "install", "wheels", "as-of", "url", "json", "module", "=", " ", "\n", '"x"', '"3.11"',
    "[[stage]]", "[base]", "[variant.a]", "[[variant.a.stage]]", "[index.a]", "[service]", "[smoke]",
    "[", "]", "{", "}", "1", "true", "2024-01-01", "9999-12-31", ".", ",", "nan", "inf", "'\\'", "\u2028",
    '"file:///x"', '"a:b"',
])  # fmt: skip


@given(st.lists(WORDS, max_size=30).map("".join))
def test_any_words_of_a_spec_are_a_spec_or_a_spec_error(body: str) -> None:
    for variant in (None, "a"):
        assert read_or_refused(functools.partial(parse_spec, HEAD + STAGE + body, variant=variant))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_spec_or_a_spec_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(data)
    assert read_or_refused(lambda: load_spec(file))
