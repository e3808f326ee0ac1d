"""Pages of indexes, read: what is none is said so, and cost grows with their length alone."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.supply.page import HTML, JSON, NoPageError, RemoteFile, html_page, json_page, read_page

BASE = "https://index.example/simple/demo/"
SHA = "a" * 64
WHEEL = "demo-1.0-py3-none-any.whl"


def files(body: str, kind: str = HTML, project: str | None = "demo", base: str = BASE) -> list[RemoteFile]:
    return list(read_page(body.encode(), kind, base, project))


def test_a_link_tells_what_pep_503_has() -> None:
    (found,) = files(
        f"<a data-requires-python='&gt;=3.8' data-core-metadata='sha256={SHA}' "
        f'href="../../f/{WHEEL}#sha256={SHA.upper()}" data-yanked>anything</a>'
    )
    assert (found.url, found.sha256) == (f"https://index.example/f/{WHEEL}", SHA)
    assert (found.requires_python, found.yanked) == (">=3.8", "no reason given")
    assert (found.metadata, found.metadata_sha256) == (True, SHA)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (f"<A HREF={WHEEL}>x</A>", 1),
        (f"<a\nhref = '{WHEEL}'\n>x</a>", 1),
        (f'<a data-requires-python=">=3" href="{WHEEL}">x</a>', 1),
        (f'<!-- <a href="{WHEEL}">x</a> --><html>', 0),
        (f'<article href="{WHEEL}"></article>', 0),
        (f'<a href="{WHEEL}?token=x">x</a>', 1),
        ('<a href="demo%2D1.0-py3-none-any.whl">x</a>', 1),
        ('<a href="http://[half/demo-1.0-py3-none-any.whl">x</a><html>', 0),
        ('<a href="file:///etc/demo-1.0-py3-none-any.whl">x</a>', 0),
        ('<a href="javascript:x/demo-1.0-py3-none-any.whl">x</a>', 0),
        ('<a href="Demo.evil-1.0-py3-none-any.whl">x</a>', 1),
        ('<a href="democracy-1.0-py3-none-any.whl">x</a>', 0),
        ('<a href="../">up</a>', 0),
        ("<html></html>", 0),
    ],
)
def test_links_as_people_write_them(body: str, count: int) -> None:
    assert len(files(body)) == count


def test_a_base_counts_for_what_follows() -> None:
    (found,) = files(f'<base href="https://files.example/x/"><a href="{WHEEL}">x</a>')
    assert found.url == f"https://files.example/x/{WHEEL}"


def test_a_page_of_links_has_files_of_many() -> None:
    body = f'<a href="{WHEEL}">x</a><a href="other-2.0.tar.gz">y</a><a href="notes.txt">z</a>'
    assert [file.file for file in files(body, project=None)] == [WHEEL, "other-2.0.tar.gz"]


def test_a_page_of_this_machine_may_name_its_files() -> None:
    assert len(files(f'<a href="file:///wheels/{WHEEL}">x</a>', base="file:///simple/demo/index.html")) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<form action=/login><input type=password></form>", HTML),
        ("<html><script src=app.js></script></html>", HTML),
        ("", HTML),
        ("welcome", HTML),
        ("{}", HTML),
        ("<html></html>", "image/png"),
        ("<html></html>", "application/json"),
        ("[" * 100_000, JSON),
        ("9" * 5000, JSON),
        ('{"meta": {"api-version": "2.0"}, "name": "demo", "files": {}}', JSON),
        ('{"meta": {"api-version": "1.0"}, "name": "demo", "files": [{"filename": 7, "url": "x"}]}', JSON),
    ],
)
def test_what_is_no_page_is_said_so(body: str, kind: str) -> None:
    with pytest.raises(NoPageError, match=r"it answers (with|in)"):
        files(body, kind)


def test_a_page_with_files_may_have_scripts_too() -> None:
    assert len(files(f'<script>1</script><form></form><a href="{WHEEL}">x</a>')) == 1


@given(st.text(st.sampled_from("<a href='\"=>/!-&#x; .whlinputformetabase"), max_size=300))
def test_any_text_is_a_page_or_none(text: str) -> None:
    with contextlib.suppress(NoPageError):
        assert isinstance(files(text), list)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
       | st.dictionaries(st.sampled_from(["meta", "name", "files", "api-version", "url", "filename"]), inner),
       max_leaves=20))  # fmt: skip
def test_any_json_is_a_page_or_none(value: object) -> None:
    with contextlib.suppress(NoPageError):
        assert isinstance(files(json.dumps(value), JSON), list)


@pytest.mark.parametrize("kind", [HTML, JSON])
def test_what_is_written_is_read_again(kind: str) -> None:
    wanted = RemoteFile(
        file=WHEEL,
        url=f"https://x.example/{WHEEL}",
        sha256=SHA,
        requires_python='>="3"',
        yanked="a < b",
        metadata=True,
    )
    text = html_page([wanted]) if kind == HTML else json_page("demo", [wanted]).decode()
    assert files(text, kind) == [wanted]
