"""Processes that die, signals, and a lack of descriptors: little is lost, and nothing is said but JSON."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import random
import signal
import socket
import threading
import time

from service.client import Client, ClientError
from tests.service.abuse.attack import GET, Victim, crowd, honest, post, read, served, victim


class Load:
    """Clients in a loop over connections that stay open; what came of each request."""

    def __init__(self, one: Victim, clients: int = 32) -> None:
        self._one = one
        self._stopping = False
        self.outcomes: collections.Counter[str] = collections.Counter()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> collections.Counter[str]:
        self._stopping = True
        for thread in self._threads:
            thread.join(30)
        return self.outcomes

    def _run(self, number: int) -> None:
        sock: socket.socket | None = None
        turn = 0
        while not self._stopping:
            turn += 1
            try:
                if sock is None:
                    sock = self._one.connect()
                sock.sendall(post({"text": f"第{number}人第{turn}句，{turn % 7}。"}))
                answer = read(sock, time.monotonic())
            except OSError:
                answer = None
            outcome = "lost" if answer is None or not answer.status else str(answer.status)
            self.outcomes[outcome] += 1
            if outcome == "lost" or (answer is not None and answer.headers.get("connection") == "close"):
                if sock is not None:
                    sock.close()
                sock = None
        if sock is not None:
            sock.close()


def kill_often(one: Victim, kind: str, seconds: float, pause: float) -> int:
    chance, killed = random.Random(3), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(pause)
        pids = getattr(one, kind)
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(pids), chance.choice((signal.SIGKILL, signal.SIGSEGV)))
                killed += 1
    return killed


def test_killed_voices_lose_nothing() -> None:
    with victim() as one:
        load = Load(one)
        assert kill_often(one, "voices", 8, 0.8) > 6
        outcomes = load.stop()
    assert set(outcomes) == {"200"}, outcomes


def test_killed_web_processes_lose_no_more_than_their_own() -> None:
    with victim(TTS_WEB="2") as one:
        load = Load(one)
        killed = kill_often(one, "webs", 9.5, 3)
        time.sleep(1)
        outcomes = load.stop()
        assert len(one.webs) == 2
        assert served(honest(one, 5, 0.05)) == 1
    assert killed >= 3
    assert set(outcomes) <= {"200", "lost"}, outcomes
    assert outcomes["lost"] <= killed * 32 * 0.75


def test_killed_codecs_cost_a_retry() -> None:
    with victim() as one:
        client = Client(one.url)
        killer = threading.Thread(target=kill_often, args=(one, "codecs", 4, 0.4))
        killer.start()
        for number in range(30):
            assert client.speak(f"第{number}句。", format="mp3").audio
        killer.join()


def test_sighup_loses_nothing() -> None:
    with victim() as one:
        before = one.webs
        load = Load(one, 16)
        for _ in range(3):
            time.sleep(1.5)
            one.process.send_signal(signal.SIGHUP)
        time.sleep(3)
        outcomes = load.stop()
        assert not set(before) & set(one.webs)
    assert set(outcomes) == {"200"}, outcomes


def test_sigterm_says_that_it_was_the_last_answer() -> None:
    """Clients that keep their connection are told to close it; nobody finds it closed when they ask."""
    with victim() as one:
        socks = [one.connect(GET) for _ in range(24)]
        assert {read(sock, 0).status for sock in socks} == {200}
        one.process.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        answers = []
        for sock in socks:
            sock.sendall(GET)
            answers.append(read(sock, 0))
            sock.close()
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["connection"] for answer in answers} == {"close"}


def test_a_web_process_that_hangs_is_replaced() -> None:
    with victim(TTS_WEB="1") as one:
        (pid,) = one.webs
        os.kill(pid, signal.SIGSTOP)
        end = time.monotonic() + 60
        while one.webs == [pid] or one.get("/healthz", 1).status != 200:
            assert time.monotonic() < end
            time.sleep(0.2)


def test_a_keeper_that_is_killed_takes_all_along() -> None:
    one = Victim()
    pids = [*one.webs, *one.voices, *one.codecs]
    one.process.kill()
    one.process.wait()
    end = time.monotonic() + 10
    while any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.1)
    one._log.close()


def test_sixty_four_descriptors() -> None:
    """A hundred and twenty at once: answered or told to come back; the processes live."""
    with victim(descriptors=64) as one:
        before = one.webs
        with crowd(one, 120, b"G"):
            time.sleep(0.3)
            assert served(honest(one, 10, 0.05)) >= 0.9
        codes: collections.Counter[int] = collections.Counter()
        threads = [
            threading.Thread(target=lambda n=n: codes.update([one.say(f"第{n}个人的话。").status]))
            for n in range(120)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.webs == before
        assert served(honest(one, 5, 0.05)) == 1
    assert set(codes) <= {200, 429, 503}, codes
    assert codes[200] >= 20


def test_one_client_error_says_to_come_back_when_a_process_dies() -> None:
    with victim(TTS_WEB="1") as one:
        client = Client(one.url, retries=0)
        failure: list[ClientError] = []

        def ask() -> None:
            try:
                client.speak("春眠不觉晓，处处闻啼鸟。" * 200)
            except ClientError as error:
                failure.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.3)
        os.kill(one.webs[0], signal.SIGKILL)
        thread.join()
        assert failure
        assert failure[0].retryable
        assert Client(one.url).speak("再来").audio
