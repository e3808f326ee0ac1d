"""Talk with the service: through the microphone, or with a recording in place of it.

    pip install websockets sounddevice
    python talk.py ws://localhost:5000/v1/dialogue
    python talk.py ws://localhost:5000/v1/dialogue question.wav answer.wav

A recording has one channel of 16 bits and 16,000 samples a second. Use headphones with a microphone, or the
service hears its own answer and stops it.
"""

import asyncio
import base64
import contextlib
import json
import sys
import wave
from collections.abc import AsyncIterator, Callable

import websockets

RATE = 16000
STEP = 0.1
"""Seconds of sound in a message."""


async def microphone() -> AsyncIterator[bytes]:
    """What somebody says, for ever."""
    import sounddevice

    loop, pieces = asyncio.get_running_loop(), asyncio.Queue()

    def heard(data: object, *_: object) -> None:
        loop.call_soon_threadsafe(pieces.put_nowait, bytes(data))

    size = round(RATE * STEP)
    with sounddevice.RawInputStream(RATE, size, channels=1, dtype="int16", callback=heard):
        while True:
            yield await pieces.get()


async def recording(path: str) -> AsyncIterator[bytes]:
    """What a file says, as fast as it was said, and silence behind it."""
    with wave.open(path) as file:
        while data := file.readframes(round(RATE * STEP)):
            yield data
            await asyncio.sleep(STEP)
    while True:
        yield bytes(2 * round(RATE * STEP))
        await asyncio.sleep(STEP)


class Loudspeaker:
    """Plays what comes, and can be silenced."""

    def __init__(self) -> None:
        self._stream = None

    def play(self, samples: bytes, rate: int) -> None:
        import sounddevice

        if self._stream is None:
            self._stream = sounddevice.RawOutputStream(rate, channels=1, dtype="int16")
            self._stream.start()
        self._stream.write(samples)

    def silence(self) -> None:
        if self._stream is not None:
            self._stream.abort()
            self._stream.close()
            self._stream = None


async def send(socket: websockets.ClientConnection, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        await socket.send(piece)


async def talk(
    address: str, pieces: AsyncIterator[bytes], play: Callable, silence: Callable, *, once: bool
) -> None:
    """Send what is said, and print and play what is answered; `once` ends with the first answer."""
    async with websockets.connect(address) as socket:
        sending = asyncio.create_task(send(socket, pieces))
        try:
            async for message in socket:
                event = json.loads(message)
                if event["type"] == "speech.audio.delta":
                    await asyncio.to_thread(play, base64.b64decode(event["audio"]), event["sample_rate"])
                elif event["type"] == "speech.started":
                    silence()
                elif event["type"] in ("heard", "heard.partial", "answer.done", "error"):
                    print(f"{event['type']}: {event.get('text', event.get('message'))}", flush=True)
                if once and event["type"] in ("answer.done", "error"):
                    return
        finally:
            sending.cancel()
            silence()


def main() -> None:
    address, *files = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        if not files:
            speaker = Loudspeaker()
            asyncio.run(talk(address, microphone(), speaker.play, speaker.silence, once=False))
            return
        with wave.open(files[1], "wb") as answer:
            answer.setnchannels(1)
            answer.setsampwidth(2)

            def keep(samples: bytes, rate: int) -> None:
                if not answer.getnframes():  # all of an answer has one rate
                    answer.setframerate(rate)
                answer.writeframesraw(samples)

            asyncio.run(talk(address, recording(files[0]), keep, lambda: None, once=True))


if __name__ == "__main__":
    main()
