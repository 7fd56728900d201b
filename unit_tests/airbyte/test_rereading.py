"""Tests which part of a stream's rows is read again in a sync, and what the state says of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from source_acumatica.airbyte.rereading import Rereader
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.paging import BEGINNING, Page, Position
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.window import Window

NOON, DAY = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(days=1)
PAGE_ROWS = 3


@dataclass
class Numbers(Reader):
    """A list of numbers in pages."""

    count: int = 10
    list_name: str = "all"
    has_places: bool = True
    where: str = "here"
    asked: list = field(default_factory=list)

    def pages(self, window):
        self.asked.append(window)
        at = window.start.offset if window.start.list_name in ("", self.list_name) else 0
        while at < self.count:
            rows = [*range(at, min(at + PAGE_ROWS, self.count))]
            at += len(rows)
            yield Page(rows, Position(at, list_name=self.list_name) if self.has_places else BEGINNING)

    def is_filtered(self, window):
        return window.since is not None

    def has_row_at(self, _window, rows):
        return rows < self.count if self.has_places else None


class Connection:
    """A stream that is synced once in a while."""

    def __init__(self, reader, days=5, since=None):
        self.reader, self.days, self.since, self.now = reader, days, since, NOON
        self.state = {"states": [{"partition": {"tenant": "A"}, "cursor": {"M": format_instant(NOON)}}]}

    def sync(self, after=DAY, stop_after=None):
        """The rows that are read again."""
        self.now += after
        states = []
        progress = TenantCursor("M", ["A"], self.state, lambda state: states.append(json.dumps(state)))
        facts = TenantFacts(progress, "A", lambda: self.now)
        rereader = Rereader(self.reader, facts, progress, self.days, self.since, True, lambda: self.now)
        sent = []
        for row in rereader.messages(lambda: lambda page: iter(page.rows)):
            sent.append(row)
            if len(sent) == stop_after:
                break
        else:
            progress.ensure_at_least_one_state_emitted()
        self.state = json.loads(states[-1]) if states else self.state
        return sent

    @property
    def part(self):
        return self.state["states"][0]["rereading"]


def test_each_sync_reads_its_share_and_goes_on_behind_the_end_from_the_beginning():
    connection = Connection(Numbers("A", None, count=12))
    connection.sync()
    days = [connection.sync() for _ in range(10)]
    assert {len(rows) for rows in days} <= {0, 3}
    assert [row for rows in days for row in rows] == [*range(12), *range(12)]


def test_the_first_sync_with_the_setting_reads_nothing_again():
    connection = Connection(Numbers("A", None))
    assert connection.sync(after=400 * DAY) == []
    assert connection.part["rows"] > 0


def test_a_window_of_all_rows_leaves_nothing_to_read_again():
    reader = Numbers("A", None)
    for window in (Window(None), Window("2020-01-01T00:00:00.000000Z")):
        progress = TenantCursor("M", ["A"], {}, lambda _: None)
        rereader = Rereader(reader, None, progress, 5, window.since, True, lambda: NOON)
        rereader.read(Window("2026-11-22T00:00:00.000000Z"), 4)
        assert progress.progress("A").rereading is None
        rereader.read(Window(is_unstamped=True), 4)
        assert progress.progress("A").rereading is None
        rereader.read(window, 10)
        assert progress.progress("A").rereading.rows == 10


@pytest.mark.parametrize("stop_after", range(1, 13))
def test_a_part_that_is_cut_off_is_gone_on_with_from_the_last_state(stop_after):
    connection = Connection(Numbers("A", None, count=12), days=1)
    connection.sync()
    came = [*connection.sync(stop_after=stop_after), *connection.sync(after=timedelta(minutes=1))]
    assert {*came} == {*range(12)}
    assert len(came) <= 12 + PAGE_ROWS


def test_a_list_without_places_is_read_as_a_whole_once_in_the_days():
    connection = Connection(Numbers("A", None, has_places=False))
    assert [len(connection.sync()) for _ in range(16)] == [0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 10]


def test_a_list_without_places_that_is_cut_off_is_read_from_its_beginning():
    connection = Connection(Numbers("A", None, has_places=False))
    connection.sync()
    assert connection.sync(after=5 * DAY, stop_after=7) == [*range(7)]
    assert connection.sync(after=timedelta()) == [*range(10)]


def test_a_place_in_another_list_begins_a_new_round_and_says_so(caplog):
    caplog.set_level("INFO")
    reader = Numbers("A", None, count=12)
    connection = Connection(reader)
    connection.sync()
    connection.sync(after=2 * DAY)
    assert "another list" not in caplog.text
    reader.list_name = "another"
    assert connection.sync()[:1] == [0]
    assert "one of another list" in caplog.text


def test_another_start_date_begins_a_new_round_and_says_so(caplog):
    caplog.set_level("INFO")
    connection = Connection(Numbers("A", None, count=12))
    connection.sync()
    connection.sync(after=2 * DAY)
    connection.since = "2020-01-01T00:00:00.000000Z"
    assert connection.sync()[:1] == [0]
    assert connection.reader.asked[-1].since == connection.since
    assert "one of another list" in caplog.text


@pytest.mark.parametrize("days", [None, 5])
def test_nothing_is_reread_where_all_is_to_be_read_or_the_setting_is_off(days):
    connection = Connection(Numbers("A", None), days=days)
    if days:
        connection.state["states"][0]["cursor"] = {}
    assert connection.sync() == connection.sync(after=400 * DAY) == []
    assert "rereading" not in connection.state["states"][0]
