"""The page's microphone in a real Chromium, whose microphone plays the keys of a telephone from a file."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from service.audio.formats import wav_header
from service.client import Client
from tests.service.conftest import Served, until
from tests.service.fakes import keys
from tests.service.http import test_page

pytest.importorskip("av")  # reads what a browser records
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def talking() -> Iterator[Served]:
    """A service that hears the keys of a telephone, and says what it heard."""
    server = Served(TTS_EARS="dtmf", TTS_RESPONDER="echo")
    try:
        Client(server.url).wait_until_ready(60)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[test_page.Page]:
    sound = keys("4 2 ", 48000, 0.2)
    file = tmp_path_factory.mktemp("sound") / "keys.wav"
    file.write_bytes(wav_header(sound.sample_rate, len(sound.pcm)) + sound.pcm)
    with test_page.chromium(
        tmp_path_factory,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
    ) as page:
        yield page


def test_a_spoken_question_is_answered(browser: test_page.Page, talking: Served) -> None:
    """By the keyboard alone: one press listens, the next one asks."""
    browser.open(talking.url)
    button = browser.find("#microphone")
    until(button.is_displayed)
    button.send_keys("\n")
    until(lambda: button.get_attribute("aria-pressed") == "true")
    time.sleep(2.5)  # somebody speaks
    button.send_keys("\n")
    until(lambda: "42" in browser.text("#answer"), 20)
    assert browser.text("#answer") == browser.text("#heard")
    browser.find("#hush").click()
    until(lambda: not browser.find("#hush").is_displayed())


def test_a_service_that_cannot_listen_shows_no_microphone(browser: test_page.Page, served: Served) -> None:
    browser.open(served.url)
    assert not browser.find("#talk").is_displayed()
