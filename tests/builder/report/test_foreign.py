"""Whatever foreign text a report holds, in whichever field: no form hands it on as something to be obeyed."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import html5lib
import pytest
from hypothesis import given, settings

from builder.report import terminal
from builder.report.forms import FORMS
from envspec.system.foreign import LIMIT
from tests.support.amount import amount
from tests.support.hostile import acting, hostile_texts

from .samples import NOBODY
from .test_scrubbing import leaking

FEW = settings(max_examples=amount(20, 2_000))
COMMAND = re.compile(r"(?m)^\s*::(?!error |warning |notice )|##(?:vso|teamcity)?\[")
FIELDS = 400
"""More than the times that a form writes one text, which stands in every field."""


@pytest.mark.parametrize("form", FORMS)
@FEW
@given(text=hostile_texts())
def test_no_form_holds_what_acts(form: str, text: str) -> None:
    said = FORMS[form](leaking(text), NOBODY)
    assert acting(said) == []
    assert form == "html" or not COMMAND.search(said)
    assert len(said) < len(FORMS[form](leaking("x"), NOBODY)) + FIELDS * LIMIT
    said.encode()


@FEW
@given(text=hostile_texts())
def test_documents_stay_well_formed(text: str) -> None:
    report = leaking(text)
    json.loads(FORMS["json"](report, NOBODY))
    json.loads(FORMS["sarif"](report, NOBODY))
    ET.fromstring(FORMS["junit"](report, NOBODY))


@FEW
@given(text=hostile_texts())
def test_a_page_has_no_element_and_no_address_of_theirs(text: str) -> None:
    plain, page = (
        html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(
            FORMS["html"](leaking(each), NOBODY)
        )
        for each in ("x", text)
    )
    assert sum(1 for _ in page.iter("script")) == sum(1 for _ in plain.iter("script"))
    assert not list(page.iter("img"))
    assert all(link.get("href", "#").startswith("#") for link in page.iter("a"))


@FEW
@given(text=hostile_texts())
def test_annotations_are_the_only_commands(text: str) -> None:
    lines = FORMS["github"](leaking(text), NOBODY).split("\n")[:-1]
    assert len(lines) == len(FORMS["github"](leaking("x"), NOBODY).split("\n")[:-1])
    for line in lines:
        assert re.match(r"::(error|warning|notice) (?:\w+=[^,:]*,)*title=[^,:]*::", line)


@FEW
@given(text=hostile_texts())
def test_a_terminal_sees_no_command_and_no_markup(text: str) -> None:
    said = terminal.render(leaking(text), NOBODY)
    assert not re.search(r"(?m)^\s*::|##(?:vso|teamcity)?\[", said)
    assert acting(said) == []


def test_markup_is_shown_as_it_is_written() -> None:
    said = terminal.render(leaking(r"[red]a[/red] :bomb: \\\[dim] b\\\ "), NOBODY)
    assert r"[red]a[/red] :bomb: \\\[dim] b\\\ "[:-1] in said
    assert "[/dim]" not in said
