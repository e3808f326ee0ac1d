"""Several indexes as one: who is asked, whose files count, and what is asked for a second time."""

from __future__ import annotations

import dataclasses

import pytest

from envspec.spec.load import parse_spec
from envspec.supply.chain import Chain
from envspec.supply.listings import Page
from envspec.supply.page import RemoteFile
from envspec.system.errors import SpecError


def file(index: str, name: str) -> RemoteFile:
    return RemoteFile(file=name, url=f"{index}/{name}")


@dataclasses.dataclass
class Shelves:
    """Indexes in memory, which remember who was asked, and with which tag."""

    pages: dict[str, Page]
    asked: list[tuple[str, str | None]] = dataclasses.field(default_factory=list)

    def ask(self, index: str, _: str | None, known: str | None) -> Page | None:
        self.asked.append((index, known))
        page = self.pages.get(index, Page(files=()))
        return None if known is not None and known == page.tag else page


OLD, NEW, ELSE = "a-1.0-py3-none-any.whl", "a-2.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"
CHAIN = Chain((("first",), ("own", "extra"), ("last",)))


@pytest.fixture
def shelves() -> Shelves:
    return Shelves(
        {
            "own": Page(files=(file("own", OLD),), tag='"1"', fresh="max-age=600"),
            "extra": Page(
                files=(file("extra", NEW), file("extra", OLD), file("extra", ELSE)),
                tag='W/"2"',
                fresh="max-age=600",
            ),
            "last": Page(files=(file("last", NEW),), tag='"3"'),
        }
    )


def test_the_first_group_with_a_file_counts_and_its_files_come_together(shelves: Shelves) -> None:
    page = CHAIN.page("a", None, shelves.ask)
    assert page is not None
    assert [each.url for each in page.files] == [f"own/{OLD}", f"extra/{NEW}"]
    assert page.fresh == "max-age=600"
    assert [index for index, _ in shelves.asked] == ["first", "own", "extra"]


def test_what_is_still_the_same_is_not_sent_again(shelves: Shelves) -> None:
    page = CHAIN.page("a", None, shelves.ask)
    assert page is not None
    shelves.asked.clear()
    assert CHAIN.page("a", page.tag, shelves.ask) is None
    assert shelves.asked == [("first", None), ("own", '"1"'), ("extra", 'W/"2"')]


@pytest.mark.parametrize(
    ("index", "now", "files"),
    [
        ("first", Page(files=(file("first", NEW),)), [f"first/{NEW}"]),
        ("own", Page(files=()), [f"extra/{NEW}", f"extra/{OLD}"]),
        ("extra", Page(files=(), tag='"4"'), [f"own/{OLD}"]),
    ],
)
def test_what_changed_is(shelves: Shelves, index: str, now: Page, files: list[str]) -> None:
    before = CHAIN.page("a", None, shelves.ask)
    assert before is not None
    shelves.pages[index] = now
    after = CHAIN.page("a", before.tag, shelves.ask)
    assert after is not None
    assert [each.url for each in after.files] == files


@pytest.mark.parametrize("known", ['"1"', '"bnVsbA=="', '"W10="', '"WzFd"', "é", ""])
def test_a_tag_of_another_is_none(shelves: Shelves, known: str) -> None:
    page = CHAIN.page("a", known, shelves.ask)
    assert page is not None
    assert page.files


def test_pages_without_a_tag_have_none_together(shelves: Shelves) -> None:
    shelves.pages["own"] = dataclasses.replace(shelves.pages["own"], tag=None)
    page = CHAIN.page("a", None, shelves.ask)
    assert page is not None
    assert page.tag is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('extra = "best"', r'index\.a\.extra: must be true, "first" or "last"'),
        ("extra = 1", r'index\.a\.extra: must be true, "first" or "last"'),
        ("extra = []", r'index\.a\.extra: must be true, "first" or "last"'),
        ("extra = true\ndefault = true", "leave extra out"),
        ('default = true\n[index.b]\nurl = "https://b.example/s"\ndefault = true', "are both the default"),
    ],
)
def test_an_index_has_one_place(table: str, said: str) -> None:
    head = 'name = "x"\npython = "3.11"\n[[stage]]\nname = "one"\ninstall = ["six"]\n'
    with pytest.raises(SpecError, match=said):
        parse_spec(f'{head}[index.a]\nurl = "https://a.example/s"\n{table}\n')
