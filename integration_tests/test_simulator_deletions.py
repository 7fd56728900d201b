"""Tests that the simulator's tables stamp what changes and list what was deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from integration_tests.odata_client import (
    LATE,
    Json,
    ODataClient,
    _parsed,
    refusal,
)
from integration_tests.odata_client import (
    a_tracking_site as a_tracking_site,
)
from integration_tests.odata_client import (
    an_odata_client as an_odata_client,
)
from integration_tests.simulator import Simulator
from integration_tests.simulator.odata.deletion_rules import DeletionRules
from integration_tests.simulator.tenants import Tenant


def test_only_the_line_that_changes_gets_a_new_stamp_and_its_order_does_too(sim: Simulator, odata: ODataClient) -> None:
    tenant, key = sim.tenant("Company"), sim.tenant("Company").insert("SalesOrder", {"Details": [{}, {}, {}]}, LATE)
    later = LATE + timedelta(days=1)
    tenant.update("SalesOrder", key, {"Details": [{}, {"OrderQty": Decimal(7)}, {}]}, later)
    chosen: Json = {"filter": f"OrderNbr eq '{key[1]}'", "select": "LastModifiedDateTime,NoteID"}
    stamps = [_parsed(row["LastModifiedDateTime"]) for row in odata.table("SOLine", **chosen)]
    assert stamps == [LATE, later, LATE]
    assert [_parsed(row["LastModifiedDateTime"]) for row in odata.table("SOOrder", **chosen)] == [later]


def test_a_change_of_the_order_leaves_its_lines_as_they_are(sim: Simulator, odata: ODataClient) -> None:
    before = odata.table("SOLine")
    for key in sim.tenant("Company").keys("SalesOrder"):
        sim.tenant("Company").update("SalesOrder", key, {"Hold": True})
    assert odata.table("SOLine") == before


def test_a_line_keeps_its_id_as_long_as_it_lives(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    key = tenant.insert("SalesOrder", {"Details": [{}, {}]})
    ids: Json = {"filter": f"OrderNbr eq '{key[1]}'", "select": "NoteID"}
    before = odata.table("SOLine", **ids)
    tenant.update("SalesOrder", key, {"Details": [{"OrderQty": Decimal(1)}]})
    tenant.update("SalesOrder", key, {"Details": [{"OrderQty": Decimal(1)}, {}]})
    after = odata.table("SOLine", **ids)
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert [each["RefNoteID"] for each in odata.deletions("SOLine")] == [before[1]["NoteID"]]


# ------------------------------------------------------------------------------------------------------- deletions


def test_deletions_are_told_by_id_and_time_for_the_order_and_for_its_lines(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    key = tenant.insert("SalesOrder", {"Details": [{}, {}]})
    chosen: Json = {"filter": f"OrderNbr eq '{key[1]}'", "select": "NoteID"}
    order, lines = odata.table("SOOrder", **chosen), odata.table("SOLine", **chosen)
    assert odata.deletions("SOOrder") == []
    tenant.delete("SalesOrder", key)
    assert [each["RefNoteID"] for each in odata.deletions("SOOrder")] == [order[0]["NoteID"]]
    assert [each["RefNoteID"] for each in odata.deletions("SOLine")] == [each["NoteID"] for each in lines]
    assert odata.deletions("SOOrder")[0].keys() == {"RefNoteID", "DeleteDate"}
    assert odata.table("SOLine", **chosen) == []


def test_deletions_are_filtered_by_date_and_paged(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    for days, key in enumerate(tenant.keys("SalesOrder")[:6]):
        tenant.delete("SalesOrder", key, stamp=LATE + timedelta(days=days))
    truth = [each["RefNoteID"] for each in tenant.deleted("SOOrder")]
    since = odata.deletions("SOOrder", filter="DeleteDate ge 2025-06-03T12:00:00Z")
    pages = [odata.deletions("PX_Objects_SO_SOOrder", top=4, skip=skip, orderby="DeleteDate") for skip in (0, 4)]
    assert [each["RefNoteID"] for each in since] == truth[2:]
    assert [each["RefNoteID"] for page in pages for each in page] == truth
    assert odata.deletions("SOOrder", select="RefNoteID", top=1) == [{"RefNoteID": truth[0]}]


def test_deletions_of_a_table_that_is_not_tracked_are_refused(odata: ODataClient) -> None:
    status, text = refusal(odata.get(f"{odata.root('dac')}/ARInvoice/px.GetDeletedRecords()"))
    assert (status, "not tracked" in text) == (400, True)


def test_deletions_count_from_when_tracking_began(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    first, second = tenant.keys("Invoice")[:2]
    tenant.delete("Invoice", first)
    tenant.track("ARInvoice")
    tenant.delete("Invoice", second)
    assert len(odata.deletions("ARInvoice")) == 1


def test_a_record_made_again_under_its_old_keys_is_another_record(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    key = tenant.keys("SalesOrder")[0]
    chosen: Json = {"filter": f"OrderType eq '{key[0]}' and OrderNbr eq '{key[1]}'", "select": "NoteID"}
    before = odata.table("SOOrder", **chosen)
    tenant.delete("SalesOrder", key)
    tenant.insert("SalesOrder", {"OrderType": key[0], "OrderNbr": key[1]})
    after = odata.table("SOOrder", **chosen)
    assert [each["RefNoteID"] for each in odata.deletions("SOOrder")] == [before[0]["NoteID"]]
    assert len(after) == 1
    assert after != before


def test_a_deleted_customer_is_only_flagged_and_shows_on_request(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    tenant.delete("Customer", ["C000002"])
    show = {"PX-ApiDeleted": "SHOW"}
    rows = odata.table("Customer", show, select="AcctCD,DeletedDatabaseRecord")
    assert [row["AcctCD"].strip() for row in rows if row["DeletedDatabaseRecord"]] == ["C000002"]
    assert len(rows) == 30
    assert len(odata.table("Customer")) == 29
    assert "DeletedDatabaseRecord" not in odata.table("Customer", show, top=1)[0]
    flagged = odata.table(
        "Customer", show, filter="DeletedDatabaseRecord eq true", select="NoteID,LastModifiedDateTime"
    )
    assert _parsed(flagged[0]["LastModifiedDateTime"]) < LATE + timedelta(days=365), "its stamp stays"
    assert [each["RefNoteID"] for each in odata.deletions("Customer")] == [flagged[0]["NoteID"]]


def test_a_site_that_does_not_know_the_header_shows_none_of_them() -> None:
    with Simulator(rows=3, tenants=("Company",), deletions=DeletionRules(knows_header=False)) as sim:
        sim.tenant("Company").delete("Customer", ["C000002"])
        assert (
            len(ODataClient(sim).table("Customer", {"PX-ApiDeleted": "SHOW"}, select="AcctCD,DeletedDatabaseRecord"))
            == 2
        )


def test_a_customer_made_again_takes_the_place_of_the_flagged_one(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    before = odata.get(f"{odata.root('dac')}/Customer('C000002')").json()
    tenant.delete("Customer", ["C000002"])
    tenant.insert("Customer", {"CustomerID": "C000002"})
    rows = odata.table("Customer", {"PX-ApiDeleted": "SHOW"}, filter="AcctCD eq 'C000002'")
    assert len(rows) == 1
    assert rows[0]["NoteID"] != before["NoteID"]


def test_other_tables_show_nothing_of_what_was_deleted(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    tenant.delete("SalesOrder", tenant.keys("SalesOrder")[0])
    assert odata.table("SOOrder", {"PX-ApiDeleted": "SHOW"}) == odata.table("SOOrder")


CHANGES = st.lists(
    st.tuples(st.sampled_from(["insert", "update", "delete"]), st.integers(0, 9), st.integers(0, 3)), max_size=12
)


@settings(max_examples=40, deadline=None)
@given(CHANGES)
def test_no_row_goes_without_a_deletion_and_none_changes_without_a_new_stamp(
    changes: list[tuple[str, int, int]],
) -> None:
    tenant = Simulator(rows=6, lines=3, tracked=("SOOrder", "SOLine")).tenant("Company")
    seen: dict[str, dict[str, Json]] = {"SOOrder": {}, "SOLine": {}}
    for hours, (what, which, lines) in enumerate(changes):
        change(tenant, what, which, lines, LATE + timedelta(days=900, hours=hours))
        for table, rows in seen.items():
            now = {row["NoteID"]: row for row in tenant.dac_rows(table, archived=True)}
            assert rows.keys() - now.keys() <= {each["RefNoteID"] for each in tenant.deleted(table)}
            assert not now.keys() & {each["RefNoteID"] for each in tenant.deleted(table)}
            moved = [row for name, row in now.items() if name in rows and row != rows[name]]
            assert all(row["LastModifiedDateTime"] > rows[row["NoteID"]]["LastModifiedDateTime"] for row in moved)
            rows.update(now)


def change(tenant: Tenant, what: str, which: int, lines: int, stamp: datetime) -> None:
    keys = tenant.keys("SalesOrder", archived=True)
    details = [{"OrderQty": Decimal(which)} for _ in range(lines)]
    if what == "insert":
        tenant.insert("SalesOrder", {"Details": details}, stamp)
    elif keys and what == "update":
        tenant.update("SalesOrder", keys[which % len(keys)], {"Details": details}, stamp)
    elif keys:
        tenant.delete("SalesOrder", keys[which % len(keys)], stamp=stamp)


def test_deletions_of_one_tenant_are_not_those_of_another(sim: Simulator) -> None:
    tenant = sim.tenant("Zweite Firma")
    tenant.delete("SalesOrder", tenant.keys("SalesOrder")[0])
    assert ODataClient(sim).deletions("SOOrder") == []
    assert len(ODataClient(sim, "Zweite Firma").deletions("SOOrder")) == 1
