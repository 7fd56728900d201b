"""Runs a command as a process of its own, and measures what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

# macOS counts the peak in bytes, Linux in kibibytes.
BYTES_PER_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
PYTHON = sys.executable
CONNECTOR = (PYTHON, "-m", "source_acumatica.run")


@dataclass(frozen=True)
class Cost:
    """What one run of a process took, or the median of several."""

    wall_seconds: float
    cpu_seconds: float
    """In user and in system mode, of all threads."""
    peak_megabytes: float
    """Of memory; a megabyte is a million bytes."""


def run(command: Sequence[str], *, keep_output: bool = True) -> tuple[Cost, bytes]:
    """Run a command to its end, and return what it took with what it wrote; nothing where that is not kept.

    What is started shows at least the peak of the process that starts it, so that one has to stay small.

    Raises:
        SystemExit: the command failed.
    """
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output if keep_output else subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        written = output.read()
    if process.returncode:
        sys.stderr.buffer.write(written[-5_000:])
        message = f"{' '.join(command)} ended with exit code {process.returncode}"
        raise SystemExit(message)
    peak_bytes = usage.ru_maxrss * BYTES_PER_PEAK_UNIT
    return Cost(wall_seconds, usage.ru_utime + usage.ru_stime, peak_bytes / 1e6), written


def options(folder: Path, **files: Any) -> list[str]:
    """Options that name files in ``folder``, written with these contents."""
    named = []
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content))
        named += [f"--{name}", str(path)]
    return named


def medians(costs: Mapping[str, Sequence[Cost]]) -> dict[str, Cost]:
    """For each case the median of its runs, of each measure for itself."""
    return {name: _median(runs) for name, runs in costs.items()}


def _median(runs: Sequence[Cost]) -> Cost:
    return Cost(
        median(each.wall_seconds for each in runs),
        median(each.cpu_seconds for each in runs),
        median(each.peak_megabytes for each in runs),
    )
