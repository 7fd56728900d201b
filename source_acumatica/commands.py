"""Runs one command of the Airbyte protocol to its end."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from airbyte_cdk.logger import PRINT_BUFFER

from source_acumatica.airbyte.records import Entrypoint
from source_acumatica.memory import return_large_buffers
from source_acumatica.source import SourceAcumatica

# Docker kills 10 s after SIGTERM. The sign-outs get the larger part of that; output that is still buffered then has
# this long to pass through a pipe that may be full.
_SIGN_OUT_SECONDS = 7.0
_LAST_WORDS_SECONDS = 2.0
_LONG_CHARACTERS = 16 * 1024


def run_command() -> None:
    """Run the command of the command line; however it ends, no seat is left taken.

    A worker may be in a request for minutes, or be blocked by a full queue. It is not waited for: once the seats are
    given back, the process ends.
    """
    _collect_garbage_less_often()
    return_large_buffers()
    source = SourceAcumatica()
    ending = _Ending(source)
    _run(source, ending, lambda: _print(source, sys.argv[1:], ending))


def until_the_end(source: SourceAcumatica, work: Callable[[], None]) -> NoReturn:
    """Do ``work`` with ``source`` and end the process; however it ends, no seat is left taken."""
    _run(source, _Ending(source), work)


def _run(source: SourceAcumatica, ending: _Ending, work: Callable[[], None]) -> NoReturn:
    code: int | str | None = 0
    try:
        work()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 (the CDK's hook turns any error into a message)
        code = 1
        if not ending.number:
            # It prints, which fails where nobody reads any more: that must not keep the process from its end.
            with suppress(Exception):
                sys.excepthook(*sys.exc_info())
    finally:
        source.close()
    _leave(ending.code or code)


class _Ending:
    """Ends the run after a signal, in a thread of its own.

    The signal handler itself does nothing: it interrupts the main thread, which may be opening or closing a session or
    hold a lock that closing needs. Instead, Python writes the signal's number to a pipe, and the thread that waits for
    it gives the seats back. The main thread goes on meanwhile, until its next message.
    """

    def __init__(self, source: SourceAcumatica) -> None:
        self.number = 0
        self._source = source
        self._pipe, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._wait, name=_ENDING_THREAD, daemon=True).start()
        for number in _ENDING:
            # A command started by nohup is meant to outlive the terminal.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _go_on)

    @property
    def code(self) -> int:
        """The exit code after a signal; 0 without one."""
        return self.number and 128 + self.number

    def _wait(self) -> None:
        """The first signal ends the run; a second one must not break off the signing out."""
        self.number = os.read(self._pipe, 1)[0]
        self._end_in(_SIGN_OUT_SECONDS + _LAST_WORDS_SECONDS)
        self._source.close(_SIGN_OUT_SECONDS)
        self._end_in(_LAST_WORDS_SECONDS)
        self._source.sum_up()
        # The main thread may hold the lock, blocked by a pipe that is not read.
        with suppress(OSError), PRINT_BUFFER.lock:
            PRINT_BUFFER.flush()
            os._exit(self.code)
        os._exit(self.code)

    def _end_in(self, seconds: float) -> None:
        overdue = threading.Timer(seconds, os._exit, [self.code])
        overdue.daemon = True
        overdue.start()


_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_ENDING_THREAD = "ending"


def _go_on(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; without a handler, the signal would end the process at once."""


def _print(source: SourceAcumatica, arguments: Sequence[str], ending: _Ending) -> None:
    """Print as the CDK's ``launch`` does, through the buffer of its logger, but write long texts directly.

    Copying them into the buffer and out again would cost as much CPU time as fetching the rows.
    """
    entrypoint = Entrypoint(source)
    with PRINT_BUFFER:
        for text in entrypoint.run(entrypoint.parse_args([*arguments])):
            if ending.number:
                # Later messages only say that the run was ended.
                sys.exit(ending.code)
            if len(text) < _LONG_CHARACTERS or sys.stdout is not PRINT_BUFFER:
                sys.stdout.write(f"{text}\n")
                continue
            with PRINT_BUFFER.lock:
                PRINT_BUFFER.flush()
                sys.__stdout__.write(f"{text}\n")  # type: ignore[union-attr]


def _collect_garbage_less_often() -> None:
    """A page is hundreds of thousands of dicts without cycles; looking for cycles took a fifth of all CPU time."""
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def _leave(code: int | str | None) -> NoReturn:
    if {thread.name for thread in threading.enumerate()} <= {threading.main_thread().name, _ENDING_THREAD}:
        sys.exit(code)
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
