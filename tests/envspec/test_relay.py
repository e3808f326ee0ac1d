"""The relay: programs ask it for indexes, and know neither where these are nor what opens them."""

import json
import os
from collections.abc import Iterator

import pytest
import requests

from envspec.supply.listings import Listings
from envspec.supply.pip_settings import PipSettings, parse_settings
from envspec.supply.relay import Relay, relay_for
from envspec.supply.uv import index_settings, uv_environment
from envspec.system.errors import OutsideError
from tests.support.lying import NAME, PASSWORD, Liar, lying
from tests.support.web import JSON


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    with lying(tmp_path_factory.mktemp("lies")) as server:
        yield server


@pytest.fixture
def relay(liar: Liar) -> Iterator[Relay]:
    machine = PipSettings(
        index_url=liar.index("ok", guarded=True),
        find_links=(f"{liar.index('ok', guarded=True)}/beta/", "/wheels"),
    )
    with relay_for(machine) as running:
        yield running


def ask(relay: Relay, url: str, **headers: str) -> requests.Response:
    """As a program does, which takes its proxy from its environment."""
    with requests.Session() as session:
        session.trust_env = False
        proxies = {"http": relay.machine.environment()["HTTP_PROXY"]}
        return session.get(url, headers=headers, proxies=proxies, timeout=10)


def test_programs_know_no_password_and_no_host(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{NAME}:{PASSWORD}@127.0.0.1/simple")
    monkeypatch.setenv("ENVSPEC_INDEX_MINE", f"http://{NAME}:{PASSWORD}@127.0.0.1/simple")
    machine = relay.machine
    environments = [machine.environment(), machine.pip_environment(), uv_environment(machine)]
    said = json.dumps([environments, index_settings(machine)])
    assert PASSWORD not in said
    assert "ENVSPEC_INDEX_MINE" not in said
    assert machine.find_links[1] == "/wheels"


def test_a_page_is_asked_for_with_what_opens_it(relay: Relay) -> None:
    page = ask(relay, f"{relay.machine.index_url}alpha/", Accept=JSON).json()
    (file,) = page["files"]
    assert file["url"] == "/alpha/alpha-1.0-py3-none-any.whl"
    whole = ask(relay, f"{relay.machine.index_url}alpha/{file['filename']}")
    part = ask(relay, f"{relay.machine.index_url}alpha/{file['filename']}", Range="bytes=5-9")
    assert (part.status_code, part.content) == (206, whole.content[5:10])
    assert whole.content.startswith(b"PK")


def test_an_old_pip_gets_html(relay: Relay) -> None:
    assert '<a href="/alpha/alpha-1.0' in ask(relay, f"{relay.machine.index_url}alpha/").text


def test_a_page_of_links_is_one(relay: Relay) -> None:
    assert '<a href="/beta/beta-1.0' in ask(relay, relay.machine.find_links[0], Accept=JSON).text


@pytest.mark.parametrize("path", ["", "nothing/", "alpha/none-1.0-py3-none-any.whl", "a/b/c/d", "%2e%2e/x/"])
def test_what_nobody_offers_is_not_found(relay: Relay, path: str) -> None:
    assert ask(relay, f"{relay.machine.index_url}{path}").status_code == 404
    assert relay.trouble == {}


def test_nobody_else_may_ask(relay: Relay, liar: Liar) -> None:
    """Whoever else is on this machine could use its passwords otherwise."""
    proxy = relay.machine.environment()["HTTP_PROXY"]
    before = len(liar.asked)
    for wrong in (proxy.replace(relay.token, "guess"), "http://" + proxy.rpartition("@")[2]):
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{relay.machine.index_url}alpha/", proxies={"http": wrong}, timeout=10)
        assert answer.status_code == 407
    assert len(liar.asked) == before


def test_it_listens_to_this_machine_alone(relay: Relay) -> None:
    assert "@127.0.0.1:" in relay.machine.environment()["HTTP_PROXY"]


def test_what_an_index_refuses_is_known(liar: Liar) -> None:
    with relay_for(PipSettings(index_url=liar.index("403"))) as relay:
        assert ask(relay, f"{relay.machine.index_url}alpha/").status_code == 502
        with pytest.raises(OutsideError, match=r"index default cannot be asked for alpha: .*\(403\)"):
            relay.refuse_trouble()


def test_which_of_several_indexes_refuses_is_said(liar: Liar) -> None:
    machine = PipSettings(
        index_url=liar.index("ok"),
        extra_index_urls=(liar.index("403"), liar.index("500")),
        named={liar.index("403"): "private"},
    )
    relay = Relay(machine, Listings(requests.Session), requests.Session)
    assert [relay.name(url) for url in (*machine.default_urls, "http://host.example/")] == [
        "index default",
        "index private",
        "an index of pip's `extra-index-url`",
        "an index",
    ]


def test_what_else_a_build_asks_for_is_handed_on(relay: Relay, liar: Liar) -> None:
    address = f"{liar.url}/ok/files/alpha-1.0-py3-none-any.whl"
    assert ask(relay, address).content.startswith(b"PK")
    assert ask(relay, f"{liar.url}/ok/files/none").status_code == 502
    assert relay.trouble == {}


def test_a_folder_that_is_not_there_may_be_why_a_program_failed() -> None:
    with relay_for(PipSettings(index_url="file:///nowhere/simple")) as relay:
        relay.refuse_trouble()
        with pytest.raises(OutsideError, match="is not there"):
            relay.refuse_failure()


def test_names_are_the_same_in_every_run_whoever_asks(liar: Liar) -> None:
    """What uv keeps by address is found again."""
    names = set()
    for said in (None, "a:b", "c"):
        with relay_for(PipSettings(index_url=liar.index("ok", said=said))) as relay:
            names.add(relay.machine.index_url)
    assert len(names) == 1


def test_a_file_by_another_name_is_meant_again(relay: Relay, liar: Liar) -> None:
    assert relay.meant("file:///a/b") == "file:///a/b"
    known = f"{relay.machine.index_url}alpha/alpha-1.0-py3-none-any.whl"
    assert relay.meant(known) == f"{liar.url}/guarded/ok/files/alpha-1.0-py3-none-any.whl"
    with pytest.raises(OutsideError, match="its index has it no more"):
        relay.meant(known.replace("1.0", "9.9"))


def test_pip_keeps_the_settings_that_are_its_own() -> None:
    found = parse_settings(
        "global.constraint='/c.txt'\nglobal.timeout='3'\nglobal.proxy='http://p.example'\n"
        ":env:.only-binary=':all:'\nglobal.index-url='https://i.example/simple'\nglobal.target='/t'\n"
    )
    env = found.pip_environment()
    assert (env["PIP_CONSTRAINT"], env["PIP_ONLY_BINARY"]) == ("/c.txt", ":all:")
    assert (env["PIP_INDEX_URL"], env["PIP_CONFIG_FILE"]) == ("https://i.example/simple", os.devnull)
    assert not {"PIP_PROXY", "PIP_TARGET"} & env.keys()


def test_no_relay_is_left_behind(liar: Liar) -> None:
    with relay_for(PipSettings(index_url=liar.index("ok"))) as relay:
        url, proxy = relay.machine.index_url, relay.machine.environment()["HTTP_PROXY"]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}alpha/", proxies={"http": proxy}, timeout=10)
