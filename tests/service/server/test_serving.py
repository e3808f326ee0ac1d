"""The service as users start and call it: `python -m service` and `python -m service.client`."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request
import wave

import pytest

from service.client import Client, ClientError
from service.client import __main__ as command
from tests.service.conftest import ROOT, Served, free_port, until


def test_the_command_line_client_writes_speech(
    served: Served, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "hello.wav"
    code = command.run_client(["--url", served.url, "--text", "你好，世界！", "--output", str(output)])
    assert code == 0
    with wave.open(str(output)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
        assert file.getnframes() > 22050
    assert "hello.wav" in capsys.readouterr().out


def test_a_refusal_is_one_line(
    served: Served, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "x.wav"
    arguments = ["--url", served.url, "--text", "好", "--emotion", "bored", "--output", str(output)]
    assert command.run_client(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: 422 unknown_emotion: emotion:")
    assert not output.exists()


def test_nobody_there_is_said(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    arguments = ["--url", url, "--text", "好", "--wait", "0", "--output", str(tmp_path / "x.wav")]
    assert command.run_client(arguments) == 1
    assert "cannot be reached" in capsys.readouterr().err


def test_the_client_streams(served: Served) -> None:
    """The same samples as the whole; only the header does not know the length yet."""
    client = Client(served.url)
    pieces = list(client.stream("第一句话。第二句话！第三句话？"))
    assert b"".join(pieces)[44:] == client.speak("第一句话。第二句话！第三句话？").audio[44:]


def test_the_client_tries_again_when_it_is_told_to(served: Served) -> None:
    pauses: list[float] = []
    client = Client(f"http://127.0.0.1:{free_port()}", retries=3, sleep=pauses.append)
    with pytest.raises(ClientError) as caught:
        client.speak("你好")
    assert caught.value.status == 0
    assert len(pauses) == 3
    assert pauses == sorted(pauses)


def test_the_client_does_not_repeat_a_mistake(served: Served) -> None:
    pauses: list[float] = []
    with pytest.raises(ClientError) as caught:
        Client(served.url, sleep=pauses.append).speak("好", speed=9)
    assert (caught.value.status, caught.value.code, pauses) == (422, "invalid_field", [])


def test_many_at_once_are_all_answered(served: Served) -> None:
    client = Client(served.url)
    texts = [f"第{number}个请求。" for number in range(40)]
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        spoken = list(threads.map(client.speak, texts))
    assert all(speech.duration > 0.5 for speech in spoken)


def test_one_too_many_is_told_to_come_back() -> None:
    """429 with Retry-After; the ones that were admitted are answered."""
    server = Served(TTS_ADMITTED="1")
    try:
        client = Client(server.url, retries=0)
        client.wait_until_ready()
        text = "春眠不觉晓，处处闻啼鸟。" * 100
        answered: list[float] = []
        refused: list[tuple[int, str, float | None]] = []
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            for future in [threads.submit(client.speak, f"{number}{text}") for number in range(4)]:
                try:
                    answered.append(future.result().duration)
                except ClientError as error:
                    refused.append((error.status, error.code, error.retry_after))
    finally:
        server.stop()
    assert (429, "busy", 1.0) in refused
    assert answered


def test_sigterm_loses_no_request_that_runs() -> None:
    """The request is in work when the signal comes; its answer is whole, and the server ends with 0."""
    server = Served()
    client = Client(server.url, retries=0)
    client.wait_until_ready()
    text = "春眠不觉晓，处处闻啼鸟。" * 120
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.speak, text)
        until(lambda: _metric(server, "tts_queue_depth") == 1)
        server.process.send_signal(signal.SIGTERM)
        assert running.result().duration > 60
    assert server.process.wait(30) == 0
    server.stop()


def test_logs_are_json_without_the_text(tmp_path: pathlib.Path) -> None:
    server = Served()
    Client(server.url).wait_until_ready()
    Client(server.url).speak("机密")
    lines = server.stop().splitlines()
    (line,) = [json.loads(line) for line in lines if '"/tts"' in line]
    assert (line["status"], line["characters"], line["emotion"]) == (200, 2, "neutral")
    assert line["request_id"]
    assert "机密" not in "\n".join(lines)


def test_settings_that_mean_nothing_end_it_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service"],
        env={**os.environ, "TTS_PORT": "many", "TTS_ENGINE": "gramophone", "TTS_OFFLINE": "perhaps"},
        cwd=ROOT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "TTS_PORT: 'many'" in done.stderr
    assert "TTS_OFFLINE" in done.stderr
    assert "Traceback" not in done.stderr


def test_connections_are_kept(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        response.read()
        assert response.status == 200
    sock = connection.sock
    assert sock is not None
    connection.close()


def test_more_connections_than_threads_are_all_served() -> None:
    """Threads that stay with busy connections must not keep them from others: there are twelve threads."""
    server = Served(TTS_ADMITTED="4")
    try:
        Client(server.url).wait_until_ready()
        waits: list[float] = []

        def loop(_: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            for _ in range(40):
                began = time.monotonic()
                connection.request("GET", "/healthz")
                assert connection.getresponse().read()
                waits.append(time.monotonic() - began)
            connection.close()

        with concurrent.futures.ThreadPoolExecutor(30) as threads:
            list(threads.map(loop, range(30)))
    finally:
        server.stop()
    assert len(waits) == 1200
    assert max(waits) < 5


def test_a_stream_that_breaks_off_is_seen_and_logged() -> None:
    """The client gets no end of the reply; the log has one line, and no traceback."""
    server = Served(TTS_MAX_AUDIO="8")
    client = Client(server.url, retries=0)
    client.wait_until_ready()
    with pytest.raises(ClientError, match="broke off"):
        list(client.stream("春眠不觉晓，处处闻啼鸟。" * 20))
    log = server.stop()
    (line,) = [json.loads(line) for line in log.splitlines() if "broke off" in line]
    assert (line["error"], line["level"]) == ("audio_too_long", "warning")
    assert line["request_id"]
    assert "Traceback" not in log


def test_the_web_process_leaves_no_worker_behind() -> None:
    """Killed without warning, it takes its workers with it."""
    server = Served()
    Client(server.url).wait_until_ready()
    workers = _processes("espeak_worker")
    server.process.kill()
    server.stop()
    until(
        lambda: (
            not (workers & _processes("espeak_worker"))
            or len(_processes("espeak_worker") & workers) < len(workers)
        )
    )


def _processes(name: str) -> set[int]:
    """Ids of processes whose command line holds a name."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if name.encode() in (entry / "cmdline").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


def _metric(server: Served, name: str) -> float:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=5) as response:
        for line in response.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    time.sleep(0)
    return 0.0
