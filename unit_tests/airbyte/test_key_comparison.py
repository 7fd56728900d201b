"""Tests that comparing keys finds the rows that are gone and those that had not come, and removes none by mistake."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.airbyte import key_comparison
from source_acumatica.airbyte.key_comparison import KeyComparison
from source_acumatica.airbyte.key_lists import KeyLists
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.reading import held_keys
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.paging import BEGINNING, Page
from source_acumatica.reading.window import Window

NOON, DAY = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(days=1)
FAILURE = RequestFailed(Problem(Action.STOP, FailureType.transient_error, "no answer"), "here")


def ids(first, last):
    return [str(UUID(int=number)) for number in range(first, last)]


class Table:
    """An ERP's table of which the connector knows the ids; some rows may be hidden from its list."""

    tenant, where = "A", "here"
    id_field, created, condition = "id", None, ""

    def __init__(self, *rows):
        self.rows, self.hidden, self.fails, self.lists = {*rows}, set(), None, 0

    def pages(self, _window):
        self.lists += 1
        if self.fails:
            raise self.fails
        found = sorted(self.rows - self.hidden)
        yield Page([{"id": each} for each in found[:5]], BEGINNING)
        yield Page([{"id": each} for each in found[5:]], BEGINNING)

    def by_ids(self, wanted, *, is_unconditional):
        assert is_unconditional, "a row that the row filter leaves out has not gone"
        there = {each.lower() for each in self.rows}
        return ((each, {"id": each} if each in there else None) for each in wanted)


class Sync:
    """One sync of the table: it goes on from the state of the one before, and sends ``rows``."""

    def __init__(self, table, before=None, *, after=DAY, are_kept=False, start=None, every=DAY):
        self.table, self.now = table, (before.now + after if before else NOON)
        self.states, self.tombstones, self.records, self.brought = [], [], [], []
        state = json.loads(json.dumps(before.states[-1])) if before else {}
        self.cursor = TenantCursor("M", ["A"], state, self.states.append)
        self.facts = TenantFacts(self.cursor, "A", lambda: self.now)
        self.are_kept = are_kept
        self.comparison = KeyComparison(
            table,
            KeyLists(lambda _created: table, table, Window(start)),
            table,
            self.cursor,
            self.facts,
            every,
            lambda: self.now,
            self._send,
            self._remove,
            self.brought.append,
            lambda _was: self.are_kept,
        )

    def _send(self, _reader, rows):
        self.records += [row["id"] for row in rows]
        yield from ()
        return [row["id"].lower() for row in rows]

    def _remove(self, removals):
        self.tombstones += [removal.id for removal in removals]
        return iter(())

    def run(self, *rows):
        self.comparison.begin()
        if rows:
            self.comparison.note_sent([{"id": each} for each in rows])
        assert list(self.comparison.compare()) == []
        self.cursor.keys_known("A")
        return self


@pytest.fixture(autouse=True)
def _all_levels(caplog):
    caplog.set_level(logging.INFO, "airbyte")


def first(table):
    return Sync(table).run(*sorted(table.rows))


def test_a_first_sync_lists_the_keys_before_it_reads_and_removes_nothing():
    sync = Sync(Table(*ids(0, 9))).run()
    assert (sync.table.lists, sync.tombstones, sync.records) == (1, [], [])
    assert sync.cursor.progress("A").held


def test_a_row_that_is_gone_is_removed_once():
    table = Table(*ids(0, 9))
    before = first(table)
    (gone,) = ids(3, 4)
    table.rows.remove(gone)
    after = Sync(table, before).run()
    assert (after.tombstones, after.records) == ([gone], [])
    assert Sync(table, after).run().tombstones == []


def test_a_row_that_was_sent_since_the_last_list_and_is_gone_is_removed_too():
    table = Table(*ids(0, 9))
    before = first(table)
    (new,) = ids(50, 51)
    between = Sync(table, before, after=timedelta(hours=1)).run(new)
    assert between.tombstones == []
    assert Sync(table, between).run().tombstones == [new]


def test_a_row_that_was_sent_since_the_last_list_and_is_there_is_not_sent_again():
    table = Table(*ids(0, 9))
    before = first(table)
    table.rows |= {*ids(50, 51)}
    between = Sync(table, before, after=timedelta(hours=1)).run(*ids(50, 51))
    after = Sync(table, between).run()
    assert (after.records, after.tombstones) == ([], [])


def test_a_row_that_has_not_come_is_read_and_what_belongs_to_it_is_told():
    table = Table(*ids(0, 9))
    before = first(table)
    table.rows |= {*ids(50, 52)}
    after = Sync(table, before).run()
    assert (after.records, after.tombstones) == (ids(50, 52), [])
    assert after.brought == [after.cursor.progress("A").brought]
    assert Sync(table, after).run().records == []


def test_a_row_that_is_only_hidden_from_the_list_is_not_removed():
    table = Table(*ids(0, 9))
    before = first(table)
    table.hidden = {*ids(3, 4)}
    after = Sync(table, before).run()
    assert (after.tombstones, after.records) == ([], ids(3, 4))


def test_many_rows_that_are_gone_at_once_stay_and_the_user_is_told(caplog):
    table = Table(*ids(0, 40))
    before = first(table)
    table.rows -= {*ids(0, 20)}
    after = Sync(table, before).run()
    assert after.tombstones == []
    assert "of 40 rows that were read, the ERP does not find 20 any more" in caplog.text
    assert "refresh this stream" in caplog.text


def test_a_table_that_is_empty_of_a_sudden_is_not_emptied():
    table = Table(*ids(0, 5))
    before = first(table)
    table.rows.clear()
    assert Sync(table, before).run().tombstones == []


def test_of_many_keys_some_are_asked_for_now_and_the_others_with_the_next_sync(monkeypatch):
    monkeypatch.setattr(key_comparison, "_MOST_ASKED", 2)
    table = Table(*ids(0, 40))
    before = first(table)
    table.rows = {*ids(3, 43)}
    one = Sync(table, before).run()
    # Not a day later: what waits is due.
    two = Sync(table, one, after=timedelta(minutes=1)).run()
    assert (len(one.tombstones), len(one.records)) == (2, 2)
    assert sorted(one.tombstones + two.tombstones) == ids(0, 3)
    assert sorted(one.records + two.records) == ids(40, 43)


def test_keys_are_listed_no_more_often_than_the_settings_say():
    table = Table(*ids(0, 9))
    before = first(table)
    table.rows -= {*ids(3, 4)}
    soon = Sync(table, before, after=timedelta(hours=12)).run()
    assert (table.lists, soon.tombstones) == (1, [])
    # A daily sync begins a little earlier now and then.
    assert Sync(table, before, after=timedelta(hours=23)).run().tombstones == ids(3, 4)


def test_where_the_erp_keeps_all_deletions_nothing_is_compared_until_it_does_not():
    table = Table(*ids(0, 9))
    before = Sync(table, are_kept=True).run(*ids(0, 9))
    table.rows -= {*ids(3, 4)}
    kept = Sync(table, before, are_kept=True).run()
    assert (table.lists, kept.tombstones) == (1, [])
    after = Sync(table, kept, after=timedelta(minutes=1))
    assert after.run().tombstones == ids(3, 4), "what was deleted in the gap is in no list, so it is due at once"
    assert after.comparison.closes_gap


@pytest.mark.parametrize("has_come", [False, True])
def test_a_row_whose_removal_was_sent_is_not_removed_again(has_come):
    table = Table(*ids(0, 9))
    before = first(table)
    table.rows -= {*ids(3, 4)}
    sync = Sync(table, before)
    sync.comparison.begin()
    if has_come:
        sync.comparison.note_sent([{"id": each} for each in ids(3, 4)])
    sync.comparison.note_removed([each.upper() for each in ids(3, 4)])
    list(sync.comparison.compare())
    assert sync.tombstones == []


def test_removals_are_written_as_the_rows_were():
    upper = [f"ABCDEF00-0000-0000-0000-00000000000{number}" for number in range(5)]
    table = Table(*upper)
    before = first(table)
    table.rows.remove(upper[0])
    assert Sync(table, before).run().tombstones == [upper[0]]


def test_under_another_start_date_rows_that_are_out_of_the_list_stay_and_those_that_are_gone_go():
    table = Table(*ids(0, 9))
    before = first(table)
    table.hidden, table.rows = {*ids(0, 3)}, {*ids(0, 8)}
    start = "2026-11-01T00:00:00.000000Z"
    soon = Sync(table, before, after=timedelta(hours=1), start=start).run()
    assert table.lists == 2, "keys of the old list say nothing of the new one, so it is listed at once"
    after = Sync(table, soon, start=start).run()
    assert soon.tombstones + after.tombstones == ids(8, 9)


def test_a_list_that_fails_costs_no_row_and_is_tried_with_the_next_sync(caplog):
    table = Table(*ids(0, 9))
    before = first(table)
    table.rows -= {*ids(3, 4)}
    table.fails = FAILURE
    failed = Sync(table, before).run()
    assert failed.tombstones == []
    assert "here: no answer. Keys are compared with the next sync." in caplog.text
    table.fails = None
    assert Sync(table, failed, after=timedelta(minutes=1)).run().tombstones == ids(3, 4)


def test_a_first_list_that_fails_lets_all_rows_be_read(caplog):
    table = Table(*ids(0, 9))
    table.fails = FAILURE
    sync = Sync(table).run(*ids(0, 9))
    assert "Keys cannot be compared now; all rows are read." in caplog.text
    assert sync.tombstones == []


@pytest.mark.parametrize("is_first", [True, False])
def test_the_end_of_the_run_ends_comparing_too(is_first):
    table = Table(*ids(0, 9))
    before = None if is_first else first(table)
    table.fails = PoolClosed()
    with pytest.raises(PoolClosed):
        Sync(table, before).run()


def test_keys_in_a_state_that_is_damaged_are_listed_again(caplog):
    table = Table(*ids(0, 9))
    before = first(table)
    before.states[-1]["states"][0].update(held="?")
    after = Sync(table, before).run()
    assert "keys are compared from now on only" in caplog.text
    assert after.tombstones == []
    table.rows -= {*ids(3, 4)}
    assert Sync(table, after).run().tombstones == ids(3, 4)


def test_where_more_has_changed_than_can_be_told_no_row_goes_and_the_second_time_the_user_is_told(monkeypatch, caplog):
    monkeypatch.setattr(held_keys, "MOST_EXACT_IDS", 1)
    table = Table(*ids(0, 3_000))
    before = first(table)
    table.rows = {*ids(10_000, 13_000)}
    once = Sync(table, before).run()
    assert "The next sync tries again" in caplog.text
    twice = Sync(table, once).run()
    assert "more has changed than can be listed" in caplog.text
    assert once.tombstones == twice.tombstones == []


def test_ids_that_are_none_end_comparing_and_not_the_sync(caplog):
    table = Table(*ids(0, 9))
    sync = Sync(table)
    sync.comparison.begin()
    sync.comparison.note_sent([{"id": "no GUID"}])
    assert list(sync.comparison.compare()) == []
    assert "The next sync tries again" in caplog.text


def test_a_row_filter_leaves_rows_out_that_are_still_there():
    table = Table(*ids(0, 9))
    before = first(table)
    table.hidden, table.condition = {*ids(3, 4)}, "(Type eq 'SO')"
    after = Sync(table, before).run()
    assert (after.tombstones, after.records) == ([], [])


def test_rows_without_an_id_are_passed_over():
    table = Table(*ids(0, 3))
    pages = table.pages
    table.pages = lambda window: (Page([*page.rows, {"id": None}], BEGINNING) for page in pages(window))
    assert Sync(table, first(table)).run().tombstones == []
