"""Names and passwords: found as pip finds them, and given to nobody else."""

import base64
import contextlib
import dataclasses
import json
import pathlib
import sys
import urllib.parse

import pytest

from envspec.supply import http
from envspec.supply.credentials import origin_of, plain_address, split_credentials
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.system.errors import OutsideError
from tests.support.lying import NAME, PASSWORD, Liar, expected_header, lying
from tests.support.specs import spec, stage

QUICK = http.Patience(pause=0.01)
QUOTED = urllib.parse.quote(PASSWORD, safe="")
NAMED = spec(stage("one", "alpha", more='index = "mine"'), tail='[index.mine]\nurl = "https://x.invalid/s"')


@pytest.fixture
def liar(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with lying(tmp_path / "files") as server:
        yield server


def offered(machine: PipSettings, index: str = "default") -> int:
    return len(Sources(NAMED, machine, patience=QUICK).files(index, "alpha"))


@pytest.mark.parametrize(
    ("url", "plain", "known"),
    [
        ("https://x.example/a", "https://x.example/a", None),
        ("https://a:b@x.example/a", "https://x.example/a", ("a", "b")),
        ("https://a@x.example:8/a", "https://x.example:8/a", ("a", None)),
        ("https://:b@x.example/a", "https://x.example/a", ("", "b")),
        ("https://a%40b:c%2Fd%3A@x.example/", "https://x.example/", ("a@b", "c/d:")),
        ("https://a:b@c@x.example/", "https://x.example/", ("a", "b@c")),
    ],
)
def test_credentials_are_cut_from_an_address(url: str, plain: str, known: object) -> None:
    assert split_credentials(url) == (plain, known)


def test_half_an_address_stays() -> None:
    assert plain_address("http://[half/") == "http://[half/"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://x.example/a", "https://X.example:443/b", True),
        ("http://x.example", "https://x.example", False),
        ("https://x.example", "https://x.example:8443", False),
        ("https://x.example", "https://y.example", False),
        ("https://x.example:no/", "https://x.example/", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert (origin_of(one) == origin_of(other)) is same


@pytest.mark.parametrize("place", ["index", "extra", "named", "links"])
def test_a_password_in_an_address_opens_pages_and_files(liar: Liar, place: str) -> None:
    shut, opened = liar.index("ok", guarded=True, said="x:y"), liar.index("ok", guarded=True)
    machine = {
        "index": PipSettings(index_url=opened),
        "extra": PipSettings(index_url=liar.index("unknown"), extra_index_urls=(opened,)),
        "named": PipSettings(index_url=shut, redirects={"MINE": opened}),
        "links": PipSettings(no_index=True, find_links=(f"{opened}/alpha/",)),
    }[place]
    sources = Sources(NAMED, machine, patience=QUICK)
    (file,) = sources.files("mine" if place == "named" else "default", "alpha")
    assert NAME not in file.url
    with sources.session.get(file.url, timeout=5) as answer:
        assert answer.status_code == 200


@pytest.mark.parametrize("said", ["x:y", f"{NAME}:", f"{NAME}", f":{QUOTED}", f"{NAME}:{QUOTED}x"])
def test_a_wrong_password_is_said_so(liar: Liar, said: str) -> None:
    with pytest.raises(OutsideError, match=r"name and a password.*\(401\)") as caught:
        offered(PipSettings(index_url=liar.index("ok", guarded=True, said=said)))
    assert "netrc" in caught.value.hint


def test_netrc_is_read(liar: Liar, tmp_path: pathlib.Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login alice password plain\n")
    with pytest.raises(OutsideError):
        offered(PipSettings(index_url=liar.index("ok", guarded=True, said="nobody")))
    assert all(header != _basic("alice", "plain") for _, header in liar.asked)
    with pytest.raises(OutsideError):
        offered(PipSettings(index_url=liar.url + "/guarded/ok/simple"))
    assert liar.asked[-1][1] == _basic("alice", "plain")


def test_two_indexes_of_one_host_have_their_own(liar: Liar) -> None:
    """As two teams on one server: the address that shares most of the path counts."""
    other = f"http://x:y@127.0.0.1:{liar.port}/other/simple"
    assert offered(PipSettings(index_url=other, redirects={"MINE": liar.index("ok", guarded=True)}), "mine")
    assert offered(PipSettings(index_url=liar.index("ok", guarded=True), redirects={"MINE": other})) == 1


@pytest.mark.parametrize("lie", ["elsewhere", "login-elsewhere"])
def test_another_host_gets_no_password(liar: Liar, lie: str) -> None:
    with contextlib.suppress(OutsideError):
        offered(PipSettings(index_url=liar.index(lie, guarded=True)))
    assert [header for path, header in liar.asked if "/guarded/" in path] == [expected_header()]
    assert {header for path, header in liar.asked if "/guarded/" not in path} == {None}


KEYRING = """#!{python}
import json, sys
modes = {modes}
words = sys.argv[1:]
if words[0].startswith("--mode"):
    if not modes:
        sys.exit("keyring: error: unrecognized arguments: --mode=creds")
    words = words[2:]
with open({log!r}, "a") as stream:
    stream.write(json.dumps(words) + "\\n")
service, *name = words[1:]
if {service!r} not in service or name not in ([], [{name!r}]):
    sys.exit(1)
print(json.dumps({{"username": {name!r}, "password": {password!r}}}) if modes else {password!r})
"""


@pytest.mark.parametrize("modes", [True, False])
@pytest.mark.parametrize("by_index", [True, False])
def test_a_keyring_is_asked_as_pip_asks_it(
    liar: Liar, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, modes: bool, by_index: bool
) -> None:
    program = tmp_path / "bin" / "keyring"
    program.parent.mkdir()
    log = tmp_path / "log"
    service = "/simple" if by_index else f"127.0.0.1:{liar.port}"
    program.write_text(
        KEYRING.format(
            python=sys.executable, modes=modes, log=str(log), service=service, name=NAME, password=PASSWORD
        )
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    machine = PipSettings(index_url=liar.index("ok", guarded=True, said=NAME), keyring_provider="subprocess")
    assert offered(machine) == 1
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    assert not any(PASSWORD in " ".join(words) for words in asked)
    nameless = dataclasses.replace(machine, index_url=f"{liar.url}/guarded/ok/simple")
    if modes:
        assert offered(nameless) == 1
    with pytest.raises(OutsideError):  # pip's default asks nobody who cannot answer
        offered(dataclasses.replace(machine, keyring_provider=""))


def test_a_keyring_without_an_answer_is_no_failure_of_its_own(
    liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OutsideError, match=r"\(401\)"):
        offered(PipSettings(index_url=f"{liar.url}/guarded/ok/simple", keyring_provider="subprocess"))


@pytest.mark.parametrize(
    "machine",
    [
        PipSettings(index_url="https://x.invalid", cert="/nowhere.pem"),
        PipSettings(index_url="https://x.invalid", client_cert="/nowhere.pem"),
    ],
    ids=["cert", "client-cert"],
)
def test_a_certificate_that_is_not_there_is_said_so(machine: PipSettings) -> None:
    with pytest.raises(OutsideError, match=r"names a file that is not there: /nowhere\.pem"):
        offered(machine)


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
