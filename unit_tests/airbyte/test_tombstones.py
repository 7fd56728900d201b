"""Tests that a destination drops the rows that were deleted, and that the state says up to when."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.removals import Removal
from source_acumatica.airbyte.tombstones import Deletions, tombstones
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import ClockReading
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.learnt import HAS_FLAGGED, HAS_NO_FLAGS

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
T0900, T1000, T1200 = (f"2026-11-22T{hour}:00:00.000000Z" for hour in ("09", "10", "12"))


class Table:
    id_field, cursor_field = "NoteID", "M"


class Removals:
    """Reads one deleted record, and notes what it was asked."""

    is_listed, is_empty, has_flags, has_flagged, kept_days = True, False, False, True, 10

    def reader(self, query):
        self.query = query
        return self

    def removals(self, since):
        self.since = since
        yield [Removal("1", T1000)]


def test_a_tombstone_is_newer_than_the_change_that_it_follows():
    removals = [Removal("1", T1000), Removal("2", T1000, behind=T1200)]
    assert list(tombstones(Table, "A", removals)) == [
        {"_tenant": "A", "NoteID": "1", "_ab_cdc_deleted_at": T1000, "M": "2026-11-22T10:00:00.001000Z"},
        {"_tenant": "A", "NoteID": "2", "_ab_cdc_deleted_at": T1000, "M": "2026-11-22T12:00:00.001000Z"},
    ]


@pytest.fixture
def removals():
    return Removals()


def sent(removals, *, is_selected=True):
    part = {"partition": {"tenant": "A"}, "cursor": {"M": T1000}, "deletions": T1000, "newest": T0900}
    progress = TenantCursor("M", ["A"], {"states": [part]}, lambda _state: None)
    access = Access(removals, lambda *_: None, {"A": NOON})
    deletions = Deletions(
        Table,
        access,
        is_tracked=True,
        is_selected=is_selected,
        sets=lambda: ("X",),
        described=lambda: Table,
        may_have_flags=lambda: True,
        has_own_stamp=True,
        max_rows=100,
    )
    facts = TenantFacts(progress, "A", lambda: NOON)
    found = deletions.tombstones(
        "A",
        "here",
        progress=progress,
        facts=facts,
        lookback=timedelta(hours=1),
        newest=T1000,
        sent_before=ClockReading(7200, NOON),
        keys=None,
    )
    return [record["NoteID"] for batch in found for record in batch], progress.progress("A"), access


def test_deletions_are_asked_for_from_the_last_position_on_and_the_state_says_up_to_when(removals):
    ids, progress, access = sent(removals)
    assert ids == ["1"]
    assert removals.since == T0900
    assert (removals.query.newest, removals.query.sent_by, removals.query.table) == (T1000, T1000, Table)
    assert (progress.deletions, progress.kept_days) == (T1200, 10)
    assert {HAS_NO_FLAGS, HAS_FLAGGED} <= progress.learnt.keys()
    assert access.have_flagged == {"A"}


def test_without_the_column_that_marks_them_no_deletions_are_sent(removals, caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    ids, progress, _ = sent(removals, is_selected=False)
    assert (ids, progress.deletions) == ([], T1000)
    assert "_ab_cdc_deleted_at is not selected" in caplog.text
