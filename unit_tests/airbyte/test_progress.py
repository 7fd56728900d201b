"""Tests that the progress of a stream is logged for as long as it is read."""

from __future__ import annotations

import logging
import re
import time

import pytest

from source_acumatica.airbyte import progress
from source_acumatica.airbyte.progress import ProgressLog, RowCount
from unit_tests.waiting import until


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.02)


def test_a_line_has_the_rows_and_the_rate_since_the_last_one():
    count = RowCount("Tenant 'A', stream Customer", logged_at=time.monotonic() - 10)
    count.rows = 12_000
    line = count.line()
    assert re.fullmatch(r"Tenant 'A', stream Customer: 12,000 rows so far, 1,(199|200) a second\.", line)
    assert "12,000 rows so far, 0 a second (waiting" in count.line()
    count.rows += 1
    assert "waiting" not in count.line()


def test_every_stream_that_is_being_read_is_logged_again_and_again(quick, caplog):
    caplog.set_level(logging.INFO, "airbyte")
    log = ProgressLog()
    with log.logging(), log.of("here") as count, log.of("there"):
        count.rows = 7
        until(lambda: sum("there: 0 rows" in line for line in caplog.messages) > 1)
        assert any(line.startswith("here: 7 rows so far") for line in caplog.messages)


def test_a_stream_that_has_been_read_is_silent_and_so_is_all_after_the_end(quick, caplog):
    caplog.set_level(logging.INFO, "airbyte")
    log = ProgressLog()
    with log.logging():
        with log.of("done"):
            until(lambda: caplog.messages)
        time.sleep(0.03)
        caplog.clear()
        time.sleep(0.1)
        assert caplog.messages == []
        with log.of("begun"):
            until(lambda: caplog.messages)
    time.sleep(0.05)
    caplog.clear()
    with log.of("after the end"):
        time.sleep(0.1)
    assert caplog.messages == []


def test_a_stream_that_fails_is_silent_afterwards(quick):
    log = ProgressLog()
    with pytest.raises(OSError), log.of("failing"):
        raise OSError
    assert log._counts == []


def test_a_minute_is_kept():
    assert progress.INTERVAL_SECONDS < 60
