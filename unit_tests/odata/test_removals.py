"""Tests what streams are told of the deletions in their tables, and that a failure is never an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from source_acumatica.airbyte.removals import RemovalQuery
from source_acumatica.odata.removals import TableRemovals
from source_acumatica.odata.tables import NOTE_ID
from source_acumatica.reading.progress import Progress
from unit_tests.odata.entity_set import TABLE
from unit_tests.odata.table_service import (
    CLOSED,
    DELETIONS,
    NOON,
    PASSING,
    T0900,
    T1000,
    T1100,
    TableService,
    deleted,
    of,
)

ID = "0000000a-0000-0000-0000-000000000000"
SETS = ("Order",)
TABLES = {"SMDeletedRecordsTrackingTables": [{"TableName": "Order", "CreatedDateTime": T1000}]}
TRACKED = {**TABLES, "ODataPreferences": [{"DaysRetentionHistoryDeletedRecords": 10}]}


def removals(sets, **how):
    return TableRemovals(TableService(sets, **how))


def test_what_odata_shows_is_known_and_what_it_does_not_answer_is_unknown():
    shown = removals({"Order": [{NOTE_ID: ID}]})
    assert shown.has_rows("A", SETS, "here") is True
    assert removals({"Order": []}).has_rows("A", SETS, "here") is False
    assert shown.has_any("A", SETS, "here", [ID.upper()]) is True
    assert removals({"Order": []}).has_any("A", SETS, "here", [ID]) is False
    for problem in (CLOSED, PASSING):
        silent = removals({}, refuses=of(problem))
        assert silent.has_rows("A", SETS, "here") is silent.has_any("A", SETS, "here", [ID]) is None
    assert shown.has_rows("A", ("",), "here") is None, "the table behind the form is not known"


@pytest.mark.parametrize(
    ("was", "are_kept"),
    [
        (Progress(), True),
        (Progress(reached=T1100, deletions=T1100), True),
        (Progress(reached=T1100, deletions=T0900), False),
        (Progress(reached=T1100, deletions=T0900, deletions_asked=T1100), True),
        (Progress(reached=T1100), False),
    ],
    ids=["nothing read", "no gap", "gap", "asked since", "never asked"],
)
def test_all_deletions_are_kept_where_the_table_is_tracked_and_the_list_has_no_gap(was, are_kept):
    assert removals(TRACKED).are_kept("A", SETS, was, NOON) is are_kept


def test_deletions_of_tables_that_are_not_known_to_be_tracked_are_not_kept():
    assert not removals(TRACKED).are_kept("A", ("Line",), Progress(), NOON)
    assert not removals({}).are_kept("A", SETS, Progress(), NOON)
    for_no_day = {**TABLES, "ODataPreferences": [{"DaysRetentionHistoryDeletedRecords": 0}]}
    assert not removals(for_no_day).are_kept("A", SETS, Progress(), NOON)
    assert not removals(TABLES).are_kept("A", SETS, Progress(), NOON), "for how long is not known"


def test_deletions_are_kept_for_as_long_as_the_erp_said_before_the_pause():
    was = Progress(reached=T1000, deletions=T1000, kept_days=0)
    assert not removals(TRACKED).are_kept("A", SETS, was, NOON + timedelta(days=2))
    assert removals(TRACKED).are_kept("A", SETS, replace(was, kept_days=9), NOON + timedelta(days=2))
    assert not removals(TRACKED).are_kept("A", SETS, replace(was, kept_days=1), NOON + timedelta(days=2))


def query(**more):
    least = {"tenant": "A", "sets": SETS, "where": "here", "most_rows": 10, "table": TABLE, "newest": T1100}
    known = {"has_own_stamp": False, "sent_by": T1100, "was": Progress(), "now": NOON, "may_have_flags": False}
    rest = {"is_compared": False, "closes_gap": False, "is_header_known": False}
    return RemovalQuery(**{**least, **known, **rest, **more})


def test_a_streams_deleted_records_are_read_with_all_that_it_knows():
    sets = {**TRACKED, f"Order{DELETIONS}": [deleted(ID, T1000)], "Order": []}
    reader = removals(sets).reader(query())
    ((removal,),) = reader.removals(T0900)
    # It was sent with a later stamp, and is gone: its deletion counts as later than that.
    assert (removal.id, removal.at, removal.behind) == (ID, T1000, T1100)
    assert (reader.is_listed, reader.has_flags) == (True, None)
    other = removals(sets).reader(query(is_header_known=True, is_compared=False, closes_gap=True, may_have_flags=True))
    assert (other.is_header_known, other.is_compared, other.closes_gap) == (True, False, True)
    assert other.deletions.table is TABLE
