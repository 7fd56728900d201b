"""Row filters: the user's own condition beside the connector's, tried at a check, in every way of reading."""

from __future__ import annotations

from typing import Any

import pytest

from .comparison import differences
from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of, check
from .simulator import Fault, FaultKind, Lies, Simulator

OWN = {
    "SalesOrder": ("OrderType eq 'SO' or Status eq 'On Hold'", lambda row: row["OrderType"] == "SO" or _held(row)),
    "gi__BI-Customers": ("Class eq 'KEY'", lambda row: row["Class"] == "KEY"),
    "dac__SOOrder": ("OrderType eq 'SO'", lambda row: row["OrderType"] == "SO"),
}
SETTINGS: dict[str, Any] = {
    "dac_tables": ["SOOrder"],
    "generic_inquiries": ["BI-Customers"],
    "row_filters": [
        *({"stream": stream, "filter": condition} for stream, (condition, _) in OWN.items()),
        {"stream": "SalesOrder__*", "filter": OWN["SalesOrder"][0]},
    ],
}
STREAMS = ("SalesOrder", "SalesOrder__Details", "gi__BI-Customers", "dac__SOOrder")


def _held(row: dict[str, Any]) -> bool:
    return bool(row.get("Status") == "On Hold")


def _missing_and_extra(destination: Destination, sim: Simulator, tenants: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """What is not as it should be, of the rows that should have come and of those that should not."""
    wanted, unwanted = set(), set()
    for text in differences(destination, sim, tenants):
        (unwanted if "is missing" in text else wanted).add(text)
    return wanted, unwanted


@pytest.fixture
def filtered(small_pages: None) -> Any:
    with Simulator(rows=30, tracked=("SOOrder",)) as sim:
        yield sim
        assert sim.sessions.open_count() == 0


@pytest.mark.parametrize("times", [1, 1000])
def test_an_empty_answer_to_a_filter_is_a_refusal_where_it_stays(times: int) -> None:
    """It may come of a lack of seats, for which the request without the filter waits."""
    with Simulator(rows=5, tenants=("Company",)) as sim:
        filters = [{"stream": "gi__BI-Customers", "filter": "Status eq 'Active'"}]
        config = sim.config(generic_inquiries=["BI-Customers"], endpoints=["Fabrikam"], row_filters=filters)
        sim.faults.add(Fault(FaultKind.EMPTY_200, path="Status eq", times=times))
        answer = check(config)
    assert answer["status"] == ("SUCCEEDED" if times == 1 else "FAILED")
    assert ("is refused: OData answers with an empty body" in answer.get("message", "")) == (times > 1)


@pytest.mark.parametrize("mode", ["incremental", FULL_REFRESH])
def test_the_rows_that_meet_the_condition_come_and_no_others(mode: str, filtered: Simulator) -> None:
    config = filtered.config(**SETTINGS)
    destination = Destination()
    destination.sync(config, catalog_of(config, *STREAMS, mode=mode))
    for stream, (_, meets) in OWN.items():
        rows = destination.rows(stream)
        assert rows
        assert all(map(meets, rows))
        truth = [row for tenant in ("Company", "Zweite Firma") for row in _truth(filtered, stream, tenant)]
        assert len(rows) == len([row for row in truth if meets(row)])
        assert len(rows) < len(truth)
    wrong, _ = _missing_and_extra(destination, filtered, ("Company", "Zweite Firma"))
    assert wrong == set()
    orders = {(row["_tenant"], row["OrderType"], row["OrderNbr"]) for row in destination.rows("SalesOrder")}
    lines = destination.tables["SalesOrder__Details"].values()
    assert {(row["_tenant"], row["_parent_OrderType"], row["_parent_OrderNbr"]) for row in lines} <= orders
    assert lines


def _truth(sim: Simulator, stream: str, tenant: str) -> list[dict[str, Any]]:
    data = sim.tenant(tenant)
    if stream.startswith("gi__"):
        return list(data.gi_rows(stream.removeprefix("gi__")))
    return list(data.dac_rows("SOOrder") if stream.startswith("dac__") else data.rows(stream))


def test_the_condition_stands_in_parentheses_beside_the_window(filtered: Simulator) -> None:
    config = filtered.config("Company", **SETTINGS)
    catalog = catalog_of(config, "SalesOrder", "dac__SOOrder")
    destination = Destination()
    destination.sync(config, catalog)
    filtered.clock.advance(3600)
    filtered.requests.clear()
    destination.sync(config, catalog)
    asked = {one.query["$filter"] for one in filtered.requests if "$filter" in one.query}
    assert asked
    for condition in asked:
        assert " and (OrderType eq 'SO'" in condition
        assert condition.endswith(")")
    assert destination.records < 10


def test_deletions_are_read_for_a_filtered_stream_too(filtered: Simulator) -> None:
    config = filtered.config("Company", **SETTINGS, track_deletions=True)
    catalog = catalog_of(config, "SalesOrder", "dac__SOOrder")
    destination = Destination()
    destination.sync(config, catalog)
    tenant = filtered.tenant("Company")
    gone = next(row for row in tenant.rows("SalesOrder") if row["OrderType"] == "SO")
    filtered.clock.advance(3600)
    tenant.delete("SalesOrder", (gone["OrderType"], gone["OrderNbr"]))
    destination.sync(config, catalog)
    for stream in ("SalesOrder", "dac__SOOrder"):
        assert gone["OrderNbr"] not in {row["OrderNbr"] for row in destination.rows(stream)}
        assert len(destination.rows(stream)) > 1


def test_an_old_service_is_filtered_in_its_own_syntax(small_pages: None) -> None:
    with Simulator(rows=12, tenants=("Company",), openapi=False) as sim:
        config = sim.config(generic_inquiries=["BI-Customers"], row_filters=SETTINGS["row_filters"][1:2])
        destination = Destination()
        destination.sync(config, catalog_of(config, "gi__BI-Customers"))
        assert {row["Class"] for row in destination.rows("gi__BI-Customers")} == {"KEY"}


@pytest.mark.parametrize(
    ("stream", "condition", "words"),
    [
        ("Customer", "Nonsense eq 'x'", "Nonsense"),
        ("Customer", "Status eq", "Syntax error"),
        ("gi__BI-Customers", "Nonsense eq 'x'", "Nonsense"),
        ("dac__SOOrder", "OrderType is 'SO'", ""),
        ("SalesOrder__Details", "Details/Nonsense eq 5", ""),
    ],
)
def test_a_check_quotes_what_the_erp_says_against_a_condition(
    stream: str, condition: str, words: str, sim: Simulator
) -> None:
    odata = {"dac_tables": ["SOOrder"], "generic_inquiries": ["BI-Customers"]}
    status = check(sim.config(**odata, row_filters=[{"stream": stream, "filter": condition}]))
    assert status["status"] == "FAILED"
    assert "row_filters: Tenant 'Company', stream " + stream in status["message"]
    assert condition in status["message"]
    assert "(the ERP says: " in status["message"]
    assert words in status["message"].partition("(the ERP says: ")[2]


def test_a_check_accepts_conditions_that_the_erp_accepts(sim: Simulator) -> None:
    assert check(sim.config(**SETTINGS))["status"] == "SUCCEEDED"


def test_what_cannot_be_read_without_a_filter_either_is_not_the_filters_fault(sim: Simulator) -> None:
    """Some forms cannot be listed at all, and a role may not see every form that a pattern stands for."""
    status = check(sim.config(row_filters=[{"stream": "Currenc*", "filter": "CurrencyID eq 'USD'"}]))
    assert status["status"] == "SUCCEEDED", status


@pytest.mark.parametrize(
    ("stream", "written"),
    [
        ("Customer", "Status eq 'Active'"),
        ("gi__BI-Customers", "Status eq 'Active'"),
        ("dac__Customer", "CustomerClassID ne 'KEY'"),
    ],
)
def test_a_condition_that_finds_none_of_the_rows_that_there_are_is_told(
    stream: str, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A form may answer it with nothing whatever its records have."""
    told = f"row_filters: Tenant 'Company', stream {stream}: the filter {written} finds none of the rows"
    condition = {"stream": stream, "filter": written}
    with Simulator(rows=12, tenants=("Company",)) as sim:
        everything = frozenset(key for (key,) in sim.tenant("Company").keys("Customer"))
        config = sim.config(dac_tables=["Customer"], generic_inquiries=["BI-Customers"], row_filters=[condition])
        catalogs = [catalog_of(config, stream, mode=mode) for mode in (INCREMENTAL, FULL_REFRESH)]
        for catalog in catalogs:
            destination = Destination()
            destination.sync(config, catalog)
            assert destination.records
            sim.clock.advance(3 * 86_400)
            destination.sync(config, catalog)
            assert not any("row_filters" in line for line in destination.warnings)
        assert check(config)["status"] == "SUCCEEDED"
        assert "row_filters" not in caplog.text
        sim.lies = Lies(only="Status eq|CustomerClassID ne", hidden=everything)
        assert check(config)["status"] == "SUCCEEDED"
        assert told in caplog.text
        for catalog in catalogs:
            destination = Destination()
            destination.sync(config, catalog)
            assert any(told in line for line in destination.warnings)


@pytest.mark.parametrize(
    ("stream", "word"),
    [
        ("SalesOrders", "Do you mean SalesOrder?"),
        ("nothing*", "there is no stream nothing*"),
        ("AccountSummaryInquiry__Results", "inquiry form"),
        ("dac__SOOrder", "there is no stream dac__SOOrder"),
    ],
)
def test_a_filter_of_no_stream_is_refused(stream: str, word: str, sim: Simulator) -> None:
    status = check(sim.config("Company", row_filters=[{"stream": stream, "filter": "Status eq 'Open'"}]))
    assert status["status"] == "FAILED"
    assert word in status["message"]


def test_a_misspelt_setting_is_told_at_check_and_read(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    config = sim.config("Company", row_filter=[{"stream": "Customer", "filter": "Status eq 'Active'"}])
    told = "'row_filter' is not a setting of this connector and has no effect: do you mean row_filters?"
    check(config)
    assert told in caplog.text
    destination = Destination()
    destination.sync(config, catalog_of(config, "Customer"))
    assert told in destination.warnings
