"""Tests that a list which leaves empty what its records have is noticed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from source_acumatica.contract import part_evidence, query
from source_acumatica.contract.samples import spread
from source_acumatica.reading import page_size

from .comparison import differences
from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of
from .reads import COMPANY, cursor_in_state, read
from .reads import site as site
from .simulator import Fault, FaultKind, Lies, Simulator
from .simulator.web.answers import Answer
from .simulator.web.requests import Request

ORDERS = "SalesOrder__Details"


def keep_lines_of(sim: Simulator, *places: int) -> None:
    """Only these orders, by their place in the list, have lines; the list shows none of them."""
    tenant = sim.tenant("Company")
    keys = tenant.keys("SalesOrder")
    for place, key in enumerate(keys):
        lines = [{"InventoryID": "AAPOWERAID"}] if place in places else []
        tenant.update("SalesOrder", key, {"Details": lines})
    sim.clock.advance(3600)
    sim.lies = Lies(emptied=frozenset({"Details"}))


def alone(sim: Simulator, entity: str) -> int:
    return sum(f"/{entity}/" in request.path and "$adHoc" not in request.path for request in sim.requests)


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
def test_a_part_that_few_of_the_records_have_is_missed_in_a_page(site: Simulator, mode: str) -> None:
    count = len(site.tenant("Company").keys("SalesOrder"))
    keep_lines_of(site, *(place for place in range(count) if place not in (0, count // 2, count - 1)))
    destination = read(site, ORDERS, mode=mode)
    assert destination.statuses == {ORDERS: "COMPLETE"}
    assert differences(destination, site, COMPANY) == []
    assert destination.records


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
def test_a_part_that_records_further_on_have_is_missed_before_the_first_page_goes_out(
    site: Simulator, small_pages: None, mode: str
) -> None:
    keep_lines_of(site, *range(7, 12), *range(15, 23))
    destination = read(site, ORDERS, mode=mode, max_page_size=4)
    assert destination.statuses == {ORDERS: "COMPLETE"}
    assert differences(destination, site, COMPANY) == []
    assert destination.records


def test_a_part_that_one_page_has_shown_says_nothing_of_another(site: Simulator) -> None:
    tenant = site.tenant("Company")
    for place, key in enumerate(tenant.keys("Customer")):
        if place % 2:
            tenant.update("Customer", key, {"PrimaryContact": None})
    site.lies = Lies(emptied=frozenset({"PrimaryContact"}))
    destination = read(site, "Customer")
    assert differences(destination, site, COMPANY) == []
    assert "the list comes without PrimaryContact, which" in " ".join(destination.warnings)


@pytest.mark.parametrize("room", [40, 1000], ids=["several requests", "one"])
@pytest.mark.parametrize(
    ("stream", "emptied"),
    [
        ("Customer", ["custom/CurrentCustomer/AttributeINDUSTRY"]),
        ("Customer", ["custom/CurrentCustomer"]),
        ("Customer", ["custom/BAccount/UsrRegion"]),
        (ORDERS, ["Details/custom/Transactions/UsrPromised"]),
        (ORDERS, ["Details/custom/Transactions/UsrEngraving"]),
    ],
)
@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
def test_custom_fields_that_others_come_without_are_missed(
    site: Simulator, monkeypatch: pytest.MonkeyPatch, stream: str, emptied: list[str], room: int, mode: str
) -> None:
    """Each of them; those of one request may come, and those of another be left empty."""
    monkeypatch.setattr(query, "_LONGEST_OPTION_CHARACTERS", room)
    site.lies = Lies(emptied=frozenset(emptied))
    destination = read(site, stream, mode=mode)
    assert destination.statuses == {stream: "COMPLETE"}
    assert differences(destination, site, COMPANY) == []
    assert f"the list comes without {emptied[0]}" in " ".join(destination.warnings)


@pytest.mark.parametrize("at_once", [1, None])
def test_other_fields_are_missed_where_nothing_of_their_request_comes(site: Simulator, at_once: int | None) -> None:
    """Nobody knows whether they were added, or are computed for a record by itself."""
    site.lies = Lies(emptied=frozenset({"custom/Document/CuryVatTaxableTotal"}), most_customs=at_once)
    destination = read(site, "SalesOrder")
    assert ("the list comes without" in " ".join(destination.warnings)) == (at_once is not None)
    assert differences(destination, site, COMPANY) == []


@pytest.mark.parametrize(("room", "said"), [(40, [["custom"]]), (1000, [[]])])
def test_records_say_that_custom_fields_had_no_room(
    site: Simulator, monkeypatch: pytest.MonkeyPatch, room: int, said: list[list[str]]
) -> None:
    monkeypatch.setattr(query, "_LONGEST_OPTION_CHARACTERS", room)
    destination = read(site, "SalesOrder")
    assert destination.changes == said * destination.records
    assert bool(said[0]) == ("CuryVatTaxableTotal" in " ".join(destination.warnings))


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize(
    ("stream", "emptied"), [(ORDERS, "Details"), ("Customer", "MainContact"), ("Customer", "custom")]
)
def test_a_part_that_only_the_first_pages_show_is_missed(
    monkeypatch: pytest.MonkeyPatch, stream: str, emptied: str, mode: str
) -> None:
    """The list gives up on it where many rows are asked for, and pages grow."""
    monkeypatch.setattr(page_size, "FIRST_PAGE_ROWS", 30)
    with Simulator(rows=150, tenants=("Company",)) as site:
        site.lies = Lies(emptied=frozenset({emptied}), only=r"top=(60|120|240)\b")
        destination = read(site, stream, mode=mode)
        assert destination.statuses == {stream: "COMPLETE"}
        assert differences(destination, site, COMPANY) == []
        assert "the list comes without" in " ".join(destination.warnings)


CLOSED = Fault(FaultKind.STATUS_500, path=r"/Default/[\d.]+/\w+/[^$]", times=10**6)
"""No record can be read by itself."""


@pytest.mark.parametrize("heals", ["the list", "the records"])
@pytest.mark.parametrize(
    ("stream", "emptied", "said"),
    [
        (ORDERS, "Details", ""),
        ("Customer", "MainContact", "MainContact"),
        ("Customer", "custom", "custom.BAccount.UsrRegion"),
    ],
)
def test_records_that_cannot_be_read_do_not_say_that_a_part_is_empty(
    site: Simulator, stream: str, emptied: str, said: str, heals: str
) -> None:
    site.lies = Lies(emptied=frozenset({emptied}))
    site.faults.add(CLOSED)
    destination = read(site, stream)
    assert destination.statuses == {stream: "COMPLETE"}
    assert "whether its records have that is unknown" in " ".join(destination.warnings)
    assert all(said in changes for changes in destination.changes)
    site.faults.clear()
    site.lies = Lies() if heals == "the list" else site.lies
    for day in range(3):
        site.clock.advance(3600)
        entity = stream.split("__")[0]
        tenant = site.tenant("Company")
        tenant.update(entity, tenant.keys(entity)[0], {"Description" if stream == ORDERS else "CustomerName": f"{day}"})
        site.clock.advance(60)
        read(site, stream, destination=destination)
    assert differences(destination, site, COMPANY) == []


def test_a_full_refresh_without_lines_is_not_believed_where_no_record_can_be_read(site: Simulator) -> None:
    site.lies = Lies(emptied=frozenset({"Details"}))
    site.faults.add(CLOSED)
    destination = read(site, ORDERS, mode=FULL_REFRESH)
    assert destination.statuses == {ORDERS: "INCOMPLETE"}
    assert "whether its records have any is unknown" in destination.errors[0]["message"]


def test_where_the_list_shows_a_part_later_on_nothing_is_unknown(site: Simulator, small_pages: None) -> None:
    tenant = site.tenant("Company")
    for key in tenant.keys("Customer")[:5]:
        tenant.update("Customer", key, {"PrimaryContact": None})
    site.faults.add(CLOSED)
    destination = read(site, "Customer", max_page_size=4)
    assert destination.changes[-1] == []
    assert differences(destination, site, COMPANY) == []
    assert "left_out" not in json.dumps(destination.state)


def test_a_custom_field_that_no_record_has_costs_few_requests(site: Simulator) -> None:
    tenant = site.tenant("Company")
    for key in tenant.keys("Customer"):
        tenant.update("Customer", key, {"custom": {"BAccount": {"UsrRegion": None}}})
    site.clock.advance(3600)
    destination = read(site, "Customer")
    first = alone(site, "Customer")
    assert destination.warnings == []
    assert first <= 30
    site.clock.advance(3600)
    tenant.update("Customer", tenant.keys("Customer")[0], {"CustomerClass": "KEY"})
    read(site, "Customer", destination=destination)
    assert alone(site, "Customer") - first <= 3


@pytest.fixture
def no_look_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what has come is looked at."""
    monkeypatch.setattr(part_evidence, "SAMPLES_BEHIND", 0)


def test_what_is_noticed_late_comes_again_with_the_next_sync(
    site: Simulator, small_pages: None, no_look_ahead: None
) -> None:
    keep_lines_of(site, *range(3, 34))
    destination = read(site, ORDERS, max_page_size=4)
    assert destination.statuses == {ORDERS: "INCOMPLETE"}
    assert "records have been sent before one was found that shows it" in destination.errors[0]["message"]
    assert destination.errors[0]["failure_type"] == "transient_error"
    assert cursor_in_state(destination, ORDERS) == [{}]
    read(site, ORDERS, destination=destination, max_page_size=4)
    assert destination.statuses == {ORDERS: "COMPLETE"}
    assert differences(destination, site, COMPANY) == []


def test_what_is_noticed_late_fails_a_full_refresh(site: Simulator, small_pages: None, no_look_ahead: None) -> None:
    keep_lines_of(site, *range(3, 34))
    destination = read(site, ORDERS, mode=FULL_REFRESH, max_page_size=4)
    assert destination.statuses == {ORDERS: "INCOMPLETE"}


def test_what_earlier_syncs_have_not_noticed_comes_again(site: Simulator) -> None:
    tenant = site.tenant("Company")
    keys = tenant.keys("SalesOrder")
    unread = [place for place in range(len(keys)) if place not in spread(len(keys), 10)]
    keep_lines_of(site, *unread)
    destination = read(site, ORDERS)
    assert destination.records == 0
    site.clock.advance(86400)
    tenant.update("SalesOrder", keys[unread[0]], {"Description": "changed"})
    for _ in range(2):
        site.clock.advance(3600)
        read(site, ORDERS, destination=destination)
        assert destination.statuses == {ORDERS: "COMPLETE"}
    assert differences(destination, site, COMPANY) == []
    site.clock.advance(3600)
    read(site, ORDERS, destination=destination)
    assert destination.records == 0


def test_a_list_that_shows_all_again_is_read_as_a_list(site: Simulator) -> None:
    site.lies = Lies(emptied=frozenset({"Details"}))
    destination = read(site, ORDERS)
    site.lies, before = Lies(), alone(site, "SalesOrder")
    tenant = site.tenant("Company")
    for day in range(2):
        site.clock.advance(3600)
        for key in tenant.keys("SalesOrder")[:20]:
            tenant.update("SalesOrder", key, {"Description": f"changed {day}"})
        read(site, ORDERS, destination=destination)
    assert alone(site, "SalesOrder") == before
    assert differences(destination, site, COMPANY) == []


@pytest.mark.parametrize("times", [1, 100])
def test_a_change_between_the_list_and_the_record_is_none_of_the_list(site: Simulator, times: int) -> None:
    tenant = site.tenant("Company")
    keys, left = tenant.keys("SalesOrder"), [times]
    for key in keys:
        tenant.update("SalesOrder", key, {"Shipments": []})

    def add(request: Request) -> None:
        place = request.path.partition("/SalesOrder/")[2].replace("%20", " ").split("/")
        if len(place) == 2 and left[0]:
            left[0] -= 1
            tenant.update("SalesOrder", (place[0], place[1]), {"Shipments": [{"ShipmentNbr": "S1"}]})

    site.before_request(add)
    destination = read(site, "SalesOrder__Shipments", mode=FULL_REFRESH, include_custom_fields=False)
    assert destination.statuses == {"SalesOrder__Shipments": "COMPLETE"}
    assert alone(site, "SalesOrder") <= 10
    assert destination.warnings == []


@pytest.mark.parametrize("periods", [["012025"], ["012025", "022025"]])
def test_a_result_of_a_form_with_an_error_in_place_of_a_value_says_so(periods: list[str]) -> None:
    """The balances that prove the books are among them; the other results, and those of other values, are whole."""
    form, given = "AccountSummaryInquiry", [("Ledger", "ACTUAL"), *(("Period", period) for period in periods)]
    values = [{"inquiry": form, "name": name, "value": value} for name, value in given]

    def break_one(request: Request, answer: Answer) -> Answer:
        if request.method != "PUT" or b"012025" not in request.body:
            return answer
        body = json.loads(answer.whole().body)
        body["Results"][1]["EndingBalance"] = {"error": "Overflow"}
        return replace(answer.whole(), body=json.dumps(body).encode())

    with Simulator(("Company",), rows=6) as sim:
        config = sim.config(generic_inquiries=[], inquiry_parameters=values)
        chosen = catalog_of(config, f"{form}__Results", mode=FULL_REFRESH)
        sim.rewrite(break_one)
        destination = Destination()
        destination.sync(config, chosen)
    rows = destination.rows(f"{form}__Results")
    each = len(rows) // len(periods)
    assert each > 2
    for number, row in enumerate(rows):
        is_broken = number == 1
        assert ("EndingBalance" in row.nulled, row.get("EndingBalance") is None) == (is_broken, is_broken)
        assert (row["_line"], row["_line_count"]) == (number % each + 1, each)
    assert any("something other than a value" in text and "EndingBalance" in text for text in destination.warnings)
    assert any("left out: EndingBalance" in log.getMessage() for log in destination.logs)
