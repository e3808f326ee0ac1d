"""How pip is set up here: what wins over what, and that nothing of it leaks."""

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.types import index_variable
from envspec.supply.pip_settings import (
    PipSettings,
    local_path,
    parse_settings,
    scrub_addresses,
)
from envspec.supply.uv import index_settings

LISTING = """\
:env:.find-links='/env/wheels'
global.extra-index-url='https://one.example/simple\\nfile:///two/simple'
global.find-links='/global/wheels'
global.index-url='https://global.example/simple'
install.find-links='/install/wheels'
install.index-url='https://install.example/simple'
wheel.find-links='/never'
"""


def test_the_environment_wins_over_install_over_global() -> None:
    found = parse_settings(LISTING)
    assert found.find_links == ("/env/wheels",)
    assert found.index_url == "https://install.example/simple"
    assert found.extra_index_urls == ("https://one.example/simple", "file:///two/simple")


@pytest.mark.parametrize("lines", [LISTING.splitlines(), LISTING.splitlines()[::-1]])
def test_the_order_of_the_listing_does_not_count(lines: list[str]) -> None:
    assert parse_settings("\n".join(lines)) == parse_settings(LISTING)


def test_without_settings_pip_asks_the_public_index() -> None:
    (url,) = parse_settings("").default_urls
    assert url.startswith("https://")


def test_no_machine_at_all_has_no_index() -> None:
    assert PipSettings().default_urls == ()


@pytest.mark.parametrize(("value", "urls"), [("1", 0), ("true", 0), ("Yes", 0), ("0", 1), ("false", 1)])
def test_no_index_leaves_only_folders(value: str, urls: int) -> None:
    assert len(parse_settings(f":env:.no-index='{value}'").default_urls) == urls


@given(st.text(max_size=200))
def test_any_listing_gives_settings(listing: str) -> None:
    assert isinstance(parse_settings(listing), PipSettings)


def test_a_named_index_is_where_the_user_sends_it() -> None:
    there = parse_settings("", {"TORCH_CPU": "file:///mirror"})
    assert there.url("torch-cpu", "https://declared.example") == "file:///mirror"
    assert there.url("torch.cpu", "https://declared.example") == "file:///mirror"
    assert there.url("other", "https://declared.example") == "https://declared.example"
    assert there.idle(["torch-cpu"]) == ()
    assert there.idle(["other"]) == ("ENVSPEC_INDEX_TORCH_CPU",)


def test_the_variable_of_an_index_is_one_that_a_shell_can_set() -> None:
    assert index_variable("torch-2.1_cpu") == "ENVSPEC_INDEX_TORCH_2_1_CPU"


def test_certificates_and_proxy_reach_programs() -> None:
    env = PipSettings(cert="/ca.pem", proxy="http://proxy.example:3128").environment()
    assert (env["SSL_CERT_FILE"], env["HTTPS_PROXY"]) == ("/ca.pem", "http://proxy.example:3128")


def test_trusted_hosts_and_the_own_certificate_are_read() -> None:
    found = parse_settings(
        "global.trusted-host='one.example\\ntwo.example:8443'\n:env:.client-cert='/me.pem'\n"
    )
    assert found.trusted_hosts == ("one.example", "two.example:8443")
    assert found.environment()["SSL_CLIENT_CERT"] == "/me.pem"
    assert index_settings(found)["allow-insecure-host"] == ["one.example", "two.example:8443"]


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("file:///a%20b/c", "/a b/c"),
        ("file://localhost/a", "/a"),
        ("/a/b", "/a/b"),
        ("~/w", str(pathlib.Path.home() / "w")),
        ("https://x.example/a", None),
    ],
)
def test_local_places_are_told_from_addresses(place: str, path: str | None) -> None:
    assert local_path(place) == (pathlib.Path(path) if path else None)


LEAKS = [
    "https://secret.example/simple/torch/torch-2.0.whl?token=secret",
    "https://user:secret@secret.example/simple/torch/",
    "https://user:secret@secret.example",
    "https://secret.example",
    "https://secret.example/",
    "https://secret.example:8443/#secret",
    "https://secret.example/?a=/b/secret",
    "https://user:se/secret@secret.example/x",
    "https://user:sec@secret@secret.example/x",
    "HTTPS://user:secret@SECRET.EXAMPLE/x",
    "socks5h://user:secret@secret.example:1080",
    "git+https://secret@secret.example/a/b@v1",
    "ftp://secret.example/x",
]


@pytest.mark.parametrize("address", LEAKS)
@pytest.mark.parametrize(
    "around", ["{}", "GET {}: refused", "url ({})", "<a href='{}'>", '"{}"', "`{}`", "({})"]
)
def test_no_host_and_no_secret_survives(address: str, around: str) -> None:
    assert "secret" not in scrub_addresses(around.format(address)).lower()


def test_the_file_that_an_address_ends_in_stays() -> None:
    said = scrub_addresses("Failed to fetch: `https://u:p@x.example/a/torch-2.0%2Bcpu.whl?x=1` (os error 2)")
    assert said == "Failed to fetch: `<torch-2.0%2Bcpu.whl>` (os error 2)"


def test_what_is_no_address_stays() -> None:
    text = "a: b // c /x/y file:///folder/of/wheels numpy==1.23.5"
    assert scrub_addresses(text) == text


@given(
    st.text("abcXYZ019:/?#@%._-", max_size=12),
    st.text("abcXYZ019:%._-", max_size=12),
    st.text("ab/?#.", max_size=8),
)
def test_whatever_the_password_it_does_not_survive(user: str, password: str, path: str) -> None:
    said = scrub_addresses(f"at https://{user}:{password}MARK@host.example/{path}")
    assert "MARK" not in said
    assert "host.example" not in said
