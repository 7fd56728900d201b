"""The way in: ``source-acumatica`` and the container start here."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import NoReturn

from airbyte_cdk.logger import PRINT_BUFFER

from source_acumatica.lines import Entrypoint
from source_acumatica.source import SourceAcumatica

# Docker kills 10 s after SIGTERM; what is printed already gets this long to leave through a pipe that may be full.
_LAST_WORDS_SECONDS = 2.0
_LONG_CHARACTERS = 16 * 1024


def run() -> None:
    """Run one command of the Airbyte protocol; however it ends, no seat is left taken.

    A worker may sit in a request for minutes or before a full queue. It is not waited for: once the seats are given
    back, the process ends.
    """
    _collect_garbage_less_often()
    source = SourceAcumatica()
    for number in _ENDING:
        signal.signal(number, partial(_end, source))
    code: int | str | None = 0
    try:
        _print(source, sys.argv[1:])
    except SystemExit as ending:
        code = ending.code
    except BaseException:  # noqa: BLE001 (the CDK's hook makes the message of whatever it is)
        code = 1
        sys.excepthook(*sys.exc_info())
    finally:
        _ignore_signals()
        source.close()
    _leave(code)


def _print(source: SourceAcumatica, arguments: Sequence[str]) -> None:
    """As the CDK's ``launch``, through the buffer that its logger prints to; what is long goes out by itself.

    A copy in the buffer, and another one when that is emptied, would cost as much as fetching the rows.
    """
    entrypoint = Entrypoint(source)
    with PRINT_BUFFER:
        for text in entrypoint.run(entrypoint.parse_args([*arguments])):
            if len(text) < _LONG_CHARACTERS or sys.stdout is not PRINT_BUFFER:
                sys.stdout.write(f"{text}\n")
                continue
            with PRINT_BUFFER.lock:
                PRINT_BUFFER.flush()
                sys.__stdout__.write(f"{text}\n")  # type: ignore[union-attr]


def _collect_garbage_less_often() -> None:
    """A page in dicts is hundreds of thousands without a circle: looking for circles took a fifth of all CPU time."""
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


_ENDING = (signal.SIGTERM, signal.SIGINT)


def _end(source: SourceAcumatica, number: int, _frame: FrameType | None) -> NoReturn:
    """Give the seats back, then unwind the main thread: it may be blocked before a pipe that nobody empties."""
    _ignore_signals()
    source.close()
    overdue = threading.Timer(_LAST_WORDS_SECONDS, os._exit, [128 + number])
    overdue.daemon = True
    overdue.start()
    sys.exit(128 + number)


def _ignore_signals() -> None:
    """A second signal must not break off the signing out."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _leave(code: int | str | None) -> NoReturn:
    if threading.active_count() == 1:
        sys.exit(code)
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    run()
