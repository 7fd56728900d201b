"""Runs all parts of the benchmark, or those that are named, and fails if the connector costs too much."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib import import_module

from .process import PYTHON

PARTS = ("discovery", "idle", "keys", "licence", "memory", "reading", "untracked", "waiting")


def main() -> int:
    """Print the table of each part; the exit code says whether there is something to complain about."""
    parser = argparse.ArgumentParser(prog="python -m benchmark", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of: {', '.join(PARTS)}")
    parts = parser.parse_args().parts or PARTS
    if unknown := sorted({*parts} - {*PARTS}):
        parser.error(f"there is no part {', '.join(unknown)}")
    if len(parts) > 1:
        # Each by itself: what a process starts seems to take at least the memory that it takes itself.
        return max(subprocess.run([PYTHON, "-m", "benchmark", part], check=False).returncode for part in parts)
    report = import_module(f"benchmark.{parts[0]}").measure()
    print(f"\n{report.markdown()}", flush=True)
    for complaint in report.complaints:
        print(f"\nTOO MUCH: {complaint}.", flush=True)
    return 1 if report.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
