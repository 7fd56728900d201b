"""The connector as a process of its own; many of them for the price of one start.

To load Python, the CDK and the connector takes more than two seconds of CPU time, ten times as long as a small sync.
`started` pays it. `forked` does not: a process that has loaded them once, and has only one thread, makes copies of
itself, and each runs what `python -m source_acumatica.run` runs. What a signal finds, and all that happens from there
to the end of the process, is the same.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from select import select
from threading import Lock
from typing import IO, Any

from benchmark.process import CONNECTOR, PYTHON, options

# The pauses between tries are a hundredth of the real ones, as in the tests that run the connector in their process.
IMPATIENT_CONNECTOR = (
    PYTHON,
    "-c",
    "from source_acumatica.erp.client import RetryPolicy\n"
    "real = RetryPolicy.pause_seconds\n"
    "RetryPolicy.pause_seconds = lambda self, tries: real(self, tries) / 100\n"
    "from source_acumatica.run import run\n"
    "run()",
)
_LONGEST_REQUEST_BYTES = 64 * 1024
# One question at a time, whichever thread of a test asks it.
_LOCK = Lock()


@contextmanager
def started(
    folder: Path, *arguments: str, connector: Sequence[str] = CONNECTOR, **files: Any
) -> Iterator[subprocess.Popen[str]]:
    """A process that is started; what it prints lies in a pipe."""
    command = [*connector, *arguments, *options(folder, **files)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=_environment()) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def forked(folder: Path, *arguments: str, **files: Any) -> Iterator[Forked]:
    """A copy of a process that has loaded everything; what it prints lies in a pipe."""
    process = Forked(_original(), [*arguments, *options(folder, **files)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Forked:
    """What tests want of a `subprocess.Popen`; only its parent can ask for its end, so that one is asked."""

    def __init__(self, original: socket.socket, arguments: Sequence[str]) -> None:
        self._original, self._ends = original, Lock()
        self.returncode: int | None = None
        reader, writer = os.pipe()
        self.stdout: IO[str] = os.fdopen(reader, encoding="utf-8")
        self.pid: int = self._ask(list(arguments), writer)
        os.close(writer)

    def poll(self) -> int | None:
        # How it ended is told once: of two threads the second one finds it noted.
        with self._ends:
            if self.returncode is None:
                self.returncode = self._ask(self.pid)
            return self.returncode

    def communicate(self, timeout: float = 60) -> tuple[str, None]:
        """All that it prints, from its first line to its end."""
        deadline, said = time.monotonic() + timeout, bytearray()
        while select([self.stdout], [], [], max(deadline - time.monotonic(), 0))[0]:
            piece = os.read(self.stdout.fileno(), _LONGEST_REQUEST_BYTES)
            if not piece:
                self.wait(max(deadline - time.monotonic(), 0))
                return said.decode(), None
            said += piece
        raise subprocess.TimeoutExpired(str(self.pid), timeout)

    def wait(self, timeout: float = 60) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ask(self, question: Any, *handles: int) -> Any:
        with _LOCK:
            socket.send_fds(self._original, [json.dumps(question).encode()], handles)
            return json.loads(self._original.recv(_LONGEST_REQUEST_BYTES))


@cache
def _original() -> socket.socket:
    """The way to the process that makes copies; it ends when this one does, which closes its end."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [PYTHON, "-m", __name__, str(its.fileno())]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=nothing, stdout=nothing, env=_environment(), pass_fds=[its.fileno()])
    its.close()
    atexit.register(process.wait)
    atexit.register(ours.close)  # what is registered last comes first
    return ours


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _copy_whenever_asked(requests: socket.socket) -> list[str]:
    """Returns in each copy, with what is to be run. A number asks how that copy has ended, null if it has not."""
    while True:
        text, handles, *_ = socket.recv_fds(requests, _LONGEST_REQUEST_BYTES, 1)
        if not text:
            os._exit(0)
        asked = json.loads(text)
        if isinstance(asked, int):
            pid, status = os.waitpid(asked, os.WNOHANG)
            requests.send(json.dumps(os.waitstatus_to_exitcode(status) if pid else None).encode())
            continue
        pid = os.fork()
        if not pid:
            requests.close()
            for output in (1, 2):
                os.dup2(handles[0], output)
            os.close(handles[0])
            return list(asked)
        os.close(handles[0])
        requests.send(json.dumps(pid).encode())


if __name__ == "__main__":
    from source_acumatica.commands import run_command

    sys.argv[1:] = _copy_whenever_asked(socket.socket(fileno=int(sys.argv[1])))
    run_command()
