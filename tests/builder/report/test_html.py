"""The page as text: one document that asks nothing of anybody, and shows what the report holds."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import re
import xml.etree.ElementTree as ET

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.report import html
from builder.report.matrix import matrix, owner
from builder.report.model import Report
from builder.report.source import Source
from builder.report.treemap import Box, squarified, treemap
from envspec.system.finding import Finding, Severity
from envspec.system.rules import RULES

from .samples import (
    CHANGED,
    EMPTY,
    ERROR,
    FAILED,
    JUDGED,
    MANY,
    NOBODY,
    REFUSED,
    REPORTS,
    SHIPS,
    SPEC,
    UNCHANGED,
    UNSOUND,
)

every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


def parsed(report: Report) -> ET.Element:
    """The page's tree; a mistake in the HTML raises."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree = parser.parse(html.render(report, NOBODY))
    assert isinstance(tree, ET.Element)
    return tree


def text(element: ET.Element | None) -> str:
    assert element is not None
    return " ".join(" ".join(element.itertext()).split())


@every_report
def test_it_is_good_html_with_unique_ids_that_labels_find(report: Report) -> None:
    page = parsed(report)
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    pointed = [
        name
        for element in page.iter()
        for attribute in ("aria-labelledby", "aria-controls")
        for name in (element.get(attribute) or "").split()
    ]
    pointed += [link.get("href", "").removeprefix("#") for link in page.iter("a")]
    assert set(pointed) <= set(ids)


@every_report
def test_nothing_comes_from_elsewhere(report: Report) -> None:
    page = parsed(report)
    for element in page.iter():
        assert not {"src", "srcset", "action", "style", "background"} & set(element.keys()), element.tag
        assert not [name for name in element.keys() if name.startswith("on")]  # noqa: SIM118
        assert (element.get("href") or "#").startswith("#")
        assert element.tag not in ("link", "img", "iframe", "object", "base")
    assert "://" not in re.sub("<code>.*?</code>", "", html.render(report, NOBODY))


def test_the_policy_allows_its_own_style_and_script_alone() -> None:
    said = html.render(SHIPS, NOBODY)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', said)
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", said, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@given(
    st.text(alphabet=st.characters(exclude_categories=["C"], exclude_characters="`"), max_size=40)
    | st.just("</script><b onload=x>\"'&")
)
def test_texts_stay_texts(words: str) -> None:
    """Whatever a finding says, the page has the same elements."""
    finding = Finding(
        rule="EV201", severity=Severity.ERROR, message=words, hint="h" + words, where="w" + words
    )
    plain = dataclasses.replace(finding, message="m", hint="h", where="w")

    def tags(found: Finding) -> list[str]:
        return [element.tag for element in parsed(EMPTY.having(found)).iter()]

    assert tags(finding) == tags(plain)


@every_report
def test_headings_are_in_order(report: Report) -> None:
    levels = [
        int(element.tag[1]) for element in parsed(report).iter() if re.fullmatch(r"h[1-6]", str(element.tag))
    ]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@every_report
def test_every_picture_has_a_label_and_every_table_a_caption(report: Report) -> None:
    page = parsed(report)
    for svg in page.iter("{http://www.w3.org/2000/svg}svg"):
        assert svg.get("aria-hidden") == "true" or (svg.get("role") == "img" and svg.get("aria-label"))
    for table in page.iter("table"):
        assert text(table.find("caption"))
        assert all(cell.get("scope") for cell in table.iter("th"))


def test_the_verdict_stands_on_top() -> None:
    header = text(parsed(UNSOUND).find("body/header"))
    assert header.startswith(
        "Environment report · variant cuda demo must be fixed 1 error, 1 warning, 1 info"
    )


def test_what_stopped_the_run_is_said_with_its_hint() -> None:
    said = text(parsed(FAILED).find("body"))
    assert "What stopped the run, in phase “build”" in said
    assert "no space left on device" in said
    assert "What to do: free some space" in said


def test_what_stopped_the_run_names_the_errors_and_where_they_stand() -> None:
    card = next(each for each in parsed(REFUSED).iter("section") if "failure" in each.get("class", ""))
    said = text(card)
    assert "the proof found errors: EV203" in said
    assert "EV203 soundfile envspec.toml:12 soundfile 0.12.1 needs libsndfile.so.1" in said
    assert "What to do: apt-get install libsndfile1" in said
    assert next(card.iter("a")).get("href") == "#f0"


def test_the_page_says_when_how_of_what_and_where() -> None:
    header = text(parsed(CHANGED).find("body/header"))
    assert "2026-01-31 09:05 UTC · commit 0123456789ab + changes · Debian" in header
    assert header.endswith("CPython 3.11.2 build-image . --report out")


def test_a_finding_shows_the_line_of_the_spec() -> None:
    item = next(each for each in parsed(UNSOUND).iter("li") if each.get("id") == "f1")
    assert text(item).startswith(
        'stage[1].install[1] envspec.toml:12 "Soundfile>=0.12", Soundfile>=0.12 leaves'
    )


def test_a_secret_in_the_spec_is_not_shown_with_its_line() -> None:
    spec = SPEC.replace('"Soundfile>=0.12",', '"Soundfile>=0.12", # token=hunter2hunter2')
    report = dataclasses.replace(UNSOUND, source=Source(file="envspec.toml", text=spec))
    said = html.render(report, NOBODY)
    assert "Soundfile&gt;=0.12" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_page_stands_in_the_page_and_leads_nowhere(rule: str) -> None:
    finding = dataclasses.replace(ERROR, rule=rule)
    (page,) = (each for each in parsed(EMPTY.having(finding)).iter("details") if each.get("class") == "page")
    assert text(page).startswith(f"What {rule} finds, how, and what to do Severity: ")
    assert "How it is found." in text(page)
    assert not list(page.iter("a"))


def test_an_unknown_rule_has_no_page() -> None:
    assert "What EV999 finds" not in html.render(
        EMPTY.having(dataclasses.replace(ERROR, rule="EV999")), NOBODY
    )


class TestChanges:
    def said(self, report: Report) -> str:
        return next(
            text(each) for each in parsed(report).iter("section") if each.get("aria-labelledby") == "changes"
        )

    def test_what_is_new_and_gone_and_moved_is_said(self) -> None:
        said = self.said(CHANGED)
        assert "Compared with the report of 2026-01-30 09:05 UTC" in said
        assert "The verdict was ships and is must be fixed" in said
        assert "New: 1 finding error: EV203" in said
        assert "Gone: 1 finding warning: EV001" in said
        assert "3 packages moved numpy 1.23.5 → 1.26.4 six 1.16.0 → gone cffi new → 2.0" in said
        assert "Installed: 64.0 MB, +4.0 MB." in said
        assert "Not compared: the last run did not come to the verification" in said

    def test_that_nothing_changed_is_said(self) -> None:
        assert "an unknown day in the same folder: the same verdict, the same findings" in self.said(
            UNCHANGED
        )

    def test_without_a_last_report_there_is_no_such_section(self) -> None:
        assert "Since the last report" not in text(parsed(UNSOUND).find("body"))


def test_rows_without_errors_are_folded() -> None:
    def folded(report: Report) -> bool:
        return any(each.get("class") == "green" for each in parsed(report).iter("details"))

    assert folded(dataclasses.replace(SHIPS, findings=()))
    box = next(each for each in parsed(UNSOUND).iter("input") if each.get("id") == "row-concerned")
    assert "checked" in box.keys()  # noqa: SIM118


def test_errors_are_open_and_hundreds_of_infos_are_not() -> None:
    groups = [each for each in parsed(MANY).iter("details") if each.get("data-severity")]
    opened = {(each.get("data-severity"), "open" in each.keys()) for each in groups}  # noqa: SIM118
    assert opened == {("error", True), ("warning", False), ("info", False)}


def test_a_report_without_anything_still_has_a_page() -> None:
    said = text(parsed(EMPTY).find("body"))
    assert "Nothing was found." in said
    assert "Stages" not in said
    assert "Matrix" not in said


class TestMatrix:
    def cells(self, report: Report) -> dict[str, dict[str, str]]:
        found = matrix(report)
        return {
            row.name: {family.key: cell.state for family, cell in zip(found.columns, row.cells, strict=True)}
            for row in found.rows
        }

    def test_each_finding_stands_at_its_distribution_and_family(self) -> None:
        cells = self.cells(UNSOUND)
        assert cells["soundfile"]["imports"] == "error"
        assert cells["Flask"]["imports"] == "info"
        assert cells["numpy"]["imports"] == "ok"

    def test_what_nobody_looked_at_is_not_called_good(self) -> None:
        cells = self.cells(JUDGED)["numpy"]
        assert cells["exchange"] == cells["use"] == cells["drift"] == "unseen"
        assert cells["imports"] == "ok"
        assert "lock" not in cells

    def test_rows_come_in_the_order_of_installation(self) -> None:
        assert [row.name for row in matrix(SHIPS).rows] == ["numpy", "Flask", "soundfile", "pip"]

    def test_a_version_that_is_not_the_locked_one_shows(self) -> None:
        row = next(row for row in matrix(SHIPS).rows if row.name == "soundfile")
        assert (row.version, row.locked, row.stage) == ("0.12.0", "0.12.1", "service")
        assert "0.12.0 locked 0.12.1" in text(parsed(SHIPS))

    def test_without_a_verdict_the_lock_is_shown(self) -> None:
        assert self.cells(FAILED) == {name: {"lock": "ok"} for name in ("numpy", "flask", "soundfile")}

    @pytest.mark.parametrize(
        ("rule", "where", "message", "expected"),
        [
            ("EV201", "scikit_learn.svm", "x", "scikit-learn"),
            ("EV250", "Scikit-Learn", "x", "scikit-learn"),
            ("EV201", "sklearn", "scikit-learn 1.0 breaks", "scikit-learn"),
            ("EV201", "", "", None),
            ("EV009", "scikit-learn", "x", None),
        ],
    )
    def test_whom_a_finding_speaks_of(
        self, rule: str, where: str, message: str, expected: str | None
    ) -> None:
        found = Finding(rule=rule, severity=Severity.ERROR, where=where, message=message)
        assert owner(found, {"scikit-learn": "scikit-learn"}, {}) == expected

    def test_a_cell_leads_to_its_finding(self) -> None:
        page = parsed(UNSOUND)
        link = next(link for link in page.iter("a") if "EV203" in text(link))
        target = next(each for each in page.iter("li") if f"#{each.get('id')}" == link.get("href"))
        assert ERROR.message in text(target)


class TestTreemap:
    sizes = st.lists(st.integers(1, 10**9), max_size=60).map(lambda sizes: sorted(sizes, reverse=True))

    @given(sizes=sizes, width=st.floats(50, 2000), height=st.floats(50, 2000))
    def test_areas_are_in_proportion_and_within_the_box(
        self, sizes: list[int], width: float, height: float
    ) -> None:
        boxes = squarified(sizes, Box(x=0.0, y=0.0, width=width, height=height))
        assert len(boxes) == len(sizes)
        for size, box in zip(sizes, boxes, strict=True):
            area = width * height * size / sum(sizes)
            assert box.width * box.height == pytest.approx(area, rel=1e-6, abs=1e-3)
            assert box.x >= -1e-6
            assert box.y >= -1e-6
            assert box.x + box.width <= width * (1 + 1e-6)
            assert box.y + box.height <= height * (1 + 1e-6)

    @given(sizes=sizes.filter(lambda sizes: len(sizes) > 1))
    def test_boxes_do_not_overlap(self, sizes: list[int]) -> None:
        boxes = squarified(sizes, Box(x=0.0, y=0.0, width=800.0, height=400.0))
        for place, one in enumerate(boxes):
            for other in boxes[place + 1 :]:
                wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
                high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
                assert min(wide, high) <= 1e-3

    def test_equal_sizes_are_squares(self) -> None:
        boxes = squarified([1] * 4, Box(x=0.0, y=0.0, width=100.0, height=100.0))
        assert {(round(box.width), round(box.height)) for box in boxes} == {(50, 50)}

    def test_small_ones_are_put_together(self) -> None:
        small = {f"small{number}": 1 for number in range(5)}
        (group,) = treemap({"stage": {"large": 10_000, **small}}, 800, 400)
        assert [(tile.name, tile.size) for tile in group.tiles] == [("large", 10_000), ("5 smaller", 5)]

    def test_labels_fit_their_tiles(self) -> None:
        groups = treemap({"a": {"x" * 80: 50, "y": 1}, "b": {"z": 3}}, 360, 300)
        for tile in (tile for group in groups for tile in group.tiles):
            assert len(tile.label) * 8.0 <= max(tile.box.width, 0.0) or not tile.label

    def test_nothing_gives_nothing(self) -> None:
        assert treemap({"a": {"x": 0}}, 100, 100) == ()


@pytest.mark.parametrize(
    ("number", "words"), [(12, "12 B"), (1500, "1.5 kB"), (53_459_538, "53.5 MB"), (1_551_000_000, "1.55 GB")]
)
def test_sizes_in_words(number: int, words: str) -> None:
    assert html.size(number) == words


@pytest.mark.parametrize(
    ("time", "words"), [(0.0, "0 ms"), (0.012, "12 ms"), (3.44, "3.4 s"), (125, "2 min 5 s")]
)
def test_times_in_words(time: float, words: str) -> None:
    assert html.seconds(time) == words
