"""What indexes do wrong is told as what it is: an index that cannot be asked contradicts nothing."""

import pathlib
import re
from collections.abc import Iterator

import pytest

from envspec.resolve.resolver import resolve_spec
from envspec.supply import http, listings
from envspec.supply.http import Patience, bounded
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import EnvspecError, FindingsError, OutsideError
from envspec.system.progress import Progress
from tests.support.lying import LIES, PASSWORD, Liar, lying
from tests.support.specs import spec, stage

PLAIN = spec(stage("one", "alpha==1.0"))
NAMED = spec(
    stage("one", "alpha==1.0", more='index = "mine"'),
    tail='[index.mine]\nurl = "https://index.invalid/simple"',
)
QUICK = Patience(pause=0.01)


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    with lying(tmp_path_factory.mktemp("lies")) as server:
        yield server


def asked(url: str, patience: Patience = QUICK) -> Sources:
    return Sources(NAMED, PipSettings(no_index=True, redirects={"MINE": url}), patience=patience)


PAGES = [name for name, lie in LIES.items() if lie.pages and not lie.slow]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_none_is_told_as_what_it_is(liar: Liar, name: str) -> None:
    lie, sources = LIES[name], asked(liar.index(name, guarded=True))
    if lie.code == 0:
        assert [file.file for file in sources.files("mine", "alpha")] == ["alpha-1.0-py3-none-any.whl"]
        return
    with pytest.raises(OutsideError, match=lie.said) as caught:
        sources.files("mine", "alpha")
    assert "index mine cannot be asked for alpha" in caught.value.message
    assert PASSWORD not in caught.value.message + caught.value.hint
    assert "127.0.0.1" not in caught.value.message


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("name", "place"),
    [
        *((name, "default") for name in ("ok", "elsewhere", "no-metadata", "401", "403", "login", "reset")),
        *((name, "default") for name in ("429-hour", "json-nested", "metadata-garbage", "metadata-endless")),
        *((name, "named") for name in ("metadata-other", "file-endless", "file-403", "yanked", "unknown")),
        *((name, "extra") for name in ("ok", "403", "bomb", "file-cut")),
        *((name, "links") for name in ("ok", "401")),
    ],
)
def test_a_solver_is_not_believed_about_an_index(
    tmp_path: pathlib.Path, liar: Liar, name: str, place: str
) -> None:
    lie, bad, good = LIES[name], liar.index(name, guarded=True), liar.index("unknown", guarded=True)
    machine = {
        "default": PipSettings(index_url=bad),
        "named": PipSettings(index_url=good, redirects={"MINE": bad}),
        "extra": PipSettings(index_url=good, extra_index_urls=(bad,)),
        "links": PipSettings(index_url=good, find_links=(f"{bad}/alpha/",)),
    }[place]
    wanted = NAMED if place == "named" else PLAIN
    if name == "yanked":
        wanted = spec(
            stage("one", "alpha", more='index = "mine"'), tail='[index.mine]\nurl = "https://x.invalid/s"'
        )
    sources = Sources(wanted, machine, patience=QUICK)
    code, said = 0, ""
    try:
        resolve_spec(wanted, sources, Wheelhouse(tmp_path / "store"))
    except EnvspecError as error:
        found = error.findings if isinstance(error, FindingsError) else ()
        code, said = (
            error.exit_code,
            " ".join([error.message, *(f"{each.rule} {each.message}" for each in found)]),
        )
    assert code == lie.code, said
    assert re.search(lie.said, said, re.DOTALL), said
    assert "EV101" not in said
    assert PASSWORD not in said


class Heard(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_an_index_asks_to_wait_is_waited_and_said(liar: Liar) -> None:
    sources = asked(liar.index("once-429"))
    sources.progress = heard = Heard()
    liar.seen.clear()
    assert len(sources.files("mine", "alpha")) == 1
    assert heard.notes == ["an index answers 429: asking again in 1 s"]


def test_a_wait_beyond_patience_is_not_begun(liar: Liar) -> None:
    before = len(liar.asked)
    with pytest.raises(OutsideError, match="3600 s"):
        asked(liar.index("429-hour")).files("mine", "alpha")
    assert len(liar.asked) == before + 1


def test_an_index_that_does_not_answer_is_not_asked_for_each_package(liar: Liar) -> None:
    sources = asked(liar.index("403"))
    before = len(liar.asked)
    for project in ("alpha", "beta", "gamma"):
        with pytest.raises(OutsideError, match=r"\(403\)"):
            sources.files("mine", project)
    assert len(liar.asked) == before + 1


def test_a_server_that_dawdles_is_given_up(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, the page never does."""
    monkeypatch.setattr(http, "bounded", lambda work: bounded(work, 1.0))
    for name in ("drip", "drip-header", "silent"):
        with pytest.raises(OutsideError, match="no whole answer in 1 s"):
            asked(liar.index(name)).files("mine", "alpha")


def test_no_more_is_read_than_a_page_may_be(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "LARGEST_PAGE", 2 << 20)
    for name in ("bomb", "endless"):
        with pytest.raises(OutsideError, match="larger than 2 MB"):
            asked(liar.index(name)).files("mine", "alpha")


def test_a_page_that_did_not_change_is_not_sent_again(liar: Liar) -> None:
    sources = asked(liar.index("tagged"))
    url = sources.index_url("mine")
    page = sources.listings.page(url, "alpha")
    assert page is not None
    assert sources.listings.page(url, "alpha", page.tag) is None
    assert asked(url).listings.page(url, "alpha", page.tag) is None
    assert asked(url).listings.page(url, "alpha", '"other"') == page


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://[half/simple", "no address that could be asked"),
        ("http://a:b@[half/simple", "no address that could be asked"),
        ("http://a:b@127.0.0.1:99999/simple", "no address that could be asked|no connection"),
        ("http://127.0.0.1:port/simple", "no address that could be asked"),
        ("http:///simple", "no address that could be asked"),
        ("ftp://a:b@127.0.0.1/simple", "no address that could be asked"),
        ("http://a:b@index.invalid/simple", "host's name is not known"),
        ("http://a:b@127.0.0.1:9/simple", "no connection"),
        ("file:///nowhere/simple", "its folder is not there"),
    ],
)
def test_an_address_that_leads_nowhere_is_said_so(tmp_path: pathlib.Path, url: str, said: str) -> None:
    sources = Sources(PLAIN, PipSettings(index_url=url), patience=QUICK)
    with pytest.raises(OutsideError, match=said) as caught:
        resolve_spec(PLAIN, sources, Wheelhouse(tmp_path / "store"))
    assert "a:b" not in caught.value.message
