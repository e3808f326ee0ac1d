"""The process that keeps all others: it answers nobody, and runs nothing that a caller can reach."""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
import select
import signal
import socket
import time
from collections.abc import Iterator

from service.app import Shared, create_app, own_ledger
from service.audio.codec import Codecs, codec_pool
from service.audio.decoder import Decoders, decoder_pool
from service.hearing.choose import ears_for
from service.http.logs import LOGGER, own_the_log
from service.server.heap import keep_heaps_small
from service.server.web import Web
from service.settings.container import raise_descriptors, read_grant
from service.settings.environment import Settings
from service.settings.sizing import send_buffer
from service.voices.choose import engine_for
from service.workers.crew import TURN
from service.workers.folders import OwnFolder

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
BACKLOG = 2048
MEMORY = pathlib.Path("/dev/shm")  # noqa: S108 - a folder of one's own is made there
"""Where files lie in memory, if it is there and can be written to."""
SILENT = 15.0
"""Seconds after which a web process that gives no sign of life is ended."""
REST = 0.5
"""Seconds between two starts of a web process that ends at once."""
MOST_FAILURES = 5
"""Starts in a row of web processes that never lived, after which the service gives up."""
DOOR = 0.2
"""Seconds after SIGTERM in which clients that have just connected are still let in."""
SPARE = 2.0
"""Seconds beyond their time to drain after which web processes are ended."""
LIVED = 5.0
"""Seconds after which a process is known to have lived."""


class WebProcess:
    """One web process, as its keeper knows it."""

    def __init__(self, pid: int, slot: int) -> None:
        self.pid = pid
        self.slot = slot
        self.born = time.monotonic()
        self.ending = False
        """Whether it was told to end."""


class Supervisor:
    """The keeper of web processes, voices and codecs; they share a listener, a ledger and a folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._listener = _listen(settings)
        self._folder = OwnFolder("shared", _memory())
        self._engine = engine_for(settings)
        self._ears = ears_for(settings)
        self._codecs = Codecs(codec_pool(settings.codecs, queue_wait=settings.queue_wait))
        self._decoders = Decoders(decoder_pool(settings.codecs, queue_wait=settings.queue_wait))
        self._crews = [*self._engine.crews(self._folder.path), self._codecs.pool.crew(self._folder.path)]
        if self._ears is not None:
            self._crews += [*self._ears.crews(self._folder.path), self._decoders.pool.crew(self._folder.path)]
        # Twice the slots: while a process is replaced, the old one still answers.
        self._ledger = own_ledger(settings, 2 * settings.web)
        self._processes: dict[int, WebProcess] = {}
        self._lifeline = os.pipe()
        self._signals: list[int] = []
        self._failures = 0
        self._rest_until = 0.0
        self._ending = False
        self._close_the_door_at = self._give_up_at = float("inf")
        self._woken = os.pipe()

    def run(self) -> int:
        """Keep everything until SIGTERM or SIGINT; the exit code."""
        own_the_log()
        keep_heaps_small()
        self._listen_to_signals()
        gc.freeze()  # what the processes share is not written to by their collectors
        try:
            while True:
                watched = [sock for crew in self._crews for sock in crew.tend()]
                self._bury_the_dead()
                self._obey()
                if self._ending and not self._processes:
                    return 0
                if self._failures >= MOST_FAILURES:
                    LOGGER.error("the web processes do not live; giving up")
                    return 1
                if not self._ending:
                    self._start_what_is_missing()
                with contextlib.suppress(InterruptedError):
                    woken: list[int | socket.socket] = [self._woken[0], *watched]
                    select.select(woken, [], [], TURN)
                with contextlib.suppress(BlockingIOError):
                    os.read(self._woken[0], 4096)
        finally:
            self._end_all()

    def _listen_to_signals(self) -> None:
        for end in self._woken:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._woken[1], warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda number, _: self._signals.append(number))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # it wakes the wait

    def _obey(self) -> None:
        signals, self._signals = self._signals, []
        for number in signals:
            if number == signal.SIGHUP:
                self._replace_all()
            elif not self._ending:
                self._ending = True
                self._close_the_door_at = time.monotonic() + DOOR
                self._give_up_at = time.monotonic() + self._settings.drain + SPARE
                self._tell(signal.SIGTERM)
            else:
                self._tell(signal.SIGKILL)  # told twice: somebody is in a hurry
        if self._ending and time.monotonic() > self._close_the_door_at:
            self._close_the_door()
        if self._ending and time.monotonic() > self._give_up_at:
            self._tell(signal.SIGKILL)

    def _close_the_door(self) -> None:
        """Take no more connections, for all processes, at a moment when none waits to be accepted."""
        end = time.monotonic() + DOOR
        while select.select([self._listener], [], [], 0)[0] and time.monotonic() < end:
            time.sleep(0.001)  # the web processes are about to
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._close_the_door_at = float("inf")

    def _tell(self, number: int) -> None:
        for process in self._processes.values():
            process.ending = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def _replace_all(self) -> None:
        """Start every web process anew; the old ones answer until the new ones do."""
        if self._ending or len(self._processes) > self._settings.web:
            return
        old = [process for process in self._processes.values() if not process.ending]
        for _ in old:
            self._start()
        for process in old:
            process.ending = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)

    def _start_what_is_missing(self) -> None:
        living = [process for process in self._processes.values() if not process.ending]
        if time.monotonic() >= self._rest_until:
            for _ in range(self._settings.web - len(living)):
                self._start()

    def _start(self) -> None:
        slot = next(self._free_slots(), None)
        if slot is None:
            return
        # No signal may come between the fork and the moment when the child knows what it means.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid:
            self._processes[pid] = WebProcess(pid, slot)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            return
        code = 1
        try:
            self._serve(slot)
            code = 0
        except BaseException as error:  # noqa: BLE001 - nothing of this process may go on below
            LOGGER.error("a web process could not go on", exc_info=error)
        finally:
            os._exit(code)

    def _serve(self, slot: int) -> None:
        """What a web process does, from its fork to its end."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # they are for whoever keeps this process
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.close(self._lifeline[1])
        for crew in self._crews:
            crew.release()
        self._ledger.use(slot)
        shared = Shared(self._codecs, self._decoders, self._ledger, self._folder.path, slot)
        app = create_app(self._settings, self._engine, shared, self._ears)
        Web(app, self._listener, self._ledger).serve(self._lifeline[0])

    def _free_slots(self) -> Iterator[int]:
        taken = {process.slot for process in self._processes.values()}
        return (slot for slot in range(2 * self._settings.web) if slot not in taken)

    def _bury_the_dead(self) -> None:
        now = time.monotonic()
        for process in list(self._processes.values()):
            if now - max(process.born, self._ledger.last_beat(process.slot)) > SILENT:
                LOGGER.error("a web process gives no sign of life and is ended")
                os.kill(process.pid, signal.SIGKILL)
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            if not pid:
                continue
            del self._processes[pid]
            self._ledger.clear(process.slot)
            if process.ending:
                continue
            lived = now - process.born > LIVED
            self._failures = 0 if lived or os.WIFSIGNALED(status) else self._failures + 1
            self._rest_until = 0.0 if lived or os.WIFSIGNALED(status) else now + REST
            facts = {"signal": os.WTERMSIG(status)} if os.WIFSIGNALED(status) else {"code": status >> 8}
            LOGGER.error("a web process ended; another one takes its place", extra={"facts": facts})

    def _end_all(self) -> None:
        self._tell(signal.SIGKILL)
        for process in self._processes.values():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, 0)
        for crew in self._crews:
            crew.stop()
        self._listener.close()
        self._ledger.close()
        self._folder.remove()


def _listen(settings: Settings) -> socket.socket:
    """The socket that all web processes accept from. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit both.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer(read_grant()))
    listener.bind((settings.host, settings.port))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _memory() -> str | None:
    return str(MEMORY) if os.access(MEMORY, os.W_OK) else None


def supervise(settings: Settings) -> int:
    """Serve with settings that are sized; the exit code. Raises `OSError` where nobody can listen."""
    raise_descriptors()
    return Supervisor(settings).run()
