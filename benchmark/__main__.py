"""Runs all parts of the benchmark, or those that are named, and fails if the connector costs too much."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from . import discovery, idle, keys, licence, memory, reading, untracked, waiting
from .report import Report

PARTS: Mapping[str, Callable[[], Report]] = {
    "discovery": discovery.measure,
    "idle": idle.measure,
    "keys": keys.measure,
    "licence": licence.measure,
    "memory": memory.measure,
    "reading": reading.measure,
    "untracked": untracked.measure,
    "waiting": waiting.measure,
}


def main() -> int:
    """Print the table of each part; the exit code says whether there is something to complain about."""
    parser = argparse.ArgumentParser(prog="python -m benchmark", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of: {', '.join(PARTS)}")
    complaints: list[str] = []
    for part in parser.parse_args().parts or PARTS:
        report = PARTS[part]()
        print(f"\n{report.markdown()}", flush=True)
        complaints += report.complaints
    for complaint in complaints:
        print(f"\nTOO MUCH: {complaint}.")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
