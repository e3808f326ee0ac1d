"""The loop: an answer is spoken sentence by sentence while it is still being written."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from service.dialogue.port import Message, Responder
from service.errors import GoneError, InvalidFieldError, NotFoundError, ServiceError
from service.settings.environment import Settings
from service.speech.request import SpeechRequest
from service.speech.speaker import Speaker
from service.text.clean import clean_text, speakable
from service.workers.leaving import current_visit

if TYPE_CHECKING:
    Event = dict[str, Any]

_SENTENCE = re.compile(r".*?(?:[。！？!?；;…\n]+[”’」』）)\"']*|\.(?=\s))", re.DOTALL)
_CLAUSE = re.compile(r".{3,}?(?:[，、；：]|[,;:](?=\s))", re.DOTALL)
"""What may be spoken before the sentence has ended in which it stands: some characters up to a mark."""
LONGEST_WAIT = 120
"""Characters after which what is written is spoken though no sentence has ended."""
_CHINESE = re.compile("[\u4e00-\u9fff]")


class Dialogue:
    """Asks whoever answers, and speaks; all threads share it."""

    def __init__(self, responder: Responder | None, speaker: Speaker, settings: Settings) -> None:
        self._responder = responder
        self._speaker = speaker
        self._settings = settings

    @property
    def answers(self) -> bool:
        """Whether anybody does."""
        return self._responder is not None

    def check(self) -> Responder:
        """Whoever answers. Raises `NotFoundError` where nobody does."""
        if self._responder is None:
            raise NotFoundError(
                "nobody answers here: whoever runs this service has not set TTS_RESPONDER",
                code="no_responder",
            )
        return self._responder

    def events(self, conversation: Sequence[Message], voice: str) -> Iterator[Event]:
        """What happens, as it happens: pieces of the answer's text, pieces of its sound, and its end.

        A failure on the way is an event too. When the caller leaves, the writing and the speaking stop.
        """
        deadline = time.monotonic() + self._settings.deadline
        written: list[str] = []
        waiting, spoke = "", False
        try:
            for piece in self.check().answer(conversation, deadline):
                current_visit().check()
                if not piece:
                    continue
                written.append(piece)
                yield {"type": "answer.delta", "delta": piece}
                waiting += piece
                ready, waiting = cut_sentences(waiting, begins=not spoke)
                for sentence in ready:
                    spoke = True
                    yield from self._spoken(sentence, voice)
            yield from self._spoken(waiting, voice)
        except GoneError:
            raise
        except ServiceError as error:
            yield {"type": "error", "code": error.code, "message": error.message}
            return
        yield {"type": "answer.done", "text": "".join(written).strip()}

    def _spoken(self, sentence: str, voice: str) -> Iterator[Event]:
        if not speakable(clean_text(sentence)):
            return
        request = SpeechRequest(text=sentence, voice=voice or self._voice_for(sentence), format="wav")
        try:
            spoken = self._speaker.speak(request)
        except InvalidFieldError as error:
            if error.code == "nothing_to_speak":
                return
            raise
        try:
            speech = spoken.speech
            pcm = speech.data[44:]  # behind the header
            yield {
                "type": "speech.audio.delta",
                "audio": base64.b64encode(pcm).decode(),
                "sample_rate": speech.sample_rate,
            }
        finally:
            spoken.done()

    def _voice_for(self, sentence: str) -> str:
        """A voice of the sentence's language; empty where the default one will do."""
        if _CHINESE.search(sentence):
            return ""
        voices = self._speaker.engine.voices()
        return next((one.name for one in voices if one.language.startswith("en")), "")


def cut_sentences(text: str, *, begins: bool = False) -> tuple[list[str], str]:
    """The sentences that have ended, and what waits for its end.

    Where an answer `begins`, its first clause is as a sentence: voices pause there too, and it comes sooner.
    """
    clause = _CLAUSE.match(text) if begins else None
    first = clause[0] if clause is not None else ""
    if _SENTENCE.match(first):
        first = ""
    ready = [sentence for sentence in _SENTENCE.findall(text, len(first)) if sentence]
    rest = text[len(first) + sum(map(len, ready)) :]
    ready = [first, *ready] if first else ready
    while len(rest) > LONGEST_WAIT:
        blank = rest.rfind(" ", LONGEST_WAIT // 2, LONGEST_WAIT) + 1 or LONGEST_WAIT
        ready.append(rest[:blank])
        rest = rest[blank:]
    return ready, rest
