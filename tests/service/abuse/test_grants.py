"""Small grants of memory: nothing is killed, whatever is asked for."""

from __future__ import annotations

import concurrent.futures
import time

import pytest

from tests.service.abuse.attack import crowd, post, victim

SENTENCE = "今天天气很好，我们去公园。"
BREAKS = "<speak>好" + "<break time='10s'/>" * 170 + "好</speak>"


@pytest.mark.parametrize("memory", [400, 200])
def test_a_mix_of_the_largest_requests(memory: int) -> None:
    """Long sounds whole and streamed, read and unread, in every format, and many connections."""
    with victim(memory=memory << 20) as one:
        assert one._group is not None
        asked = [
            *[post({"ssml": BREAKS}) for _ in range(8)],
            *[
                post({"ssml": BREAKS, "format": name})
                for name in ("mp3", "ogg", "flac", "pcm")
                for _ in range(2)
            ],
            *[post({"text": f"{n}" + SENTENCE * 300}, "/tts/stream") for n in range(8)],
            *[post({"text": f"{n}" + SENTENCE * 20}) for n in range(30)],
        ]
        with crowd(one, 40, post({"ssml": BREAKS}, "/tts/stream"), 4096), crowd(one, 200, b"G"):
            with concurrent.futures.ThreadPoolExecutor(54) as threads:
                answers = list(threads.map(one.ask, asked))
            assert one.get("/healthz").seconds < 1
        statuses = {answer.status for answer in answers}
        assert statuses <= {200, 413, 429, 503, 504}, statuses
        assert one._group.failures == 0
        time.sleep(1)
        assert one.say("好").status == 200
        assert one.memory < memory * 1.049


def test_a_sound_that_can_never_fit_is_refused_at_once() -> None:
    with victim(memory=300 << 20) as one:
        answer = one.ask(post({"ssml": BREAKS}))
        assert (answer.status, answer.json["code"]) == (413, "too_much_sound")
        assert answer.seconds < 1
        assert one.ask(post({"ssml": BREAKS}, "/tts/stream")).status == 200
