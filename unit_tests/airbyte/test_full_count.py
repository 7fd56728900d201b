"""Tests that records of full reads are counted over all attempts, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.airbyte.full_count import FullCount, expected
from source_acumatica.airbyte.progress import RowCount
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.paging import Position
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.window import Window

UNTIL = "2026-11-24T12:00:00.000000Z"
SINCE = "2026-11-01T00:00:00.000000Z"
ALL = Window(None, UNTIL)


def a_cursor(state=None):
    return TenantCursor("Stamp", ("A",), state or {}, lambda _state: None)


def send(progress, pages, window=ALL, begin=None):
    """Pages by the offset behind them, and the number of their records."""
    count = RowCount("here")
    full = FullCount(progress, "A", window, begin, count)
    for offset, records in pages:
        count.records += records
        full.add(Position(offset), count)
    return full


def test_all_attempts_together_are_the_full_read():
    progress = a_cursor()
    send(progress, [(5, 12), (10, 8)])
    assert progress.progress("A").counted == 20
    again = a_cursor(progress.state)
    assert again.progress("A").counted == 20
    send(again, [(15, 1)], replace(ALL, start=Position(10))).done()
    assert (again.progress("A").all_records, again.progress("A").counted) == (21, None)


def test_a_list_that_is_begun_again_is_counted_again():
    progress = a_cursor()
    send(progress, [(5, 5), (10, 5), (4, 4), (8, 4)]).done()
    assert progress.progress("A").all_records == 8


def test_what_an_earlier_version_began_is_not_counted():
    progress = a_cursor()
    send(progress, [(15, 5)], replace(ALL, start=Position(10))).done()
    assert progress.progress("A").all_records is None


@pytest.mark.parametrize("window", [Window(SINCE, UNTIL), Window(is_unstamped=True)])
def test_changes_are_no_full_read(window):
    progress = a_cursor()
    send(progress, [(5, 5)]).done()
    send(progress, [(2, 2)], window).done()
    assert progress.progress("A").all_records == 5
    send(progress, [(3, 3)], Window(SINCE, UNTIL), begin=SINCE).done()
    assert progress.progress("A").all_records == 3, "from the start date on is all"


def test_an_empty_list_proves_nothing():
    progress = a_cursor()
    send(progress, [(5, 5)]).done()
    send(progress, []).done()
    assert progress.progress("A").all_records == 5


def test_a_full_refresh_keeps_nothing():
    send(None, [(5, 5)]).done()


def test_what_to_expect_is_known_only_if_it_is_of_all_tenants():
    known, begun = Progress(all_records=10), Progress(all_records=10, counted=4)
    rest = replace(ALL, start=Position(3))
    assert expected([(known, [ALL]), (begun, [rest, Window(SINCE, UNTIL)])], None) == 16
    assert expected([(known, [ALL]), (Progress(), [ALL])], None) is None
    assert expected([(known, [ALL]), (known, [Window(SINCE, UNTIL)])], None) is None
    assert expected([(Progress(all_records=2, counted=9), [rest])], None) is None
    assert expected([(begun, [ALL])], None) == 10, "it is begun again"
