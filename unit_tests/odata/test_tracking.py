"""Tests what is known of the deletions that the ERP keeps, and when some may be missing in its list."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.tables import NOTE_ID
from source_acumatica.odata.tracking import History, Tracking
from source_acumatica.reading.fields import FieldKind
from unit_tests.odata.table_service import CLOSED, NOON, PASSING, T0900, T1000, T1100, TableService, of

ORDER = ("PX_Objects_SO_SOOrder", "SOOrder")
TRACKED = {"SMDeletedRecordsTrackingTables": [{"TableName": " PX.Objects.SO.SOOrder ", "CreatedDateTime": T1000}]}
DAYS = "DaysRetentionHistoryDeletedRecords"


def history(sets=TRACKED, refuses=lambda *_: None):
    return Tracking(TableService({"ODataPreferences": [{DAYS: 30}], **sets}, refuses)).history("A")


def test_a_table_is_tracked_under_its_short_and_its_full_name():
    found = history()
    assert found.days == 30
    assert [found.lists([name]) for name in (*ORDER, "soorder", "SOLine")] == [True, True, True, False]
    assert found.added_at(ORDER) == T1000
    assert found.added_at(["SOLine"]) is None


def test_each_tenant_is_asked_once_in_a_run():
    service = TableService(TRACKED)
    tracking = Tracking(service)
    assert tracking.history("A") is tracking.history("A")
    assert len(service.requests) == 2
    tracking.history("B")
    assert len(service.requests) == 4


@pytest.mark.parametrize(("problem", "level"), [(CLOSED, logging.INFO), (PASSING, logging.WARNING)])
def test_what_cannot_be_read_is_unknown_and_the_log_says_so(problem, level, caplog):
    caplog.set_level(logging.INFO, "airbyte")
    assert history(refuses=of(problem)) == History()
    assert History().lists(ORDER) is None
    (record,) = caplog.records
    assert record.levelno == level
    assert "Going on without SMDeletedRecordsTrackingTables and ODataPreferences" in record.message


def test_one_table_that_cannot_be_read_leaves_the_other():
    found = history(refuses=lambda name, _params: CLOSED if name == "ODataPreferences" else None)
    assert (found.lists(ORDER), found.days) == (True, None)
    assert "10 days unless that was changed" in found.kept


def test_rows_without_what_was_asked_for_are_not_an_empty_list_of_tracked_tables():
    assert history({"SMDeletedRecordsTrackingTables": [{"Other": 1}]}).added is None


def test_a_list_that_is_kept_for_no_day_is_warned_of(caplog):
    assert history({**TRACKED, "ODataPreferences": [{DAYS: 0}]}).days == 0
    assert "keeps its list of deleted records for 0 days" in caplog.text


# ------------------------------------------------------------------------------------------------------- gaps

KEPT = History({"soorder": T1000}, 2)


def ago(**time):
    return (NOON - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("known", "position", "why"),
    [
        (KEPT, T1100, None),
        (KEPT, T1000, None),
        # Positions have whole seconds.
        (KEPT, "2026-11-22T09:59:59.000000Z", None),
        (KEPT, T0900, f"tracks the table since {T1000} only"),
        (KEPT, None, "that was not read before"),
        (History({}, 2), None, "deleted records were not read before"),
        (History({}, 2), ago(days=1), None),
        # Entries are removed once an hour.
        (History({}, 2), ago(days=2, minutes=-61), None),
        (History({}, 2), ago(days=2, minutes=-59), "2.0 days ago"),
        (History(), ago(days=9), None),
        (History(), ago(days=11), "11.0 days ago"),
        # Another warning says that such a list cannot be relied on.
        (History({}, 0), ago(days=99), None),
    ],
)
def test_the_list_has_a_gap_where_entries_may_be_gone_or_were_never_made(known, position, why):
    gap = known.gap(["SOOrder"], position, NOON)
    assert (why in gap) if why else gap is None


def test_without_a_clock_only_the_time_of_tracking_shows_a_gap():
    assert History({}, 2).gap(["SOOrder"], ago(days=99), None) is None
    assert KEPT.gap(["SOOrder"], T0900, None)


def test_a_gap_names_the_time_before_which_deletions_are_missing():
    gap = History({}, 2).gap(["SOOrder"], ago(days=3), NOON)
    assert datetime.fromisoformat(gap.split("deleted before ")[1].split()[0]) == NOON - timedelta(days=2)


# ------------------------------------------------------------------------------------------------------- descriptions

ENTITY_SET = SimpleNamespace(
    names=("SOOrder",),
    type_name="PX.Objects.SO.SOOrder",
    keys=("OrderNbr",),
    fields={"OrderNbr": FieldKind.STRING, NOTE_ID: FieldKind.GUID},
    is_short_name_unique=True,
    restricted=frozenset(),
    links=(),
)
OTHER = SimpleNamespace(**{**vars(ENTITY_SET), "names": ("SOLine",), "type_name": "PX.Objects.SO.SOLine"})


def test_the_expected_tables_are_described_by_one_download():
    service = TableService({}, descriptions=[ENTITY_SET, OTHER])
    tracking = Tracking(service)
    tracking.expect(ENTITY_SET.type_name)
    assert tracking.table("A", ENTITY_SET.type_name).keys == ("OrderNbr",)
    assert tracking.table("A", OTHER.type_name) is None, "it was not expected"
    assert len(service.requests) == 1


def test_a_description_that_fails_leaves_tables_unknown_and_is_not_asked_for_again(caplog):
    service = TableService({}, descriptions=replace(PASSING, sentence="it is down"))
    tracking = Tracking(service)
    assert [tracking.table("A", ENTITY_SET.type_name) for _ in range(2)] == [None, None]
    assert len(service.requests) == 1
    assert "it is down. Which tables flag their deleted rows is found out by trying." in caplog.text


def test_the_end_of_the_run_is_not_taken_for_an_unknown_history():
    def ends(*_):
        raise PoolClosed

    with pytest.raises(PoolClosed):
        history(refuses=ends)
