"""Tests that a removal wins against the row that it removes, whatever their stamps."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from source_acumatica.reading.fields import format_instant, just_after

from .deletion_pairs import DAY_SECONDS, STREAMS, Pair, paired
from .harness import DELETED_AT, catalog_of
from .simulator import Lies, Simulator
from .simulator.odata.deletion_rules import DeletionRules
from .simulator.web.answers import Answer


def test_where_the_column_of_deletions_is_not_selected_none_are_sent_and_none_are_lost() -> None:
    with paired(DeletionRules()) as pair:
        for one in pair.catalog["streams"]:
            one["stream"]["json_schema"]["properties"].pop(DELETED_AT)
        before = {stream: pair.position(stream) for stream in STREAMS}
        pair.delete("SalesOrder")
        pair.delete("Customer")
        records = pair.destination.records
        pair.sync()
        assert pair.destination.records < records
        assert len([line for line in pair.warnings if f"{DELETED_AT} is not selected" in line]) == len(STREAMS)
        assert {stream: pair.position(stream) for stream in STREAMS} == before
        pair.catalog = catalog_of(pair.config, *STREAMS)
        assert pair.sync(DAY_SECONDS) == []


def test_a_removal_wins_however_the_apis_round_a_stamp() -> None:
    """The same stamp comes in milliseconds through the one and with all its digits through the other."""
    with paired(DeletionRules(), "Customer") as pair:

        def finer(request: Any, answer: Answer) -> Answer:
            if "/dac/Customer" not in request.path.replace("PX_Objects_AR_", ""):
                return answer
            body = json.loads(answer.body)
            for row in body.get("value", ()):
                stamp = datetime.fromisoformat(row["LastModifiedDateTime"]) - timedelta(microseconds=333)
                row["LastModifiedDateTime"] = stamp.isoformat()
            return replace(answer, body=json.dumps(body).encode())

        pair.sim.rewrite(finer)
        pair.delete("Customer", 3)
        assert pair.sync() == []


@pytest.mark.parametrize("shift_minutes", [-300, -10, 10])
@pytest.mark.parametrize("ahead_seconds", [-7200, 0, 7200])
def test_a_flagged_record_goes_whatever_stamp_its_table_shows(shift_minutes: int, ahead_seconds: int) -> None:
    """And no later than all that has come, so that a change which comes after it wins, by whichever clock."""
    with Simulator(rows=9, tenants=("Company",)) as sim:
        sim.clock.database_ahead_seconds = ahead_seconds
        shift = timedelta(minutes=shift_minutes)
        sim.lies = Lies(shown={"Customer.LastModifiedDateTime": lambda _, cell: cell + shift if cell else cell})
        pair = Pair(sim, "Customer")
        for _ in range(2):
            pair.company.update("Customer", pair.company.keys("Customer")[1], {"CustomerName": "changed"})
            pair.sync()
            pair.delete("Customer", 2)
            newest = max(row["LastModifiedDateTime"] for row in pair.destination.rows("Customer"))
            assert pair.sync() == []
            cursors = [record["LastModifiedDateTime"] for record in pair.sent if record.get(DELETED_AT)]
            assert cursors
            assert max(cursors) == just_after(newest)


def test_a_stamp_far_ahead_does_not_hide_what_comes_back() -> None:
    with paired(DeletionRules(), "Customer") as pair:
        ahead = pair.sim.clock.now() + timedelta(days=9_000)
        pair.company.update("Customer", pair.company.keys("Customer")[3], {"CustomerName": "x"}, stamp=ahead)
        pair.sync()
        pair.delete("Customer")
        assert pair.sync() == []
        (cursor,) = [record["LastModifiedDateTime"] for record in pair.sent if record.get(DELETED_AT)]
        assert cursor < format_instant(pair.sim.clock.now() + timedelta(days=2))


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00Z"])
def test_a_flagged_row_goes_also_with_a_stamp_at_an_end_of_time(stamp: str) -> None:
    with paired(DeletionRules(), "dac__Customer") as pair:

        def at_the_end(request: Any, answer: Answer) -> Answer:
            if "px-apideleted" not in request.headers or answer.status != 200 or "$metadata" in request.path:
                return answer
            body = json.loads(answer.whole().body)
            for row in body["value"]:
                row |= {"LastModifiedDateTime": stamp} if "LastModifiedDateTime" in row else {}
            return replace(answer.whole(), body=json.dumps(body).encode())

        pair.sim.rewrite(at_the_end)
        (deleted,) = pair.delete("Customer")
        pair.sync()
        assert [record["NoteID"] for record in pair.sent if record[DELETED_AT]] == [deleted]


@pytest.mark.parametrize("stream", ["SalesOrder", "dac__SOOrder"])
def test_a_deletion_that_is_stamped_before_its_row_wins_unless_the_row_is_there(stream: str) -> None:
    """Two clocks stamp them; and a row that came back under its NoteID was changed since."""
    with paired(DeletionRules(), stream) as pair:
        gone, back = pair.company.keys("SalesOrder")[:2]
        for key in (gone, back):
            stamp = pair.sim.clock.now() + timedelta(minutes=10)
            pair.company.update("SalesOrder", key, {"Description": "changed"}, stamp=stamp)
        assert pair.sync() == []
        there = {(row["OrderType"], row["OrderNbr"]): row["id"] for row in pair.company.rows("SalesOrder")}
        pair.company.delete("SalesOrder", gone)
        pair.company.journal.keep("SOOrder", [(there[back], pair.sim.clock.now())])
        before = len(pair.sim.requests)
        assert pair.sync() == []
        assert pair.warnings == []
        asked = [one for one in pair.sim.requests[before:] if "NoteID eq" in one.query.get("$filter", "")]
        assert len(asked) == 2, "once for both, and for the one that did not come"
        pair.company.update("SalesOrder", back, {"Description": "again"}, pair.sim.clock.now() + timedelta(minutes=10))
        assert pair.sync() == []


def test_whether_a_record_is_gone_is_not_asked_where_the_clocks_agree() -> None:
    with paired(DeletionRules(), "SalesOrder") as pair:
        pair.company.update("SalesOrder", pair.company.keys("SalesOrder")[5], {"Description": "changed"})
        pair.sync()
        pair.delete("SalesOrder", 2)
        pair.sim.clock.advance(10)
        pair.company.update("SalesOrder", pair.company.keys("SalesOrder")[5], {"Description": "changed"})
        before = len(pair.sim.requests)
        assert pair.sync() == []
        assert not [one for one in pair.sim.requests[before:] if "NoteID eq" in one.query.get("$filter", "")]


def test_a_deleted_row_that_was_stamped_far_ahead_is_told() -> None:
    """No removal may be stamped so late that a record which comes back would lose against it for months."""
    with paired(DeletionRules(), "SalesOrder") as pair:
        ahead = pair.sim.clock.now() + timedelta(days=400)
        pair.company.update("SalesOrder", pair.company.keys("SalesOrder")[0], {"Description": "x"}, stamp=ahead)
        pair.sync()
        pair.delete("SalesOrder")
        assert len(pair.sync()) == 1
        assert len([line for line in pair.warnings if "stamped with a time to come" in line]) == 1
        pair.sync()
        assert pair.warnings == []


@pytest.mark.parametrize("digits", [0, 1, 3])
def test_a_removal_wins_however_short_its_time_is_shown(digits: int) -> None:
    with paired(DeletionRules(), "SalesOrder", "dac__SOOrder") as pair:

        def shorter(request: Any, answer: Answer) -> Answer:
            if "GetDeletedRecords" not in request.path:
                return answer
            body = json.loads(answer.body)
            for row in body["value"]:
                deleted_at = datetime.fromisoformat(row["DeleteDate"]).isoformat(timespec="microseconds")
                row["DeleteDate"] = deleted_at[: 20 + digits].rstrip(".") + deleted_at[26:]
            return replace(answer, body=json.dumps(body).encode())

        pair.sim.rewrite(shorter)
        second = pair.sim.clock.now().replace(microsecond=0)
        at = second + timedelta(microseconds=550_000)
        pair.company.update("SalesOrder", pair.company.keys("SalesOrder")[0], {"Description": "auto"}, stamp=at)
        pair.sync()
        pair.company.delete("SalesOrder", pair.company.keys("SalesOrder")[0], stamp=at + timedelta(milliseconds=10))
        assert pair.sync() == []


def test_a_clock_that_was_ahead_costs_no_deletion() -> None:
    with paired(DeletionRules(), "SalesOrder") as pair:
        pair.sim.clock.advance(30 * DAY_SECONDS)
        pair.sync()
        pair.sim.clock.advance(-30 * DAY_SECONDS)
        pair.delete("SalesOrder")
        pair.sync()
        pair.sync(DAY_SECONDS)
        left = {row["id"] for row in pair.destination.rows("SalesOrder")}
        assert left == {row["id"] for row in pair.company.rows("SalesOrder")}
