"""Edits of the words of a spec's stages: what else stands in the file stays, byte by byte."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.fix.wording import parsed_word, pinned_word, with_word, without
from envspec.system.errors import UsageError

SPEC = """\
# what we ship
name = "daily"
python = "3.11"

[[stage]]
name = "numeric"  # first
why = "large"
install = [
    "numpy==1.26.4",  # the numbers
    # kept for the plots
    "Flask[async]==3.0.3 ; python_version > '3.8'",   # the web
    "scipy>=1"
]

[[stage]]
name = "service"
install = ["gunicorn==22.0.0", "numpy"]   # both

[[stage]]
name = "own"
install = ["./libs/core"]

[[stage]]
name = "cards"
index = "cards"
install = ["torch==2.4.0"]

[index.cards]
url = "https://cards.example/simple"
"""


def install(text: str) -> list[list[str]]:
    return [stage.get("install", []) for stage in tomllib.loads(text)["stage"]]


def changed_lines(before: str, after: str) -> tuple[set[str], set[str]]:
    one, other = before.splitlines(), after.splitlines()
    return {line for line in one if line not in other}, {line for line in other if line not in one}


def test_a_new_word_stands_last_in_the_last_stage_that_takes_any_package() -> None:
    text, done = with_word(SPEC, "httpx==0.27.0")
    assert str(done) == "added httpx==0.27.0 to stage service"
    assert changed_lines(SPEC, text) == (
        {'install = ["gunicorn==22.0.0", "numpy"]   # both'},
        {'install = ["gunicorn==22.0.0", "numpy", "httpx==0.27.0"]   # both'},
    )


def test_a_new_word_goes_where_it_is_told_to() -> None:
    text, _ = with_word(SPEC, "httpx", stage="numeric")
    assert changed_lines(SPEC, text) == ({'    "scipy>=1"'}, {'    "scipy>=1",', '    "httpx"'})
    assert install(with_word(SPEC, "./libs/more", stage="own")[0])[2] == ["./libs/core", "./libs/more"]


def test_a_stage_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no stage servise") as refused:
        with_word(SPEC, "httpx", stage="servise")
    assert refused.value.hint == "did you mean service?"


@pytest.mark.parametrize("word", ["numpy", "NumPy", "flask", "flask[async]", "scipy>=1", "./libs/core"])
def test_what_is_there_stays_and_is_said(word: str) -> None:
    text, done = with_word(SPEC, word)
    assert (text, done.changes) == (SPEC, False)
    assert "already" in str(done)


def test_another_version_keeps_extras_marker_and_comment() -> None:
    text, done = with_word(SPEC, "flask==3.1.0")
    assert install(text)[0][1] == 'Flask[async]==3.1.0; python_version > "3.8"'
    assert "   # the web" in text
    assert str(done).startswith("changed Flask[async]==3.0.3")


def test_another_extra_keeps_the_version() -> None:
    text, _ = with_word(SPEC, "flask[dotenv]")
    assert install(text)[0][1] == 'Flask[async,dotenv]==3.0.3; python_version > "3.8"'


def test_a_version_counts_in_all_stages_that_name_the_package() -> None:
    text, _ = with_word(SPEC, "numpy==2.0.0")
    assert [stage[-1] for stage in install(text)[:2]] == ["scipy>=1", "numpy==2.0.0"]
    assert install(text)[0][0] == "numpy==2.0.0"


def test_a_word_for_other_machines_is_another_word() -> None:
    text, done = with_word(SPEC, "numpy==1.20.0; sys_platform == 'win32'")
    assert done.added
    assert len(install(text)[1]) == 3


def test_a_source_takes_the_place_of_a_version() -> None:
    text, _ = with_word(SPEC, "gunicorn @ git+https://host.example/g.git@v1")
    assert install(text)[1][0] == "gunicorn @ git+https://host.example/g.git@v1"


def test_a_source_that_states_no_name_is_known_by_its_lock() -> None:
    named = {("own", 0): "core"}
    assert with_word(SPEC, "core", named=named)[1].text == "./libs/core"
    assert install(without(SPEC, ["core"], named=named)[0])[2] == ["torch==2.4.0"]
    assert without(SPEC, ["core"])[2] == ("core",)


def test_what_is_removed_takes_its_own_comment_along_and_no_other() -> None:
    text, done, unknown = without(SPEC, ["FLASK", "torch==2.4.0"])
    assert [str(each) for each in done] == [
        "removed Flask[async]==3.0.3 ; python_version > '3.8' from stage numeric",
        "removed torch==2.4.0 from stage cards, which had nothing else and is gone",
    ]
    gone, come = changed_lines(SPEC, text)
    assert (len(gone), come, unknown) == (4, set(), ())
    assert "# kept for the plots" in text


def test_a_wheel_of_the_spec_is_removed_by_its_name() -> None:
    tables = SPEC.replace(
        'name = "own"\n', f'name = "own"\nwheels = [{{ url = "{WHEEL}", sha256 = "{"0" * 64}" }}]\n'
    )
    text, (done,), _ = without(tables, ["mine"])
    assert tomllib.loads(text)["stage"][2]["wheels"] == []
    assert done.text == "mine-1.0-py3-none-any.whl"


WHEEL = "https://host.example/mine-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("a b c", "is not a requirement"),
        ("libs/core", "begins with ./"),
        ("--upgrade", "option"),
        ("/x", "leaves"),
    ],
)
def test_a_word_that_means_nothing_is_refused(word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parsed_word(word)


def test_a_pin_keeps_extras_and_marker() -> None:
    assert pinned_word("a[b]; python_version < '4'", "1.0+cpu") == 'a[b]==1.0+cpu; python_version < "4"'


NAMES = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=5, unique=True)
COMMENTS = st.lists(st.sampled_from(["", "  # why", "\n    # above"]), min_size=5, max_size=5)


@given(
    names=NAMES,
    comments=COMMENTS,
    last=st.sampled_from(["", ","]),
    end=st.sampled_from(["\n", "\r\n"]),
    data=st.data(),
)
def test_any_list_is_edited_in_place(
    names: list[str], comments: list[str], last: str, end: str, data: st.DataObject
) -> None:
    commas = [*([","] * (len(names) - 1)), last]
    lines = [
        f'    "{name}==1"{comma}{comment}'
        for name, comma, comment in zip(names, commas, comments, strict=False)
    ]
    head = 'name = "x"\npython = "3.11"\n[[stage]]\nname = "s" # s\n'
    text = f"{head}install = [\n{chr(10).join(lines)}\n]  # tail\n# end\n".replace("\n", end)
    gone = data.draw(st.sampled_from(names))
    removed, _, _ = without(text, [gone])
    assert install(removed) == [[f"{name}==1" for name in names if name != gone]]
    added, _ = with_word(text, "new==1")
    assert install(added) == [[*(f"{name}==1" for name in names), "new==1"]]
    changed, _ = with_word(text, f"{gone}==2")
    assert changed == text.replace(f'"{gone}==1"', f'"{gone}==2"')
    for each in (removed, added):
        assert each.endswith(f"]  # tail{end}# end{end}")
    assert added.count("#") == text.count("#")


BIG = (
    SPEC
    + """
[variant.big]
python = "3.12"

[[variant.big.stage]]
name = "numeric"
index = "cards"

[[variant.big.stage]]
name = "plots"  # only here
install = ["matplotlib==3.9.0"]

[variant.small.base]
debian = "bookworm"
"""
)


def of_variant(text: str, variant: str) -> list[tuple[str, list[str]]]:
    stages = tomllib.loads(text)["variant"][variant]["stage"]
    return [(stage["name"], stage.get("install", [])) for stage in stages]


def test_a_variant_gets_a_word_of_its_own_and_the_spec_none() -> None:
    text, done = with_word(BIG, "seaborn==0.13.2", variant="big")
    assert str(done) == "added seaborn==0.13.2 to stage plots"
    assert of_variant(text, "big")[1] == ("plots", ["matplotlib==3.9.0", "seaborn==0.13.2"])
    assert (install(text), "# only here" in text) == (install(BIG), True)
    text, done = with_word(text, "matplotlib==3.10.0", variant="big")
    assert str(done) == "changed matplotlib==3.9.0 to matplotlib==3.10.0 in stage plots"
    text, _, unknown = without(text, ["matplotlib", "numpy"], variant="big")
    assert (of_variant(text, "big")[1], unknown) == (("plots", ["seaborn==0.13.2"]), ("numpy",))


def test_a_stage_that_has_nothing_left_is_gone_unless_it_is_the_only_one() -> None:
    text, done, _ = without(SPEC, ["gunicorn", "numpy"])
    assert [len(words) for words in install(text)] == [2, 1, 1]
    assert str(done[-1]) == "removed numpy from stage service, which had nothing else and is gone"
    alone = 'name = "x"\npython = "3.11"\n[[stage]]\nname = "a"\ninstall = ["b"]\n'
    assert install(without(alone, ["b"])[0]) == [[]]
    text, _, _ = without(BIG, ["matplotlib"], variant="big")
    assert of_variant(text, "big") == [("numeric", [])]


def test_a_variant_without_stages_gets_one_that_is_called_as_it_is() -> None:
    text, done = with_word(BIG, "seaborn", variant="small")
    assert (of_variant(text, "small"), done.stage) == ([("small", ["seaborn"])], "small")
    assert text.startswith(BIG.rstrip("\n"))


def test_what_a_variant_has_from_the_spec_is_there_already_unless_it_wants_another() -> None:
    text, done = with_word(BIG, "gunicorn", variant="big")
    assert (text, str(done)) == (BIG, "gunicorn is in stage service already")
    text, _ = with_word(BIG, "gunicorn==23.0.0", variant="big")
    assert of_variant(text, "big")[1][1][-1] == "gunicorn==23.0.0"


@pytest.mark.parametrize(
    ("stage", "variant", "said"),
    [
        ("service", "big", "is the spec's own"),
        ("numeric", "big", "is the spec's own"),
        ("plot", "big", "variant big has no stage plot"),
        (None, "bigg", "no variant bigg"),
    ],
)
def test_a_variant_or_a_stage_of_it_that_means_nothing_is_refused(
    stage: str | None, variant: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        with_word(BIG, "seaborn", stage=stage, variant=variant)
