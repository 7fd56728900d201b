"""Prints where the time goes in full refreshes through both APIs, by function, over all threads of the connector.

A sample can be taken only where the interpreter lets another thread run, so work in C, such as decoding a page, is
booked to the Python functions that it calls or that follow it.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from threading import Event, Thread, get_ident
from types import FrameType

from source_acumatica import SourceAcumatica
from source_acumatica.airbyte.records import Entrypoint

from .pages import ENTITY, LINES, TABLE, catalog, serving
from .process import options

_ROWS = {ENTITY: 50_000, LINES: 10_000, TABLE: 50_000}
_LINES = 25
_INTERVAL_SECONDS = 0.001
# A thread that stands in one of these waits for a lock, a queue or the network.
_WAITING = {
    *(("threading.py", name) for name in ("wait", "acquire", "_wait_for_tstate_lock")),
    *(("queue.py", name) for name in ("get", "put")),
    *(("socket.py", name) for name in ("readinto", "accept")),
    *(("thread.py", name) for name in ("_worker",)),
    *(("ssl.py", name) for name in ("read",)),
}


def main() -> None:
    """Print the shares for a list, for the lines of documents, and for a table."""
    for stream, rows in _ROWS.items():
        print(f"\n{stream}")
        _profile(stream, rows)


def _profile(stream: str, rows: int) -> None:
    """Sample the threads' innermost functions while the connector reads, and print their shares."""
    samples: Counter[str] = Counter()
    has_ended = Event()
    with serving(rows, "--real") as settings, tempfile.TemporaryDirectory() as folder:
        files = options(Path(folder), config=settings, catalog=catalog(stream, sync_mode="full_refresh"))
        sampler = Thread(target=_sample, args=(samples, has_ended), daemon=True)
        began = time.process_time()
        sampler.start()
        entrypoint = Entrypoint(SourceAcumatica())
        with contextlib.redirect_stdout(io.StringIO()):
            # The records are this loop's; what goes past it to standard output is the log.
            lines = sum(text.count("\n") + 1 for text in entrypoint.run(entrypoint.parse_args(["read", *files])))
        has_ended.set()
        sampler.join()
    print(f"{lines:,} messages, {time.process_time() - began:.1f} CPU s with the sampling itself\n")
    for function, count in samples.most_common(_LINES):
        print(f"{100 * count / samples.total():5.1f} %  {function}")


def _sample(samples: Counter[str], has_ended: Event) -> None:
    own = get_ident()
    while not has_ended.wait(_INTERVAL_SECONDS):
        for thread, frame in sys._current_frames().items():
            if thread != own and not _is_waiting(frame):
                code = frame.f_code
                samples[f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_firstlineno} {code.co_qualname}"] += 1


def _is_waiting(frame: FrameType) -> bool:
    return (Path(frame.f_code.co_filename).name, frame.f_code.co_name) in _WAITING


if __name__ == "__main__":
    main()
