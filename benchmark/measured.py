"""Reads again and again, and says what each time took; the yardstick and the connector take turns.

Two programs are compared that have both been loaded, in runs that follow each other within a second: what slows the
machine down for a while changes both sides of a ratio. Each run has a copy of the loaded process for itself, as a sync
has a process: in one that has read before, what is left between its objects makes a record cost a fifth more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import NoReturn

from .process import PYTHON


@dataclass(frozen=True)
class Spent:
    """What one run took of the process that it ran in; nothing of the server's."""

    cpu_seconds: float
    wall_seconds: float


class Worker:
    """A process that runs the ``yardstick`` or the ``connector`` whenever it is asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, arguments: Sequence[str]) -> Spent:
        """Run it once more.

        Raises:
            SystemExit: it failed.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(list(arguments))}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            message = f"{' '.join(arguments)} failed"
            raise SystemExit(message)
        return Spent(**json.loads(answer))


@contextmanager
def working(kind: str) -> Iterator[Worker]:
    """A worker of a kind, until it is not needed any more."""
    command, pipe = [PYTHON, "-m", __name__, kind], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield Worker(process)


def _yardstick() -> Callable[[list[str]], None]:
    from .yardstick import read

    return read


def _connector() -> Callable[[list[str]], None]:
    from source_acumatica import SourceAcumatica, commands

    commands._collect_garbage_less_often()
    nothing_ends_it = SimpleNamespace(number=0, code=0)
    return lambda arguments: commands._print(SourceAcumatica(), arguments, nothing_ends_it)


KINDS = {"yardstick": _yardstick, "connector": _connector}


def main() -> None:
    """Run what standard input asks for, a line for each run; standard output gets what each took, and no record."""
    run = KINDS[sys.argv[1]]()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        began = time.perf_counter()
        child = os.fork()
        if not child:
            _run_once(run, json.loads(line))
        _, status, usage = os.wait4(child, 0)
        if status:
            sys.exit(1)
        spent = Spent(usage.ru_utime + usage.ru_stime, time.perf_counter() - began)
        answers.write(f"{json.dumps(asdict(spent))}\n")
        answers.flush()


def _run_once(run: Callable[[list[str]], None], arguments: list[str]) -> NoReturn:
    code = 1
    try:
        run(arguments)
        sys.stdout.flush()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


if __name__ == "__main__":
    main()
