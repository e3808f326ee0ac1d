"""A live conversation: it hears while somebody speaks, answers when it was quiet, and can be interrupted.

One thread follows what comes, one hears, and one answers, so that who speaks is noticed whatever goes on.
What was said so far is heard at every pause. Where nothing more comes, that was the question, and its words
are there when the quiet has lasted long enough to be the end.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from service.audio.endpoint import RATE, Endpointer, Mark
from service.audio.pcm import Audio
from service.dialogue.loop import Dialogue
from service.dialogue.port import Caller, Message
from service.errors import GoneError, ServiceError
from service.hearing.listener import Listener, Understood
from service.hearing.port import Wish
from service.settings.environment import Settings
from service.workers.leaving import Visit, current_visit, working_for

if TYPE_CHECKING:
    Hearing = concurrent.futures.Future[Understood]

LOGGER = logging.getLogger("service")
TURN = 0.5
"""Seconds after which the clock is looked at where nothing comes."""
SILENT = 300.0
"""Seconds in which nothing was said, after which the conversation ends."""
STEP = 1.5
"""Seconds of speech after which what was said so far is heard, without a pause."""
MOST_MESSAGES = 40
"""Messages of the conversation that whoever answers is told of."""
MOST_CHARACTERS = 20_000
"""Characters of all of them."""
NORMAL, GOING_AWAY, INTERNAL_ERROR = 1000, 1001, 1011
"""Why a conversation ends. Source: RFC 6455, section 7.4.1."""


@dataclasses.dataclass(frozen=True)
class Choices:
    """What a caller asks for at the beginning."""

    voice: str = ""
    language: str = ""
    """The language spoken, as ISO 639-1; empty where it is to be found out."""
    prompt: str = ""


class Session:
    """The conversation with one caller."""

    def __init__(
        self, caller: Caller, choices: Choices, listener: Listener, dialogue: Dialogue, settings: Settings
    ) -> None:
        self._caller = caller
        self._choices = choices
        self._listener = listener
        self._dialogue = dialogue
        self._settings = settings
        self._visit = current_visit()
        self._ends = Endpointer()
        self._hears = concurrent.futures.ThreadPoolExecutor(1, "hears")
        self._answers = concurrent.futures.ThreadPoolExecutor(1, "answers")
        self._hearing: Hearing | None = None
        self._heard_up_to = 0.0
        """Seconds of speech that the last hearing was given."""
        self._question = 0
        """Which question is heard: what is understood of an earlier one is not told as part of it."""
        self._turn: Visit | None = None
        """The last turn, which leaving interrupts."""
        self._answering: concurrent.futures.Future[None] | None = None
        """The work for it."""
        self._conversation: list[Message] = []
        self._active = time.monotonic()
        self.seconds = 0.0
        """Seconds of sound that came."""

    def run(self) -> None:
        """Converse until the caller leaves, falls silent, or is told that it ends."""
        try:
            self._run()
        except GoneError:
            return
        finally:
            self._interrupt()
            for threads in (self._hears, self._answers):
                threads.shutdown(wait=True)

    def _run(self) -> None:
        while True:
            message = self._caller.receive(TURN)
            if isinstance(message, bytes):
                self._take_sound(message)
            elif message is not None:
                self._take_word(message)
            if self._ends.speaking or (self._answering is not None and not self._answering.done()):
                self._active = time.monotonic()
            elif self._caller.draining:
                self._caller.close(GOING_AWAY, "the service is about to end; connect again")
                return
            if time.monotonic() > self._active + SILENT:
                self._caller.close(NORMAL, f"nothing was said for {SILENT:.0f} seconds")
                return
            if self.seconds > self._settings.max_audio:
                self._caller.close(
                    NORMAL, f"{self._settings.max_audio:.0f} seconds were heard; connect again"
                )
                return

    # What comes

    def _take_sound(self, samples: bytes) -> None:
        self.seconds += len(samples) / 2 / RATE
        for mark in self._ends.add(samples):
            if mark is Mark.BEGAN:
                self._interrupt()
                self._question += 1
                self._hearing, self._heard_up_to = None, 0.0
                self._caller.send({"type": "speech.started"})
            elif mark is Mark.PAUSED:
                self._hear_so_far()
            else:
                self._question_ended()
        if self._ends.speaking and self._ends.spoken > self._heard_up_to + STEP:
            self._hear_so_far()

    def _take_word(self, text: str) -> None:
        try:
            said = json.loads(text)
            kind = said["type"]
            words = said.get("text", "")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._complain("invalid_message", "a message is samples, or a JSON object with a type")
            return
        if kind == "interrupt":
            self._interrupt()
        elif kind == "commit":
            if self._ends.speaking:
                self._question_ended()
                self._ends.finish()
        elif kind == "text" and isinstance(words, str) and 0 < len(words) <= self._settings.max_text:
            self._interrupt()
            self._answer(lambda: Understood((), "", 0.0), words)
        else:
            self._complain("invalid_message", "known are interrupt, commit, and text with its text")

    def _complain(self, code: str, message: str) -> None:
        self._caller.send({"type": "error", "code": code, "message": message})

    # What is heard

    def _hear_so_far(self) -> None:
        """Have all that was said heard, unless that is being done."""
        if self._hearing is None or self._hearing.done():
            self._start_hearing(told=True)

    def _start_hearing(self, *, told: bool) -> Hearing:
        self._heard_up_to = self._ends.spoken
        sound = Audio(self._ends.said, RATE)
        wish = Wish(self._choices.language, self._choices.prompt, soon=True)
        self._hearing = self._hears.submit(self._hear, sound, wish, self._question if told else -1)
        return self._hearing

    def _hear(self, sound: Audio, wish: Wish, question: int) -> Understood:
        with working_for(self._visit):
            found = self._listener.hear_samples(sound, wish, time.monotonic() + self._settings.deadline)
        if question == self._question and found.text:
            self._caller.send({"type": "heard.partial", "text": found.text})
        return found

    def _question_ended(self) -> None:
        """Answer what was said; it may have been heard already."""
        hearing = self._hearing
        if hearing is None or self._heard_up_to < self._ends.spoken:
            hearing = self._start_hearing(told=False)
        self._hearing = None
        self._answer(hearing.result)

    # What is answered

    def _interrupt(self) -> None:
        """Stop the answer, wherever it is."""
        if self._turn is not None:
            self._turn.leave()

    def _answer(self, hear: Callable[[], Understood], typed: str = "") -> None:
        self._interrupt()
        if self._answering is not None:  # one at a time, so that no number of questions fills the memory
            concurrent.futures.wait([self._answering])
        self._turn = Visit()
        self._answering = self._answers.submit(self._converse, self._turn, hear, typed)

    def _converse(self, turn: Visit, hear: Callable[[], Understood], typed: str) -> None:
        """Say what was heard, and then the answer to it; the work of the thread that answers."""
        try:
            with self._visit.telling(turn.leave), working_for(turn):
                self._one_turn(turn, hear, typed)
        except GoneError:
            if not self._visit.gone:
                self._quietly({"type": "answer.interrupted"})
        except ServiceError as error:
            self._quietly({"type": "error", "code": error.code, "message": error.message})
        except Exception as error:  # nobody asks for what this thread raises
            LOGGER.error("internal error", exc_info=error)
            self._quietly({"type": "error", "code": ServiceError.code, "message": "something went wrong"})

    def _one_turn(self, turn: Visit, hear: Callable[[], Understood], typed: str) -> None:
        found = hear()
        text = typed or found.text
        if text:  # also where more was said meanwhile: it belongs to what comes next
            self._remember(Message("user", text))
        turn.check()
        self._caller.send({"type": "heard", "text": text, "language": found.language})
        if not text:
            return
        written = ""
        try:
            for event in self._dialogue.events(tuple(self._conversation), self._choices.voice):
                turn.check()
                written += event.get("delta", "")
                self._caller.send(event)
        finally:
            if written:
                self._remember(Message("assistant", written))

    def _quietly(self, event: dict[str, Any]) -> None:
        """Tell of something, where anybody is left to be told."""
        try:
            self._caller.send(event)
        except GoneError:
            return

    def _remember(self, message: Message) -> None:
        self._conversation = [*self._conversation, message][-MOST_MESSAGES:]
        while (
            len(self._conversation) > 1
            and sum(len(one.content) for one in self._conversation) > MOST_CHARACTERS
        ):
            del self._conversation[0]
