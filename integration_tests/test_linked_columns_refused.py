"""Links that the ERP refuses or ignores: the rows come without them, and say so."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import FULL_REFRESH, INCREMENTAL, Destination
from .linked_columns import CODE, CUSTOMER, DEEP, A, arranged, arrived, truth
from .linked_columns import sim as sim
from .simulator import Lies, Simulator


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("status", [400, 403, 500])
@pytest.mark.parametrize(("when", "sessions"), [("from the start", 1), ("in the middle", 1), ("in the middle", 3)])
def test_a_link_that_the_erp_refuses_is_left_out_and_each_row_says_so(
    sim: Simulator, status: int, mode: str, when: str, sessions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_acumatica.erp.client.RetryPolicy.pause_seconds", lambda _self, _tries: 0.0)
    entry = "SOOrder.SOBillingAddressByBillAddressID.City"
    config, catalog = arranged(sim, CODE, entry, mode=mode, tenants=[A], max_sessions=sessions)
    lists = 0

    def close(request: Any) -> None:
        nonlocal lists
        lists += request.path.endswith("/SOOrder") and "$orderby" in request.query
        if lists > (0 if when == "from the start" else 2):
            sim.lies = [Lies(closed_expansions=frozenset({CUSTOMER}), closed_status=status)]

    sim.before_request(close)
    destination = Destination()
    destination.sync(config, catalog)
    rows = destination.rows("dac__SOOrder")
    assert len(rows) == len(sim.tenant(A).dac_rows("SOOrder"))
    assert not destination.exact_repeats["dac__SOOrder"]
    assert not destination.key_repeats["dac__SOOrder"]
    lacking = [row for row in rows if row.get(CUSTOMER) is None]
    assert lacking
    assert all(CUSTOMER in row.nulled for row in lacking)
    link = "SOBillingAddressByBillAddressID"
    assert arrived(destination, "dac__SOOrder", link, "City") == truth(sim, A, "SOOrder", link, "City")
    assert not [row for row in rows if link in row.nulled]
    (said,) = [one for one in destination.warnings if "when asked to follow" in one]
    assert CUSTOMER in said
    if mode == FULL_REFRESH:
        return

    # Once it is followed again, all is read again.
    sim.lies = ()
    lists = -(10**6)
    for _ in range(2):
        sim.clock.advance(90_000)
        company = sim.tenant(A)
        company.update("SalesOrder", company.keys("SalesOrder")[0], {"Description": "changed"})
        destination.sync(config, catalog)
    assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD") == truth(sim, A, "SOOrder", CUSTOMER, "AcctCD")


def test_a_link_that_the_erp_ignores_is_no_null(sim: Simulator) -> None:
    config, catalog = arranged(sim, CODE)
    sim.lies = [Lies(deaf_expansions=frozenset({CUSTOMER}))]
    destination = Destination()
    destination.sync(config, catalog)
    assert all(CUSTOMER in row.nulled for row in destination.rows("dac__SOOrder"))
    assert [one for one in destination.warnings if f"does not send {CUSTOMER}" in one]


def test_a_deeper_link_that_the_erp_ignores_is_no_null_though_the_first_row_does_not_lead_there(sim: Simulator) -> None:
    config, catalog = arranged(sim, DEEP, tenants=[A])
    company = sim.tenant(A)
    first = min(company.dac_rows("SOOrder"), key=lambda row: (row["OrderType"], row["OrderNbr"]))
    (code,) = [row["AcctCD"] for row in company.dac_rows("Customer") if row["BAccountID"] == first["CustomerID"]]
    (key,) = [key for key in company.keys("Customer") if code.strip() in str(key)]
    company.delete("Customer", key)
    sim.lies = [Lies(deaf_expansions=frozenset({"AddressByDefAddressID"}))]
    destination = Destination()
    destination.sync(config, catalog)
    rows = destination.rows("dac__SOLine")
    assert any(row["SOOrderByOrderNbr"][CUSTOMER] is None for row in rows)
    assert {place for row in rows for place in row.nulled} == {DEEP.removeprefix("SOLine.").removesuffix(".City")}
    assert all(row.nulled for row in rows)


@pytest.mark.parametrize("column", ["AcctCD", "Status"])
def test_a_linked_column_does_not_hide_that_the_table_s_own_of_that_name_does_not_come(
    sim: Simulator, column: str
) -> None:
    config, catalog = arranged(sim, f"SOOrder.{CUSTOMER}.{column}", tenants=[A])
    sim.lies = [Lies(only="/SOOrder", missing=frozenset({"Status"}))]
    destination = Destination()
    destination.sync(config, catalog)
    expected = truth(sim, A, "SOOrder", CUSTOMER, column)
    assert arrived(destination, "dac__SOOrder", CUSTOMER, column) == expected
    assert {row.nulled for row in destination.rows("dac__SOOrder")} == {frozenset({"Status"})}
    assert len([one for one in destination.warnings if "does not send Status" in one]) == 1


def test_more_links_than_the_erp_follows_at_once_are_given_up_one_by_one(sim: Simulator) -> None:
    entries = [
        CODE,
        *(f"SOOrder.{name}.City" for name in ("SOBillingAddressByBillAddressID", "SOShippingAddressByShipAddressID")),
    ]
    config, catalog = arranged(sim, *entries, tenants=[A])
    sim.lies = [Lies(most_expansions=1)]
    destination = Destination()
    destination.sync(config, catalog)
    rows = destination.rows("dac__SOOrder")
    assert len(rows) == len(sim.tenant(A).dac_rows("SOOrder"))
    assert {len(row.nulled) for row in rows} == {2}
