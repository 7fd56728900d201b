"""Thousands of files of 0 B to 40 MB, through processes that are killed: few in CI, 10,000 with `make soak`."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .attachments import catalog_of, settings
from .conftest import IS_SOAK
from .harness import Arrived, _arrived
from .processes import started
from .simulator import Simulator

FILES, FILES_OF_A_RECORD = (10_000, 5) if IS_SOAK else (240, 4)
KILLS = 12 if IS_SOAK else 2
LARGEST_BYTES, MOST_BYTES = 40_000_000, 64_000
STREAM, ENTITY = "SalesOrder__files", "SalesOrder"
# What README.md promises of any read with two sessions.
MOST_MEGABYTES = 350


def sizes(luck: random.Random) -> Iterator[int]:
    """Most are small, a tenth is up to 40 MB, and there are some of either extreme."""
    yield from (0, 1, LARGEST_BYTES)
    while True:
        kind = luck.random()
        large = int(LARGEST_BYTES ** luck.random())
        yield 0 if kind < 0.03 else large if kind < 0.13 else luck.randrange(MOST_BYTES)


@dataclass
class Platform:
    """What has come, which of it lies before a state, and that state."""

    files: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    again: int = 0
    state: list[Any] = field(default_factory=list)
    peak_megabytes: float = 0.0

    def take(self, line: str) -> bool:
        """Work off a line; whether it was a record."""
        message = json.loads(line)
        match message:
            case {"type": "RECORD", "record": record}:
                row = _arrived(record)
                assert isinstance(row, Arrived)
                assert row.file
                assert row["id"] not in self.told, "a state has told of this file"
                self.again += row["id"] in self.files
                self.files[row["id"]] = row.file
                return True
            case {"type": "STATE", "state": state}:
                self.told |= self.files.keys()
                self.state = [{"type": "STREAM", "stream": state["stream"]}]
            case {"type": "TRACE", "trace": {"type": "ERROR", "error": error}}:
                raise AssertionError(error)
        return False

    def run(self, folder: Path, staging: Path, files: dict[str, Any], kill_after: int | None = None) -> None:
        """A sync in a process of its own, which is killed after so many records; its staging folder goes with it."""
        given = files | ({"state": self.state} if self.state else {})
        records = 0
        with started(folder, "read", **given) as process:
            assert process.stdout
            for line in process.stdout:
                if line.startswith("{"):
                    records += self.take(line)
                if kill_after is not None and records >= kill_after:
                    break
                if records % 50 == 0:
                    self._look_at_memory(process.pid)
        shutil.rmtree(staging)
        staging.mkdir()

    def _look_at_memory(self, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:  # it has ended
            return
        if found := re.search(r"VmHWM:\s+(\d+) kB", status):
            self.peak_megabytes = max(self.peak_megabytes, int(found[1]) * 1024 / 1e6)


@pytest.mark.timeout(3600)
def test_each_file_comes_once_whole_and_in_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staging, luck = tmp_path / "staging", random.Random(7)
    staging.mkdir()
    monkeypatch.setenv("AIRBYTE_STAGING_DIRECTORY", str(staging))
    # A seat of a killed run stays taken.
    with Simulator(("Company",), rows=FILES // FILES_OF_A_RECORD * 2, lines=0, seats=KILLS * 2 + 8) as erp:
        company, size = erp.tenant("Company"), sizes(luck)
        for number, key in enumerate(company.keys(ENTITY)[: FILES // FILES_OF_A_RECORD]):
            for place in range(FILES_OF_A_RECORD):
                company.attach(ENTITY, key, f"{number}-{place}.bin", size=next(size))
        config = settings(erp, max_sessions=2)
        files = {"config": config, "catalog": catalog_of(config, STREAM)}
        count, total_bytes = len(company.files(ENTITY)), sum(file.size for _, _, file in company.files(ENTITY))
        platform, began = Platform(), time.monotonic()
        for _ in range(KILLS):
            platform.run(tmp_path, staging, files, kill_after=luck.randrange(1, count // KILLS))
        killed_at = len(platform.told)
        platform.run(tmp_path, staging, files)
        took = time.monotonic() - began
        print(
            f"{count:,} files, {total_bytes / 1e6:,.0f} MB, {KILLS} kills (up to {killed_at:,} files), {took:.0f} s, "
            f"{platform.again} came again, peak {platform.peak_megabytes:.0f} MB"
        )
        assert {id_: file[1:] for id_, file in platform.files.items()} == {
            file.id: (file.size, file.hash) for _, _, file in company.files(ENTITY)
        }
        assert len({place for place, *_ in platform.files.values()}) == count
        assert platform.told == platform.files.keys()
        # Those of the batch under way, of each kill.
        assert platform.again <= KILLS * 20
        assert platform.peak_megabytes < MOST_MEGABYTES
        platform.run(tmp_path, staging, files)
