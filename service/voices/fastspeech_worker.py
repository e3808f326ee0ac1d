"""The program of a worker of the neural voice: it loads the models once, then speaks job after job."""

from __future__ import annotations

import json
import pathlib
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from service.audio.pcm import Audio
from service.audio.resampling import resampled
from service.audio.samples import make_louder
from service.audio.stretch import speed_up
from service.text.pinyin import split_syllable
from service.voices.espeak_library import WORDS_A_MINUTE, EspeakLibrary
from service.voices.fastspeech_graph import without_dropout
from service.workers import attend, wire

if TYPE_CHECKING:
    from service.workers.attend import Answer

RATE = 24000
"""Samples a second of what the vocoder makes."""
LONGEST_CHUNK = 40
"""Syllables that are spoken at once: the model knows places up to 2048 frames, some 20 seconds."""
OWN_SPEED = (0.8, 1.3)
"""How much faster or slower the model itself speaks clearly; what lies beyond is stretched."""
PITCH_STEP = 50
"""Parts of an octave's factor to which pitch is rounded, so that there are few filters to compute."""
COMMA, STOP = 0.12, 0.25
"""Seconds of silence at a comma, and at a stop."""
_CHUNKS = re.compile(r"[^，,、；;：:。．.！!？?…\n]+[，,、；;：:。．.！!？?…\n]*")
_LATIN = re.compile(r"[A-Za-z][A-Za-z' -]*")
_STOPS = "。．.！!？?…\n"


class Model:
    """Both models, and what they are fed with."""

    def __init__(self, folder: pathlib.Path) -> None:
        from ai_edge_litert import schema_py_generated
        from ai_edge_litert.interpreter import Interpreter

        acoustic = without_dropout((folder / "fastspeech2_quan.tflite").read_bytes(), schema_py_generated)
        self._acoustic = Interpreter(model_content=acoustic, num_threads=1)
        self._vocoder = Interpreter(model_path=str(folder / "mb_melgan.tflite"), num_threads=1)
        mapper = json.loads((folder / "baker_mapper.json").read_text(encoding="utf-8"))
        self._symbols: dict[str, int] = mapper["symbol_to_id"]

    def speak(self, syllables: Sequence[str], speed: float) -> np.ndarray:
        """The samples of syllables with tones, such as `ni3`; those that the model does not know stay out."""
        symbols = ["sil"]
        for syllable in syllables:
            initial, final = split_syllable(syllable[:-1])
            final = f"{final}{syllable[-1]}"
            if initial in self._symbols and final in self._symbols:
                symbols += [initial, final, "#0"]
        if len(symbols) == 1:
            return np.zeros(0, np.float32)
        symbols[-1] = "sil"
        numbers = [self._symbols[symbol] for symbol in [*symbols, "eos"]]
        values = {
            "input_ids": np.array([numbers], np.int32),
            "speaker_ids": np.zeros(1, np.int32),
            "speed_ratios": np.array([1.0 / speed], np.float32),  # they stretch time
            "f0_ratios": np.ones(1, np.float32),
            "energy_ratios": np.ones(1, np.float32),
        }
        (mel,) = _run(self._acoustic, values, "input_ids", number=1)
        (samples,) = _run(self._vocoder, {"": mel}, "", number=0)
        return np.asarray(samples[0, :, 0], np.float32)


def _run(interpreter: Any, values: dict[str, np.ndarray], longest: str, *, number: int) -> list[np.ndarray]:
    """One output of a model; `longest` is the input whose size changes, and an empty name the only one."""
    inputs = {one["name"] if longest else "": one["index"] for one in interpreter.get_input_details()}
    interpreter.resize_tensor_input(inputs[longest], values[longest].shape)
    interpreter.allocate_tensors()
    for name, index in inputs.items():
        interpreter.set_tensor(index, values[name])
    interpreter.invoke()
    return [interpreter.get_tensor(interpreter.get_output_details()[number]["index"])]


class English:
    """Words in Latin letters, which the model was never taught: espeak speaks them, where it is installed."""

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError:
            self._library = None
            return
        self._library = EspeakLibrary(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())

    def speak(self, words: str, speed: float) -> np.ndarray:
        """The samples of the words at `RATE`; none where nothing speaks them."""
        if self._library is None:
            return np.zeros(0, np.float32)
        self._library.choose(pathlib.Path(__file__).parent / "espeak_voices" / "english")
        self._library.forget()
        self._library.set("rate", round(min(max(160 * speed, WORDS_A_MINUTE[0]), WORDS_A_MINUTE[1])))
        samples = np.frombuffer(self._library.speak(words, 60.0), "<i2").astype(np.float32) / 32768
        return resampled(samples, self._library.sample_rate, RATE)


def serve_fastspeech(arguments: list[str]) -> None:
    """Serve jobs with the model in `arguments[1]` until whoever keeps this process is gone."""
    attend.attend(arguments, lambda: _begin(pathlib.Path(arguments[1])))


def _begin(folder: pathlib.Path) -> tuple[Answer, dict[str, Any]]:
    model, english = Model(folder), English()
    model.speak(["ni3", "hao3"], 1.0)  # no job pays for what is made at the first time
    return lambda sock, job: _answer(model, english, sock, job), {"version": "FastSpeech 2, MB-MelGAN"}


def _answer(model: Model, english: English, sock: socket.socket, job: dict[str, Any]) -> None:
    speed, pitch = job["speed"], max(1, round(job["pitch"] * PITCH_STEP)) / PITCH_STEP
    # To be higher it is made slower first, and then played faster.
    slow = speed / pitch
    own = min(max(slow, OWN_SPEED[0]), OWN_SPEED[1])
    made: list[np.ndarray] = []
    left = job["max_seconds"] * RATE
    for part in _spoken(model, english, job["pieces"], own):
        if wire.is_left(sock):
            return
        left -= len(part) * own / speed
        if left < 0:
            wire.send_message(sock, {"problem": "audio_too_long"})
            return
        made.append(part)
    samples = np.concatenate(made) if made else np.zeros(0, np.float32)
    sound = Audio((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), RATE)
    sound = speed_up(sound, slow / own) if slow != own else sound
    if pitch != 1.0:
        played = np.frombuffer(sound.pcm, "<i2").astype(np.float32) / 32768
        played = resampled(played, round(PITCH_STEP * pitch), PITCH_STEP)
        sound = Audio((np.clip(played, -1, 1) * 32767).astype("<i2").tobytes(), RATE)
    sound = make_louder(sound, job["volume"])
    wire.send_message(sock, {"sample_rate": RATE}, sound.pcm)


def _spoken(
    model: Model, english: English, pieces: Sequence[Sequence[str]], speed: float
) -> Iterator[np.ndarray]:
    """The parts of an utterance, with the silences between them."""
    for kind, text in pieces:
        if kind == "pinyin":
            yield model.speak(text.split(), speed)
            continue
        for chunk in _CHUNKS.findall(text):
            for place in _stretches(chunk):
                if _LATIN.match(place):
                    yield english.speak(place, speed)
                else:
                    syllables = _read(place)
                    for begin in range(0, len(syllables), LONGEST_CHUNK):
                        yield model.speak(syllables[begin : begin + LONGEST_CHUNK], speed)
            pause = STOP if chunk[-1] in _STOPS else COMMA
            yield np.zeros(round(pause * RATE / speed), np.float32)


def _stretches(text: str) -> list[str]:
    """The text cut where Latin letters begin and end."""
    found, place = [], 0
    for latin in _LATIN.finditer(text):
        found += [text[place : latin.start()], latin[0]]
        place = latin.end()
    return [one for one in (*found, text[place:]) if one.strip()]


def _read(text: str) -> list[str]:
    """The syllables of a text with their tones, 1 to 5; what is no Chinese stays out."""
    from pypinyin import Style, lazy_pinyin

    syllables: list[str] = lazy_pinyin(
        text, style=Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True, errors="ignore",
        v_to_u=False,
    )  # fmt: skip
    return syllables


if __name__ == "__main__":
    serve_fastspeech(sys.argv[1:])
