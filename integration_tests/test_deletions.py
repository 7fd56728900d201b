"""Records that are deleted in the ERP are gone from the destination, whenever and however they were deleted."""

from __future__ import annotations

import itertools
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from .comparison import differences
from .harness import DELETED_AT, FULL_REFRESH, TENANTS, Destination, catalog_of, check, configured, discover, run
from .simulator import Lies, Simulator
from .tracked_site import SETTINGS, STREAMS, resynced
from .tracked_site import erp as erp
from .tracked_site import synced as synced

LATE = timedelta(minutes=12)


def tombstones(config: dict[str, Any], catalog: dict[str, Any], state: list[Any]) -> list[dict[str, Any]]:
    """The removed records that a read brings."""
    records = [one["record"] for one in run("read", config, catalog=catalog, state=state) if one["type"] == "RECORD"]
    return [record for record in records if record["data"].get(DELETED_AT)]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def lists_read(destination: Destination) -> dict[str, str | None]:
    """When the list of deletions of each stream's first tenant was read last."""
    states = {name: state["stream"]["stream_state"]["states"][0] for name, state in destination.states.items()}
    return {name: part.get("deletions_asked") for name, part in states.items()}


def test_streams_are_keyed_by_the_records_own_id_where_it_has_one(erp: Simulator) -> None:
    tracked, plain = (discover(erp.config(**{**SETTINGS, "track_deletions": on})) for on in (True, False))
    keys = {name: [path[0] for path in one.get("source_defined_primary_key", ())] for name, one in tracked.items()}
    assert keys["SalesOrder"] == ["_tenant", "id"]
    assert keys["dac__SOOrder"] == ["_tenant", "NoteID"]
    # Lines have no lasting id, and these forms are no known table.
    assert keys["SalesOrder__Details"] == ["_tenant", "_parent_OrderType", "_parent_OrderNbr", "LineNbr"]
    assert keys["ShipVia"][1:] != ["id"]
    assert all(DELETED_AT in tracked[name]["json_schema"]["properties"] for name in ("SalesOrder", "dac__SOOrder"))
    assert not any(DELETED_AT in one["json_schema"]["properties"] for one in plain.values())
    assert plain["SalesOrder"]["source_defined_primary_key"] == [["_tenant"], ["OrderType"], ["OrderNbr"]]


def test_a_deleted_document_goes_with_its_lines(synced: Any) -> None:
    company = synced[0].tenant("Company")
    company.delete("SalesOrder", company.keys("SalesOrder")[2])
    assert resynced(synced) == []


def test_a_record_that_is_only_flagged_as_deleted_goes(synced: Any) -> None:
    company = synced[0].tenant("Company")
    company.delete("Customer", company.keys("Customer")[2])
    assert resynced(synced) == []
    assert resynced(synced) == []
    assert synced[3].warnings == [], "a table with flags need not be tracked"


def test_a_line_that_is_removed_goes_from_both_apis(synced: Any) -> None:
    company = synced[0].tenant("Company")
    key = company.keys("SalesOrder")[0]
    company.update("SalesOrder", key, {"Details": [{"LineNbr": 2, "OrderQty": 7}]})
    assert resynced(synced) == []


def test_a_record_that_is_removed_and_created_again_is_there_once(synced: Any) -> None:
    erp, _, _, destination = synced
    company = erp.tenant("Company")
    key = company.keys("SalesOrder")[1]
    company.delete("SalesOrder", key)
    erp.clock.advance(1)
    company.insert("SalesOrder", {"OrderType": key[0], "OrderNbr": key[1], "Details": [{"LineNbr": 1, "OrderQty": 3}]})
    assert resynced(synced) == []
    again = [row for row in destination.rows("SalesOrder") if (row["OrderType"], row["OrderNbr"]) == key]
    assert [row["_tenant"] for row in again].count("Company") == 1


def test_a_record_that_is_changed_and_then_removed_is_gone(synced: Any) -> None:
    erp = synced[0]
    company = erp.tenant("Company")
    key = company.keys("SalesOrder")[1]
    company.update("SalesOrder", key, {"Description": "changed"})
    erp.clock.advance(1)
    company.delete("SalesOrder", key)
    assert resynced(synced) == []


def test_a_deletion_that_was_committed_late_is_found_by_the_look_back(synced: Any) -> None:
    erp, config, catalog, destination = synced
    destination.sync(config, catalog)
    company = erp.tenant("Company")
    # Its time lies before the last sync, as that of a transaction that took long.
    company.delete("SalesOrder", company.keys("SalesOrder")[1], stamp=erp.clock.now().replace(microsecond=0) - LATE)
    assert resynced(synced) == []


@pytest.mark.parametrize("request_number", [1, 4, 8, 12, 16, 20])
def test_a_record_that_is_removed_while_the_first_sync_reads_goes_with_the_next(
    erp: Simulator, request_number: int, small_pages: None
) -> None:
    config = erp.config("Company", **SETTINGS, max_page_size=3)
    catalog = catalog_of(config, *STREAMS)
    company, turns = erp.tenant("Company"), itertools.count(1)
    orders = len(company.keys("SalesOrder"))

    def delete(_request: Any) -> None:
        if next(turns) == request_number:
            company.delete("SalesOrder", company.keys("SalesOrder")[0])
            company.delete("Customer", company.keys("Customer")[0])

    erp.before_request(delete)
    destination = Destination()
    destination.sync(config, catalog)
    assert len(company.keys("SalesOrder")) == orders - 1
    erp.clock.advance(2)
    destination.sync(config, catalog)
    assert differences(destination, erp, ["Company"]) == []


def test_what_is_removed_between_a_cut_off_first_sync_and_its_resume_goes(erp: Simulator, small_pages: None) -> None:
    config = erp.config("Company", **SETTINGS, max_page_size=3)
    catalog = catalog_of(config, "SalesOrder", "dac__SOOrder")
    destination = Destination()
    destination.sync(config, catalog, stop_after=30)
    arrived = {row["id"] for row in destination.rows("SalesOrder")}
    company = erp.tenant("Company")
    assert 0 < len(arrived) < 8
    erp.clock.advance(7200)
    company.delete("SalesOrder", company.keys("SalesOrder")[0])
    assert company.deleted("SOOrder")[0]["RefNoteID"] in arrived
    erp.clock.advance(60)
    destination.sync(config, catalog)
    assert differences(destination, erp, ["Company"]) == []


def test_a_table_that_is_not_tracked_is_told_and_all_else_arrives() -> None:
    with Simulator(rows=6, tracked=("SOLine",)) as sim:
        config = sim.config("Company", **SETTINGS, compare_keys_hours=0)
        catalog = catalog_of(config, *STREAMS)
        destination = Destination()
        destination.sync(config, catalog)
        company = sim.tenant("Company")
        sim.clock.advance(3600)
        before = lists_read(destination)
        gone = company.keys("SalesOrder")[0]
        company.delete("SalesOrder", gone)
        company.update("SalesOrder", company.keys("SalesOrder")[0], {"Description": "changed"})
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert len([line for line in destination.warnings if "SOOrder are not tracked: list the table" in line]) == 2
        assert all("SM207010" in line for line in destination.warnings)
        moved = {name for name, at in lists_read(destination).items() if at != before[name]}
        assert moved == {"dac__SOLine"}, "no list was read where nothing could be"
        left = differences(destination, sim, ["Company"])
        assert len(left) == 2
        assert all("does not exist in the ERP" in line for line in left)
        # From now on deletions are kept; that one is lost, the next is not.
        company.track("SOOrder")
        company.delete("SalesOrder", company.keys("SalesOrder")[0])
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert len([line for line in destination.warnings if "the ERP tracks the table since" in line]) == 2, "told"
        # The deleted one was the latest row that had come, and nothing says that it was deleted.
        assert [line for line in destination.warnings if "a row that was changed at" in line]
        assert len(differences(destination, sim, ["Company"])) == 2
        destination.sync(config, catalog)
        assert not [line for line in destination.warnings if "SOOrder" in line]


def test_check_tells_what_is_tracked_and_what_is_not(erp: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    assert check(erp.config("Company", **SETTINGS))["status"] == "SUCCEEDED"
    (warning,) = [line for line in caplog.messages if "not tracked:" in line]
    assert "ARInvoice" in warning
    assert "SM207010" in warning
    assert "Customer" not in warning, "it has flags"
    (told,) = [line for line in caplog.messages if "deleted records: tracked:" in line]
    assert "SOLine, SOOrder" in ", ".join(sorted(told.split("tracked: ")[1].rstrip(".").split(", ")))


def test_a_role_that_is_taken_away_costs_the_deletions_until_it_is_back(synced: Any) -> None:
    erp, config, _, destination = synced
    catalog = catalog_of(config, "SalesOrder", "Vendor")
    company, roles = erp.tenant("Company"), erp.account("Company").roles
    company.delete("SalesOrder", company.keys("SalesOrder")[0])
    before = set(roles)
    roles.clear()
    destination.sync(config, catalog)
    assert any("OData4 User" in line and "Deleted records are not read" in line for line in destination.warnings)
    roles.update(before)
    erp.clock.advance(7200)
    destination.sync(config, catalog)
    assert differences(destination, erp, TENANTS) == []


def test_a_closed_service_fails_the_check_of_somebody_who_wants_deletions() -> None:
    with Simulator(rows=3, odata_roles=()) as sim:
        status = check(sim.config(track_deletions=True))
        assert status["status"] == "FAILED"
        assert "OData4 User" in status["message"]


def test_a_removed_record_is_newer_than_its_last_change_and_older_than_any_later_one(synced: Any) -> None:
    erp, config, catalog, destination = synced
    company = erp.tenant("Company")
    key = company.keys("Customer")[0]
    row = company.rows("Customer")[0]
    company.delete("Customer", key)
    (tombstone,) = [
        one["data"] for one in tombstones(config, catalog, destination.state) if one["stream"] == "dac__Customer"
    ]
    assert tombstone.keys() == {"_tenant", "NoteID", "LastModifiedDateTime", DELETED_AT}
    assert tombstone["NoteID"] == row["id"]
    assert _instant(tombstone["LastModifiedDateTime"]) - _instant(tombstone[DELETED_AT]) == timedelta(milliseconds=1)


def test_a_full_refresh_has_no_use_for_removed_records(erp: Simulator) -> None:
    config = erp.config("Company", **SETTINGS)
    company = erp.tenant("Company")
    company.delete("SalesOrder", company.keys("SalesOrder")[0])
    company.delete("Customer", company.keys("Customer")[0])
    catalog = catalog_of(config, *STREAMS, mode=FULL_REFRESH)
    assert tombstones(config, catalog, []) == []
    destination = Destination()
    destination.sync(config, catalog)
    assert differences(destination, erp, ["Company"]) == []


def test_a_connection_that_still_has_the_old_keys_gets_no_tombstones(erp: Simulator) -> None:
    """Without a refresh of the schema the destination could not tell which row is meant."""
    found = discover(erp.config("Company", **{**SETTINGS, "track_deletions": False}))
    catalog = configured([found[name] for name in ("SalesOrder", "dac__SOOrder")])
    company = erp.tenant("Company")
    config = erp.config("Company", **SETTINGS)
    destination = Destination()
    destination.sync(config, catalog)
    company.delete("SalesOrder", company.keys("SalesOrder")[0])
    erp.clock.advance(60)
    assert tombstones(config, catalog, destination.state) == []


def test_the_position_of_deletions_moves_on_its_own(synced: Any) -> None:
    erp, config, catalog, destination = synced
    for tenant in map(erp.tenant, TENANTS):
        tenant.delete("SalesOrder", tenant.keys("SalesOrder")[0])
    erp.requests.clear()
    destination.sync(config, catalog)
    asked = {one.tenant: one.query["$filter"] for one in erp.requests if "SOOrder/px.GetDeletedRecords" in one.path}
    assert set(asked) == set(TENANTS)
    for part in destination.states["SalesOrder"]["stream"]["stream_state"]["states"]:
        assert part["deletions"] > part["cursor"]["LastModified"], "to which nothing has come"
        # An hour before, less the look-back.
        condition = asked[part["partition"]["tenant"]]
        assert condition.startswith("DeleteDate ge ")
        assert condition < f"DeleteDate ge {part['deletions']}"


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("stream", ["SalesOrder", "dac__SOOrder"])
def test_a_list_that_is_empty_for_a_while_costs_no_deletion(stream: str, times: int) -> None:
    """One empty answer proves nothing, nor do several."""
    with Simulator(rows=8, tenants=("Company",), tracked=("SOOrder",)) as sim:
        config = sim.config(**SETTINGS)
        catalog = catalog_of(config, stream)
        company, destination = sim.tenant("Company"), Destination()

        def sync() -> list[str]:
            """An hour later, of an ERP that is in use."""
            sim.clock.advance(3600)
            company.update("SalesOrder", company.keys("SalesOrder")[-1], {})
            destination.sync(config, catalog)
            assert destination.warnings == []
            return differences(destination, sim, ["Company"])

        sync()
        company.delete("SalesOrder", company.keys("SalesOrder")[1])
        sim.lies = Lies(only="GetDeleted", most_rows=0)
        for _ in range(times):
            assert len(sync()) == 1
        sim.lies = ()
        assert sync() == []
        for _ in range(12):  # longer than the ERP keeps its list
            sim.clock.advance(86_400)
            assert sync() == []


def test_a_state_from_before_the_setting_gets_all_deletions_there_are(synced: Any) -> None:
    erp, _, _, destination = synced
    company = erp.tenant("Company")
    company.delete("SalesOrder", company.keys("SalesOrder")[0])
    erp.clock.advance(86_400)
    for state in destination.states.values():
        for part in state["stream"]["stream_state"]["states"]:
            part.pop("deletions", None)
            part.pop("has_no_flags", None)
    assert resynced(synced) == []


@pytest.mark.parametrize("relative", [True, False])
def test_deletions_that_come_in_pages_are_all_read(relative: bool) -> None:
    with Simulator(rows=9, tracked=("SOOrder", "SOLine"), odata_page_rows=2, odata_relative_links=relative) as sim:
        config = sim.config("Company", **SETTINGS)
        catalog = catalog_of(config, *STREAMS)
        destination = Destination()
        destination.sync(config, catalog)
        company = sim.tenant("Company")
        sim.clock.advance(3600)
        for key in company.keys("SalesOrder")[:5]:
            company.delete("SalesOrder", key)
        for key in company.keys("Customer")[:5]:
            company.delete("Customer", key)
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []


def test_a_first_page_of_deletions_with_more_rows_than_asked_for_is_not_taken_for_all() -> None:
    with Simulator(rows=6, tenants=("Company",), tracked=("SOOrder",)) as sim:
        config = sim.config(generic_inquiries=[], dac_tables=["SOOrder"], track_deletions=True, max_page_size=50)
        catalog = catalog_of(config, "dac__SOOrder")
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(3600)
        gone = [str(uuid.UUID(int=number * 7919)) for number in range(1, 121)]
        at = sim.clock.now()
        company = sim.tenant("Company")
        company.journal.keep("SOOrder", [(one, at - timedelta(seconds=number)) for number, one in enumerate(gone)])
        sim.lies = Lies(only="GetDeleted", repeats=3)
        messages = run("read", config, catalog=catalog, state=destination.state)
        rows = [message["record"]["data"] for message in messages if message["type"] == "RECORD"]
        assert {row["NoteID"] for row in rows if row.get(DELETED_AT)} == {*gone}


def test_a_better_stamp_that_an_upgrade_brings_does_not_lead_deletions_past_the_catalog() -> None:
    """Of stock items, older versions of the endpoint show ``LastModified`` alone; the destination ranks by that."""
    with Simulator(rows=12, tenants=("Company",), tracked=("InventoryItem",)) as sim:
        company = sim.tenant("Company")
        company.lacks = {"StockItem.LastModifiedDateTime"}
        config = sim.config(generic_inquiries=[], track_deletions=True, include_custom_fields=False)
        catalog, destination = catalog_of(config, "StockItem"), Destination()
        assert catalog["streams"][0]["stream"]["default_cursor_field"] == ["LastModified"]
        destination.sync(config, catalog)
        company.lacks = set()
        for _ in range(2):
            sim.clock.advance(86_400)
            company.delete("StockItem", company.keys("StockItem")[0])
            sim.clock.advance(3_600)
            destination.sync(config, catalog)
            assert len(destination.tables["StockItem"]) == len(company.rows("StockItem"))
        company.lacks = {"StockItem.LastModified"}
        destination.sync(config, catalog, fails=True)
        (error,) = destination.errors
        assert (
            "its cursor is LastModified in the connection's schema and LastModifiedDateTime in the ERP"
            in error["message"]
        )


def test_a_schema_from_before_the_tracking_of_deletions_is_told_of_in_the_log(sim: Simulator) -> None:
    config = sim.config(generic_inquiries=[], dac_tables=["SOOrder"])
    catalog = catalog_of(config, "dac__SOOrder", "SalesOrder")
    destination = Destination()
    destination.sync(config | {"track_deletions": True}, catalog)
    assert [warning for warning in destination.warnings if "Deleted records are not sent for dac__SOOrder" in warning]


def test_archived_records_are_no_sign_that_deletions_cannot_be_found() -> None:
    with Simulator(rows=40, tenants=("Company",), tracked=("SOOrder",)) as sim:
        company = sim.tenant("Company")
        for key in company.keys("SalesOrder")[:20]:
            company.archive("SalesOrder", key)
        config = sim.config(generic_inquiries=[], track_deletions=True, include_archived=True)
        destination = Destination()
        destination.sync(config, catalog_of(config, "SalesOrder"))
        assert not destination.warnings
