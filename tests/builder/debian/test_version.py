"""Debian's versions and relations."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from builder.debian.control import read_paragraph, read_paragraphs
from builder.debian.package import Relation, read_package, read_relations
from builder.debian.version import satisfies, version_key

ORDERED = [
    "1.0~~",
    "1.0~~a",
    "1.0~",
    "1.0",
    "1.0-1",
    "1.0-1.1",
    "1.0a",
    "1.0a1",
    "1.0+b1",
    "1.9",
    "1.10",
    "1:0",
]
PARTS = st.text("0123456789abZ~+.", min_size=1, max_size=8).map("1{}".format)


def test_versions_sort_as_the_policy_says() -> None:
    assert sorted(set(ORDERED), key=version_key) == ORDERED


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="compares with dpkg")
@hypothesis_settings(max_examples=60, deadline=None)
@given(PARTS, PARTS, st.sampled_from(["<<", "<=", "=", ">=", ">>"]))
def test_dpkg_agrees(one: str, other: str, relation: str) -> None:
    sign = {"<<": "lt", "<=": "le", "=": "eq", ">=": "ge", ">>": "gt"}[relation]
    done = subprocess.run(["dpkg", "--compare-versions", one, sign, other], check=False, timeout=20)
    assert satisfies(one, relation, other) == (done.returncode == 0)


@given(st.text(max_size=40))
def test_any_text_has_a_key(text: str) -> None:
    assert version_key(text) == version_key(text)


def test_relations_are_read_with_their_versions_and_alternatives() -> None:
    text = "libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0,\n python3:any, gawk [amd64] <!nocheck>"
    assert list(read_relations(text)) == [
        (Relation(name="libc6", how=">=", version="2.36"),),
        (Relation(name="debconf", how=">=", version="0.5"), Relation(name="debconf-2.0")),
        (Relation(name="python3"),),
        (Relation(name="gawk"),),
    ]


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for fields in read_paragraphs(text):
        read_package(fields)
    list(read_relations(text))


def test_folded_fields_and_comments() -> None:
    assert read_paragraph("A: 1\n# no\nB: x\n y\n .\n") == {"A": "1", "B": "x\ny\n."}
    assert [dict(each) for each in read_paragraphs("A: 1\n\n\nB: 2\n")] == [{"A": "1"}, {"B": "2"}]


def test_a_package_needs_all_that_fetching_needs() -> None:
    fields = {"Package": "a", "Version": "1", "Architecture": "all", "Filename": "pool/a.deb", "Size": "3"}
    assert read_package(fields) is None
    assert read_package({**fields, "SHA256": "ab"}) is not None
    assert read_package({**fields, "SHA256": "ab", "Size": "many"}) is None
