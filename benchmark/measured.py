"""Reads again and again in one process, and says what each time took; the yardstick and the connector take turns.

Two processes are compared that have both been loaded, in runs that follow each other within a second: what slows the
machine down for a while, or one process for good, changes both sides of a ratio.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import SimpleNamespace

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
        cpu, wall = time.process_time(), time.perf_counter()
        run(json.loads(line))
        sys.stdout.flush()
        spent = Spent(time.process_time() - cpu, time.perf_counter() - wall)
        answers.write(f"{json.dumps(asdict(spent))}\n")
        answers.flush()


if __name__ == "__main__":
    main()
