"""The page's files, without a browser: served safely, and complete in both languages."""

from __future__ import annotations

import pathlib
import re

import pytest
from flask.testing import FlaskClient

from service.http.routes.page import FOLDER


def test_the_policy_allows_nothing_from_outside(http: FlaskClient) -> None:
    with http.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", sorted(path.name for path in FOLDER.iterdir()))
def test_every_file_is_served_and_names_no_other_host(http: FlaskClient, path: str) -> None:
    response = http.get(f"/assets/{path}")
    with response:
        assert response.status_code == 200
        assert not set(re.findall(r"https?://([\w.-]+)", response.text)) - {"www.w3.org"}


@pytest.mark.parametrize("path", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "nothing.js", ".hidden"])
def test_no_other_file_is(http: FlaskClient, path: str) -> None:
    assert http.get(f"/assets/{path}").status_code == 404


def test_both_languages_have_every_word() -> None:
    script = (FOLDER / "words.js").read_text(encoding="utf-8")
    chinese, english = re.findall(r"\n  (?:zh|en): \{(.*?)\n  \},", script, re.DOTALL)
    names = [set(re.findall(r"(?:^|, |\n)\s*(\w+): \"", text)) for text in (chinese, english)]
    assert names[0] == names[1]
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-(?:word|hint)="(\w+)"', page)) <= names[0]


def test_the_page_has_no_inline_script_or_style() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)
    assert pathlib.Path(FOLDER, "page.js").exists()
