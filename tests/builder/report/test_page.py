"""The page in a real Chromium: filtered by keyboard, read by axe, in light and dark, wide and narrow."""

from __future__ import annotations

import importlib.resources
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from builder.report import html
from builder.report.model import Report

from .samples import CHANGED, MANY, NOBODY, REPORTS, SHIPS

pytestmark = pytest.mark.browser

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
TAB, SPACE, ESCAPE, ENTER, CONTROL = "\ue004", " ", "\ue00c", "\ue007", "\ue009"
DESK, TELEPHONE = 1280, 390


class Page:
    """Reports in a browser, driven as a person would."""

    def __init__(self, driver: Any, folder: pathlib.Path) -> None:
        self.driver = driver
        self.folder = folder

    def open(self, report: Report, *, width: int = DESK, mode: str = "light", script: bool = True) -> None:
        file = self.folder / "report.html"
        file.write_text(html.render(report, NOBODY), encoding="utf-8")
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": mode}])
        self.tell(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        self.tell("Emulation.setScriptExecutionDisabled", value=not script)
        self.driver.get(file.as_uri())

    def tell(self, command: str, **arguments: object) -> Any:
        return self.driver.execute_cdp_cmd(command, arguments)

    def script(self, text: str, *arguments: object) -> Any:
        return self.driver.execute_script(text, *arguments)

    def press(self, keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(keys)

    def focused(self) -> str:
        return str(self.script("return document.activeElement.id || document.activeElement.value || ''"))

    def shown(self, selector: str) -> int:
        all_of_them = "[...document.querySelectorAll(arguments[0])]"
        return int(self.script(f"return {all_of_them}.filter((e) => e.checkVisibility()).length", selector))

    def status(self) -> str:
        return str(self.script("return document.getElementById('shown').textContent"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        problem = "chromium and chromedriver are not on this machine"
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield Page(opened, tmp_path_factory.mktemp("pages"))
    opened.quit()


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """The browser; afterwards nothing may have been complained of in its console, the policy included."""
    browser.driver.get_log("browser")
    yield browser
    assert browser.driver.get_log("browser") == []


def test_findings_are_filtered_by_keyboard(page: Page) -> None:
    page.open(MANY)
    assert page.status() == "342 of 342 findings shown"
    page.press("/")
    assert page.focused() == "query"
    page.press("part17:")
    assert page.status() == "1 of 342 findings shown"
    assert page.shown(".finding") == 1  # the group of hundreds has opened
    page.press(ESCAPE)
    assert page.status() == "342 of 342 findings shown"
    assert page.shown(".group.info .finding") == 0  # and is closed again
    page.press(TAB)
    assert page.focused() == "error"
    page.press(SPACE)
    assert page.status() == "327 of 342 findings shown"
    assert page.shown(".group.error") == 0


def test_no_match_is_said(page: Page) -> None:
    page.open(MANY)
    page.press("/")
    page.press("no such words")
    assert page.status() == "0 of 342 findings shown"
    assert page.shown("#none") == 1


def test_a_group_opens_by_keyboard(page: Page) -> None:
    page.open(MANY)
    page.script("document.querySelector('.group.info summary').focus()")
    page.press(ENTER)
    assert page.shown(".group.info .finding") > 0


def test_the_matrix_is_filtered_and_leads_to_findings(page: Page) -> None:
    page.open(MANY)
    assert page.shown("#distributions tbody tr") == 1  # those with errors or warnings
    page.script("document.querySelector('#rows input').focus()")
    page.press("numpy")
    assert page.shown("#distributions tbody tr") == 1  # who looks for one looks through all
    page.press(ESCAPE)
    page.script("document.getElementById('row-concerned').focus()")
    page.press(SPACE)
    assert page.shown("#distributions tbody tr") == 4
    page.press(SPACE)
    page.script("document.getElementById('query').focus()")
    page.press("nothing like it")
    page.script("document.querySelector('#distributions tbody tr:not([hidden]) a').focus()")
    page.press(ENTER)
    page.script("return new Promise((done) => setTimeout(done, 100))")
    assert page.shown(page.script("return location.hash")) == 1  # the filter has made way


def test_the_first_tab_skips_to_the_report(page: Page) -> None:
    page.open(SHIPS)
    page.driver.find_element("css selector", "body").send_keys(TAB)
    assert page.script("return document.activeElement.textContent") == "Skip to the report"
    page.press(ENTER)
    assert page.focused() == "main"


def test_without_script_all_can_be_read(page: Page) -> None:
    page.open(MANY, script=False)
    try:
        assert not page.driver.find_element("id", "filter").is_displayed()
        assert page.driver.find_element("id", "f0").is_displayed()
        assert page.driver.find_element("id", "distributions").is_displayed()
    finally:
        page.tell("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_nothing_is_wider_than_the_window(page: Page, report: Report, width: int) -> None:
    page.open(report, width=width)
    assert page.script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_axe_finds_nothing(page: Page, report: Report, mode: str) -> None:
    """The rules of axe-core, contrast among them, with every group open."""
    page.open(report, mode=mode)
    page.script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.script((importlib.resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
    result = page.script("return axe.run(document, {resultTypes: ['violations']})")
    problems = [
        (each["id"], node["html"][:200], node["failureSummary"])
        for each in result["violations"]
        for node in each["nodes"][:2]
    ]
    assert problems == []


CONTRAST = """
const linear = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = (colour) => {
  const [r, g, b] = colour.map((v) => linear(v / 255));
  return .2126 * r + .7152 * g + .0722 * b;
};
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const painted = (...colours) => {
  colours.forEach((colour) => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); });
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const style = getComputedStyle(document.body);
return [0, 1, 2, 3, 4, 5, 6, 7].map((number) => {
  const [one, other] = [style.getPropertyValue("--ink"), style.getPropertyValue(`--k${number}`)]
    .map((colour) => light(painted(colour))).sort().reverse();
  return (one + .05) / (other + .05);
});
"""


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_on_the_tiles_have_contrast(page: Page, mode: str) -> None:
    """What axe cannot see: text over shapes in a picture. WCAG 2.1 asks for 4.5."""
    page.open(SHIPS, mode=mode)
    ratios = page.script(CONTRAST)
    assert len(ratios) == 8
    assert min(ratios) >= 4.5, ratios


def test_a_command_is_copied_from_a_file(page: Page) -> None:
    page.open(CHANGED)
    assert page.shown(".copy") == 3  # the run itself, a hint, and what to do with the result
    page.driver.find_element("css selector", "header .copy").click()
    page.script("return new Promise((done) => setTimeout(done, 200))")
    assert page.script("return document.querySelector('header .copy span').textContent") == "Copied"
    page.driver.find_element("id", "query").send_keys(CONTROL + "v")
    assert page.script("return document.getElementById('query').value") == "build-image . --report out"


def test_without_a_clipboard_the_browser_copies_or_a_person_does(page: Page) -> None:
    page.open(CHANGED)
    page.script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.script("document.execCommand = () => false")
    page.driver.find_element("css selector", "header .copy").click()
    page.script("return new Promise((done) => setTimeout(done, 200))")
    assert page.script("return document.querySelector('header .copy span').textContent").startswith(
        "Selected"
    )
    assert page.script("return String(getSelection())") == "build-image . --report out"


def test_on_a_telephone_all_of_a_row_is_seen(page: Page) -> None:
    """No cell of a table and no link of the navigation lies beyond the window's edge."""
    page.open(CHANGED, width=TELEPHONE)
    beyond = """
    return [...document.querySelectorAll("nav a, #distributions td, #related td")]
      .filter((each) => each.checkVisibility())
      .filter((each) => each.getBoundingClientRect().right > innerWidth).length
    """
    assert page.shown("#related td") > 0
    assert page.shown("#distributions td") > 0
    assert page.script(beyond) == 0


def test_a_page_of_a_rule_opens_by_keyboard(page: Page) -> None:
    page.open(CHANGED)
    page.script("document.querySelector('.page summary').focus()")
    page.press(ENTER)
    assert page.shown(".page p") == 4


def test_a_need_leads_to_the_row_that_meets_it(page: Page) -> None:
    page.open(SHIPS)
    page.script("document.querySelector('#links input').focus()")
    page.press("_soundfile")
    assert page.shown("#related tbody tr") == 1
    page.script("document.querySelector('#d-soundfile a[href=\"#d-numpy\"]').focus()")
    page.press(ENTER)
    page.script("return new Promise((done) => setTimeout(done, 100))")
    assert page.shown("#d-numpy") == 1  # the filter has made way
