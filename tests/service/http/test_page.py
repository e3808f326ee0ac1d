"""The web page in a real Chromium: type, choose, speak, play, download, switch language, see an error."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from service.client import Client
from tests.service.conftest import Served, until

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = pytest.mark.browser

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", "--mute-audio",
    "--window-size=1000,1200",
)  # fmt: skip
BROWSER = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")


class Page:
    """The page, driven as a person would."""

    def __init__(self, driver: Chrome, downloads: pathlib.Path) -> None:
        self.driver = driver
        self.downloads = downloads

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def text(self, selector: str) -> str:
        return self.find(selector).text

    def open(self, url: str) -> None:
        self.driver.get(url)
        until(lambda: len(self.all("#voice option")) > 1)

    def write(self, text: str) -> None:
        self.find("#text").clear()
        self.find("#text").send_keys(text)

    def speak(self) -> None:
        self.find("#speak").click()
        until(lambda: self.text("#status").startswith(("完成", "Done")))

    def script(self, script: str, *arguments: object) -> Any:
        """What a script gives: anything that JSON can say."""
        return self.driver.execute_script(script, *arguments)


@contextlib.contextmanager
def chromium(tmp_path_factory: pytest.TempPathFactory, *more: str) -> Iterator[Page]:
    """A browser with further arguments."""
    webdriver = pytest.importorskip("selenium.webdriver")
    if not BROWSER or not DRIVER:
        problem = "chromium and chromedriver are not on this machine"
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    downloads = tmp_path_factory.mktemp("downloads")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (*ARGUMENTS, *more, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield Page(driver, downloads)
    driver.quit()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory) as page:
        yield page


@pytest.fixture
def page(browser: Page, served: Served) -> Iterator[Page]:
    """The page, fresh; afterwards nothing may have been complained of in the console, the policy included."""
    browser.driver.get_log("browser")
    browser.open(served.url)
    browser.script("localStorage.clear()")
    browser.open(served.url)
    yield browser
    said = [entry["message"] for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [line for line in said if "422" not in line], said


def test_it_speaks_chinese_first(page: Page) -> None:
    assert page.text("h1") == "语音合成"
    assert page.find("html").get_attribute("lang") == "zh-CN"
    assert len(page.all("input[name=emotion]")) == 7


def test_a_text_is_spoken_and_played(page: Page) -> None:
    page.write("你好，世界！今天天气很好。")
    page.script("document.querySelector('input[value=happy]').click()")
    page.speak()
    until(lambda: page.script("return document.querySelector('#player').currentTime > 0"))
    assert page.script("return document.querySelector('#player').duration") > 1
    assert 'emotion":"happy' in str(page.find("#curl").get_attribute("textContent"))
    drawn = page.script(
        "const c = document.querySelector('#wave');"
        "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"
    )
    assert drawn


def test_the_keyboard_is_enough(page: Page) -> None:
    """Tab from the top reaches the text, Ctrl+Enter speaks, and arrows choose an emotion."""
    page.script("document.activeElement.blur()")
    body = page.find("body")
    for _ in range(6):
        page.driver.switch_to.active_element.send_keys("\ue004")
        if page.driver.switch_to.active_element.get_attribute("id") == "text":
            break
    assert page.driver.switch_to.active_element.get_attribute("id") == "text"
    assert body
    page.driver.switch_to.active_element.send_keys("键盘也可以")
    chosen = page.find("input[name=emotion]:checked")
    chosen.send_keys("\ue014")
    assert page.find("input[name=emotion]:checked").get_attribute("value") == "happy"
    page.find("#text").send_keys("\ue009\ue007")
    until(lambda: page.text("#status").startswith("完成"))


def test_the_sound_can_be_kept(page: Page) -> None:
    """A WAV file from what was streamed, and another format from the service."""
    page.write("请下载这句话。")
    page.speak()
    page.find("#download").click()
    until((page.downloads / "speech.wav").exists)
    with wave.open(str(page.downloads / "speech.wav")) as file:
        assert file.getnframes() > 22050
    page.script("document.querySelector('#format').value = 'mp3'")
    page.find("#download").click()
    until((page.downloads / "speech.mp3").exists)
    assert (page.downloads / "speech.mp3").stat().st_size > 1000


def test_the_language_switches_and_stays(page: Page, served: Served) -> None:
    page.find("#language").click()
    assert page.text("h1") == "Speech synthesis"
    assert page.text("#speak") == "Speak"
    page.open(served.url)
    assert page.text("h1") == "Speech synthesis"
    page.find("#language").click()
    assert page.text("h1") == "语音合成"


def test_a_mistake_is_explained_in_the_language_of_the_page(page: Page) -> None:
    page.find("#speak").click()
    until(page.find("#error").is_displayed)
    assert page.find("#error").get_attribute("role") == "alert"
    assert "没有可以朗读的内容" in page.text("#error")
    assert page.driver.switch_to.active_element.get_attribute("id") == "text"
    page.find("#language").click()
    assert "nothing to speak" in page.text("#error")


def test_what_the_service_refuses_is_explained(page: Page) -> None:
    page.script("document.querySelector('#text').value = '好'.repeat(6000)")
    page.find("#speak").click()
    until(page.find("#error").is_displayed)
    assert page.text("#error").startswith("文字太长")


def test_history_brings_a_request_back(page: Page, served: Served) -> None:
    page.write("记住我")
    page.script("document.querySelector('input[value=sad]').click()")
    page.speak()
    page.open(served.url)
    page.find("#history button").click()
    assert page.find("#text").get_attribute("value") == "记住我"
    assert page.find("input[name=emotion]:checked").get_attribute("value") == "sad"
    page.find("#clear").click()
    assert not page.all("#history li")


def test_examples_fill_the_form(page: Page) -> None:
    page.all("#presets button")[1].click()
    assert "小狐狸" in str(page.find("#text").get_attribute("value"))
    assert page.find("input[name=emotion]:checked").get_attribute("value") == "happy"


def test_every_control_has_a_name(page: Page) -> None:
    """What a screen reader would say; an empty name is a control that nobody can find."""
    for selector in ("button", "input", "select", "textarea", "canvas"):
        for element in page.all(selector):
            if element.is_displayed():
                assert element.accessible_name, element.get_attribute("outerHTML")


@pytest.mark.parametrize("width", [320, 390, 1000])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 2, "mobile": width < 500},
    )
    try:
        page.write("很长的文字" * 20)
        page.speak()
        assert page.script("return document.documentElement.scrollWidth") <= width
        small = [
            button.get_attribute("id")
            for button in page.all("#speak, #download, #language")
            if button.size["height"] < 44
        ]
        assert not small
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_comes_from_outside(page: Page, served: Served) -> None:
    loaded = page.script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(loaded) > 5
    assert all(name.startswith((served.url, "blob:")) for name in loaded)


def test_a_key_is_asked_for(browser: Page) -> None:
    server = Served(TTS_API_KEYS="secret")
    try:
        Client(server.url).wait_until_ready()
        browser.driver.get(server.url)
        until(browser.find("#key").is_displayed)
        browser.find("#key").send_keys("secret\ue004")
        until(lambda: len(browser.all("#voice option")) > 1)
        browser.write("有钥匙")
        browser.speak()
    finally:
        server.stop()


def test_too_long_a_text_is_counted_and_cannot_be_sent(page: Page) -> None:
    page.script(
        "const t = document.querySelector('#text'); t.value = '好'.repeat(5001);"
        "t.dispatchEvent(new Event('input'))"
    )
    assert "5001" in page.text("#count")
    assert "over" in str(page.find("#count").get_attribute("class"))
    assert not page.find("#speak").is_enabled()


def test_markup_is_spoken_as_markup(page: Page) -> None:
    page.write("<speak>你好<break time='300ms'/>世界</speak>")
    page.speak()
    assert '"ssml":' in str(page.find("#curl").get_attribute("textContent"))


def test_a_failure_puts_the_old_result_away(page: Page) -> None:
    page.write("第一句。")
    page.speak()
    page.script("document.querySelector('#text').value = '…'")
    page.find("#speak").click()
    until(page.find("#error").is_displayed)
    assert not page.find("#result").is_displayed()
    assert page.script("return document.querySelector('#player').paused")
