"""Tests that flagged rows go, whatever may be asked of the flag and of other columns."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from .comparison import differences
from .deletion_pairs import STREAMS, paired
from .harness import Destination, catalog_of
from .simulator import Simulator
from .simulator.odata.deletion_rules import DeletionRules, Flag
from .simulator.web.answers import Answer

BOTH = pytest.mark.parametrize("tells_flag", [True, False], ids=["told", "untold"])
FLAGS = pytest.mark.parametrize("flag", list(Flag), ids=lambda flag: flag.name)


def flag_requests(sim: Simulator, option: str) -> list[str]:
    return [one.path for one in sim.requests if "DeletedDatabaseRecord" in one.query.get(option, "")]


# ------------------------------------------------------------------------------------------------------------ the flag


@BOTH
@FLAGS
def test_flagged_rows_go_whatever_may_be_asked_of_the_flag(flag: Flag, tells_flag: bool) -> None:
    with paired(DeletionRules(flag=flag, tells_flag=tells_flag), odata_page_rows=2) as pair:
        pair.delete("Customer", 3)
        pair.delete("SalesOrder")
        assert pair.sync() == []
        assert pair.warnings == []


@FLAGS
def test_the_flag_is_not_asked_for_where_the_description_says_that_it_may_not(flag: Flag) -> None:
    with paired(DeletionRules(flag=flag)) as pair:
        pair.sim.requests.clear()
        pair.delete("Customer")
        assert pair.sync() == []
        assert bool(flag_requests(pair.sim, "$filter")) == (flag is Flag.FREE)


def test_only_rows_with_the_flag_go_where_the_server_does_not_filter_by_it() -> None:
    """Whatever a filter claims to have done, the flag itself decides."""
    with paired(DeletionRules(), "Customer", "dac__Customer") as pair:

        def unfiltered(request: Any, answer: Answer) -> Answer:
            if "$select" in request.query and "DeletedDatabaseRecord" in request.query.get("$filter", ""):
                rows = pair.company.dac_rows("Customer", deleted=True)
                names = request.query["$select"].split(",")
                shown = [{name: _plain(row.get(name)) for name in names} for row in rows]
                return replace(answer, body=json.dumps({"value": shown}).encode())
            return answer

        pair.sim.rewrite(unfiltered)
        pair.delete("Customer", 2)
        assert pair.sync() == []
        assert len(pair.destination.rows("Customer")) == 7


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize("change", ["insert", "delete", "update"])
@pytest.mark.parametrize("request_number", [1, 2, 3, 4])
def test_a_row_that_comes_or_goes_between_the_two_lists_is_not_taken_for_deleted(
    change: str, request_number: int
) -> None:
    with paired(DeletionRules(flag=Flag.CLOSED), "Customer", "dac__Customer") as pair:
        gone = pair.delete("Customer")
        turns = itertools.count(1)

        def meddle(request: Any) -> None:
            is_list = request.path.endswith("Customer") and "/dac/" in request.path
            if not is_list or "NoteID" not in request.query.get("$orderby", "") or next(turns) != request_number:
                return
            if change == "insert":
                pair.company.insert("Customer", {"CustomerID": "A000000", "CustomerName": "new"})
            elif change == "delete":
                pair.company.delete("Customer", pair.company.keys("Customer")[0])
            else:
                pair.company.update("Customer", pair.company.keys("Customer")[0], {"CustomerName": "other"})

        pair.sim.before_request(meddle)
        pair.sync()
        alive = {row["id"] for row in pair.company.rows("Customer")}
        for stream, column in (("Customer", "id"), ("dac__Customer", "NoteID")):
            left = {row[column] for row in pair.destination.rows(stream)}
            assert not left & set(gone)
        assert pair.sync() == []
        assert {row["id"] for row in pair.destination.rows("Customer")} == alive


def test_the_list_is_read_where_the_flag_cannot_be_and_the_other_way_round() -> None:
    with paired(DeletionRules(), tracked=("SOOrder", "Customer")) as pair:
        pair.delete("Customer")
        pair.delete("SalesOrder")
        before = {stream: pair.position(stream) for stream in STREAMS}
        pair.sim.rewrite(lambda request, answer: _unless(request.headers.get("px-apideleted"), answer))
        assert pair.sync() == [], "a tracked table needs no flag"
        assert [line for line in pair.warnings if "only flags are not read" in line]
        assert all(pair.position(stream) != before[stream] for stream in STREAMS)
    with paired(DeletionRules(), tracked=("Customer",)) as pair:
        pair.delete("Customer")
        before = {stream: pair.position(stream) for stream in STREAMS}
        pair.sim.rewrite(lambda request, answer: _unless("GetDeletedRecords" in request.path, answer))
        assert pair.sync() == [], "a row that is flagged need not be listed"
        assert [line for line in pair.warnings if "Deleted records are not read" in line]
        assert all(pair.position(stream) == before[stream] for stream in STREAMS)


def _unless(refuses: object, answer: Answer) -> Answer:
    body = b'{"error": {"message": "You have insufficient rights."}}'
    return Answer(403, body, "application/json") if refuses else answer


# ------------------------------------------------------------------------- columns that may not be asked for by name


@pytest.mark.parametrize("dropped", ["VendorClassID", "AcctName", "Vendor1099"])
@pytest.mark.parametrize("mode", ["incremental", "full_refresh"])
def test_a_table_whose_own_columns_may_not_be_named_is_read_with_any_selection(dropped: str, mode: str) -> None:
    rules = DeletionRules(unfilterable=("Vendor",))
    with Simulator(rows=9, tenants=("Company",), deletions=rules) as sim:
        config = sim.config("Company", dac_tables=["Vendor"], generic_inquiries=[])
        catalog = catalog_of(config, "dac__Vendor", mode=mode)
        del catalog["streams"][0]["stream"]["json_schema"]["properties"][dropped]
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
        assert destination.warnings == []
        sim.clock.advance(3600)
        company = sim.tenant("Company")
        company.update("Vendor", company.keys("Vendor")[2], {"VendorName": "other"})
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
