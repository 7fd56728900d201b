"""Tests that a check says which tables are tracked, which are not, and of which it could not be found out."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata import tracking_report
from source_acumatica.odata.tables import DELETED_FLAG, NOTE_ID, ODataFeed, ODataTable
from source_acumatica.odata.tracking_report import report_tracking, trackable
from source_acumatica.reading.fields import FieldKind
from unit_tests.odata.table_service import DELETIONS, PASSING, REFUSED, T1000, TableService, deleted

LISTED = {"SMDeletedRecordsTrackingTables": [{"TableName": "Order", "CreatedDateTime": T1000}]}
WANTED = [("PX_Order", "Order"), ("PX_Line", "Line"), ("PX_Note", "Note")]


@pytest.fixture(autouse=True)
def _all_levels(caplog):
    caplog.set_level(logging.INFO, "airbyte")


def report(service, *, wanted=WANTED, may_hint=lambda: True):
    report_tracking(service, "A", wanted, may_hint)
    return service


def test_where_the_erp_lists_the_tracked_tables_no_other_request_is_needed(caplog):
    service = report(TableService({**LISTED, "ODataPreferences": [{"DaysRetentionHistoryDeletedRecords": 30}]}))
    assert len(service.requests) == 2
    assert "not tracked: Line, Note. To have those read too, list them on" in caplog.text
    assert "tracked: Order." in caplog.text
    assert "lists them for 30 days" in caplog.text
    assert f"Deletions are kept of Order since {T1000}." in caplog.text


def test_where_it_does_not_each_table_is_asked_for_an_entry(caplog):
    sets = {f"Order{DELETIONS}": [deleted("1", T1000)], f"Line{DELETIONS}": [], f"Note{DELETIONS}": []}
    report(TableService(sets, lambda name, _params: REFUSED if name == f"Note{DELETIONS}" else None))
    assert "not tracked: Note." in caplog.text
    assert "they may not be tracked: Line." in caplog.text
    assert "tracked: Order." in caplog.text


def test_of_many_tables_some_are_asked_and_the_others_are_counted(caplog, monkeypatch):
    monkeypatch.setattr(tracking_report, "_MOST_TRACKING_PROBES", 1)
    report(TableService({f"Note{DELETIONS}": [deleted("1", T1000)]}))
    assert "tracked: Note. 2 more tables were not asked." in caplog.text


def test_where_there_is_no_time_for_hints_no_table_is_asked(caplog):
    service = report(TableService({f"Order{DELETIONS}": [deleted("1", T1000)]}), may_hint=lambda: False)
    assert len(service.requests) == 2
    assert "tracked: none. 3 more tables were not asked." in caplog.text


def test_a_failure_that_asks_for_more_than_a_stop_is_not_taken_for_an_untracked_table(caplog):
    busy = replace(PASSING, action=Action.THROTTLED)
    with pytest.raises(RequestFailed):
        report(TableService({}, lambda name, _params: busy if DELETIONS in name else None))
    report(TableService({}, lambda name, _params: PASSING if DELETIONS in name else None))
    assert "not tracked: Order, Line, Note." in caplog.text


def test_tables_that_flag_their_deleted_rows_need_no_tracking():
    def table(name, **more):
        return ODataTable(ODataFeed.TABLES, name, name, {NOTE_ID: FieldKind.GUID}, **more)

    def behind(*fields, restricted=()):
        return SimpleNamespace(fields=dict.fromkeys(fields), restricted=frozenset(restricted))

    own = [table("A", is_tracked=True), table("B", is_tracked=True, has_flags=True), table("C")]
    forms = {
        "PX.D": behind(NOTE_ID),
        "PX.E": behind(NOTE_ID, DELETED_FLAG),
        "PX.F": behind(NOTE_ID, restricted=[DELETED_FLAG]),
        "PX.G": behind("Key"),
        "PX.H": None,
        "PX.A": behind(NOTE_ID),
    }
    assert trackable(own, forms) == [("PX_D", "D"), ("A",)]
