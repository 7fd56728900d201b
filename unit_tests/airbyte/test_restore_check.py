"""Tests when a tenant seems to have been put back to an earlier state, and what the log says then."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from source_acumatica.airbyte.restore_check import RestoreCheck
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.learnt import STAMPS_STAND
from source_acumatica.reading.window import Window

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
T0900, T1000 = "2026-11-22T09:00:00.000000Z", "2026-11-22T10:00:00.000000Z"


class Reader:
    tenant, where = "A", "Tenant 'A', stream X"

    def __init__(self, latest=None, without_filter=None):
        self._latest, self._without_filter = latest, without_filter or latest

    def has_rows_since(self, since, *, is_unconditional=False):
        latest = self._without_filter if is_unconditional else self._latest
        return latest is not None and latest >= since

    def latest(self):
        return self._latest


def restore_check(reader, *, has_condition=False, is_stamped_by_the_database=True):
    part = {"partition": {"tenant": "A"}, "cursor": {"M": T1000}, "newest": T1000}
    cursor = TenantCursor("M", ["A"], {"states": [part]}, lambda _state: None)
    facts = TenantFacts(cursor, "A", lambda: NOON)
    return RestoreCheck(
        reader,
        facts,
        cursor,
        timedelta(),
        has_condition=has_condition,
        is_stamped_by_the_database=is_stamped_by_the_database,
        now=lambda: NOON,
    )


def test_a_row_that_is_stamped_as_late_shows_that_the_stamps_stand(caplog):
    one = restore_check(Reader(T1000))
    assert one.is_due([], T1000, "")
    one.check(T1000, is_explained=False)
    assert one.facts.knows(STAMPS_STAND)
    assert not one.is_due([], T1000, ""), "once a day is enough"
    assert one.is_due([Window(T0900)], T1000, ""), "the row should have come in this window"
    assert not one.is_due([Window(T0900)], T1000, T1000)
    assert not caplog.records


@pytest.mark.parametrize(("is_explained", "warnings", "lag"), [(False, 1, 86_400), (True, 0, None)])
def test_a_row_that_is_gone_is_warned_of_unless_rows_were_deleted(is_explained, warnings, lag, caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    one = restore_check(Reader(T0900))
    one.check(T1000, is_explained=is_explained)
    progress = one.progress.progress("A")
    assert (progress.newest, progress.lag) == (None, lag)
    assert len(caplog.records) == warnings


def test_a_row_that_the_row_filter_hides_now_is_not_gone(caplog):
    one = restore_check(Reader(T0900, without_filter=T1000), has_condition=True)
    one.check(T1000, is_explained=False)
    assert one.facts.knows(STAMPS_STAND)
    assert not caplog.records


def test_an_inquiry_whose_filter_finds_its_latest_row_has_lost_another_by_its_own_conditions():
    one = restore_check(Reader(T0900), is_stamped_by_the_database=False)
    one.check(T1000, is_explained=False)
    assert one.progress.progress("A").newest == T0900
