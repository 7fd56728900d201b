"""Tests that what drops values is not taken for the truth: it is read in another way, named, or fails the stream."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from source_acumatica.contract import custom_fields
from source_acumatica.erp import addresses

from .harness import FULL_REFRESH, INCREMENTAL, Destination, Message, differences
from .simulator import Fault, FaultKind, Simulator
from .simulator.web.answers import Answer, failure, html, message, no_record, not_optimizable
from .simulator.web.requests import Request
from .test_sync import catalog_of

COMPANY = ["Company"]
Rows = list[dict[str, Any]]


class Metas(Destination):
    """Also remembers what the records say of themselves."""

    changes: list[Any]

    def begin(self, catalog: Any) -> None:
        self.changes = []
        super().begin(catalog)

    def take(self, message: Message) -> None:
        if message["type"] == "RECORD":
            changes = message["record"].get("meta", {}).get("changes", [])
            self.changes.append([change["field"] for change in changes])
            assert {(change["change"], change["reason"]) for change in changes} <= {
                ("NULLED", "SOURCE_RETRIEVAL_ERROR"),
                ("TRUNCATED", "SOURCE_FIELD_SIZE_LIMITATION"),
            }
        super().take(message)


def read(
    sim: Simulator, *streams: str, destination: Destination | None = None, mode: str = INCREMENTAL, **settings: Any
) -> Any:
    """A sync of these streams, which may fail."""
    config = sim.config("Company", **settings)
    destination = destination or Metas()
    destination.sync(config, catalog_of(config, *streams, mode=mode), fails=True)
    return destination


def lists(entity: str, change: Callable[[Rows], Rows]) -> Callable[[Request, Answer], Answer]:
    """What the ERP would list goes through ``change``; its records by themselves are as they are."""

    def rewrite(request: Request, answer: Answer) -> Answer:
        if not request.path.endswith(f"/{entity}") or answer.status != 200 or request.method != "GET":
            return answer
        rows = json.loads(answer.body, parse_float=str)
        return replace(answer, body=json.dumps(change(rows)).encode())

    return rewrite


def each(change: Callable[[dict[str, Any]], Any]) -> Callable[[Rows], Rows]:
    def changed(rows: Rows) -> Rows:
        for row in rows:
            change(row)
        return rows

    return changed


def cursor_in_state(destination: Destination, stream: str) -> Any:
    return [part["cursor"] for part in destination.states[stream]["stream"]["stream_state"].get("states", [])]


# ---------------------------------------------------------------------------------------------- parts that do not come


@pytest.mark.parametrize("by", [1, 3], ids=["of all records", "of some records"])
@pytest.mark.parametrize(
    ("stream", "entity", "drop"),
    [
        ("SalesOrder__Details", "SalesOrder", lambda row: row.pop("Details", None)),
        ("Customer", "Customer", lambda row: row.pop("MainContact", None)),
        ("Customer", "Customer", lambda row: (row.get("MainContact") or {}).pop("Address", None)),
    ],
    ids=["collection", "object", "object within an object"],
)
def test_a_part_that_the_list_leaves_out_is_read_record_by_record(
    sim: Simulator, stream: str, entity: str, drop: Callable[[Any], Any], by: int
) -> None:
    sim.rewrite(lists(entity, lambda rows: each(lambda row: drop(row) if row["rowNumber"] % by == 0 else None)(rows)))
    destination = read(sim, stream)
    assert destination.statuses == {stream: "COMPLETE"}
    assert destination.records == len(destination.tables[stream])
    assert differences(destination, sim, COMPANY) == []
    assert "although it was asked for" in " ".join(destination.warnings)


def test_a_part_that_not_even_the_record_by_itself_has_fails_the_stream(sim: Simulator) -> None:
    def drop(request: Request, answer: Answer) -> Answer:
        if "/SalesOrder" not in request.path or answer.status != 200 or "swagger" in request.path:
            return answer
        return replace(answer, body=re.sub(rb'"Details":\[', b'"Detail":[', answer.body))

    sim.rewrite(drop)
    destination = read(sim, "SalesOrder__Details")
    assert destination.statuses == {"SalesOrder__Details": "INCOMPLETE"}
    assert "the ERP leaves out Details although it was asked for" in destination.errors[0]["message"]
    assert "record '" in destination.errors[0]["message"]
    assert cursor_in_state(destination, "SalesOrder__Details") == [{}]


def test_a_part_that_stops_coming_in_mid_list_is_read_record_by_record_from_there(
    sim: Simulator, small_pages: None
) -> None:
    def drop(request: Request, answer: Answer) -> Answer:
        is_late = int(request.query.get("$skip", 0)) > 5
        return lists("SalesOrder", each(lambda row: row.pop("Details", None)))(request, answer) if is_late else answer

    sim.rewrite(drop)
    destination = read(sim, "SalesOrder__Details", mode=FULL_REFRESH, max_page_size=4)
    assert destination.records == len(destination.tables["SalesOrder__Details"])
    assert differences(destination, sim, COMPANY) == []


def test_a_form_whose_results_do_not_come_fails(sim: Simulator) -> None:
    def drop(request: Request, answer: Answer) -> Answer:
        is_form = request.method == "PUT" and answer.status == 200
        return replace(answer, body=answer.body.replace(b'"Results":', b'"Result":')) if is_form else answer

    sim.rewrite(drop)
    given = [("Period", "012025"), ("Ledger", "ACTUAL")]
    parameters = [{"inquiry": "AccountSummaryInquiry", "name": name, "value": value} for name, value in given]
    destination = read(sim, "AccountSummaryInquiry__Results", inquiry_parameters=parameters)
    assert "the ERP leaves out Results of the form" in destination.errors[0]["message"]


@pytest.mark.parametrize(
    ("stream", "empty"),
    [
        ("Customer__Contacts", {"Contacts": []}),
        ("Customer", {"custom": {}}),
        ("Customer", {"MainContact": {}}),
        ("Customer", {"MainContact": None}),
    ],
    ids=str,
)
def test_what_the_list_empties_and_the_records_have_is_read_record_by_record(
    sim: Simulator, stream: str, empty: dict[str, Any]
) -> None:
    sim.rewrite(lists("Customer", each(lambda row: row.update(empty))))
    destination = read(sim, stream)
    assert differences(destination, sim, COMPANY) == []
    assert f"the list comes without {next(iter(empty))}" in " ".join(destination.warnings)


def test_what_is_empty_in_the_erp_costs_ten_requests_and_three_more_in_later_syncs_of_a_day(sim: Simulator) -> None:
    for key in sim.tenant("Company").keys("Customer"):
        sim.tenant("Company").update("Customer", key, {"Contacts": []})
    destination = read(sim, "Customer__Contacts")
    assert destination.statuses == {"Customer__Contacts": "COMPLETE"}
    assert destination.records == 0
    alone = [request for request in sim.requests if "/Customer/" in request.path and "$adHoc" not in request.path]
    assert len(alone) == 10
    for key in sim.tenant("Company").keys("Customer"):
        sim.tenant("Company").update("Customer", key, {"CustomerName": "changed"})
    sim.clock.advance(3600)
    read(sim, "Customer__Contacts", destination=destination)
    alone = [request for request in sim.requests if "/Customer/" in request.path and "$adHoc" not in request.path]
    assert len(alone) == 13


def test_a_form_that_is_not_set_up_in_mid_list_fails(sim: Simulator, small_pages: None) -> None:
    def forget(request: Request, answer: Answer) -> Answer:
        is_late = request.path.endswith("/Customer") and int(request.query.get("$skip", 0)) > 5
        text = "The required configuration data is not entered on the Accounts Receivable Preferences form."
        return failure(text, "PX.Data.PXSetupNotEnteredException") if is_late else answer

    sim.rewrite(forget)
    destination = read(sim, "Customer", max_page_size=4)
    assert destination.statuses == {"Customer": "INCOMPLETE"}
    assert "is not set up" in destination.errors[0]["message"]


_NO_SETUP = "The required configuration data is not entered on the Service Management Preferences form."


def without_setup(sim: Simulator, is_refused: Callable[[Request], bool]) -> None:
    """The orders say that a form is not set up, where ``is_refused`` says so."""

    def refuse(request: Request, answer: Answer) -> Answer:
        is_list = request.path.endswith("/SalesOrder") and is_refused(request)
        return failure(_NO_SETUP, "PX.Data.PXSetupNotEnteredException") if is_list else answer

    sim.rewrite(refuse)


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
def test_rows_are_read_where_only_a_part_of_them_needs_a_form_that_is_not_set_up(sim: Simulator, mode: str) -> None:
    without_setup(sim, lambda request: "BillToContact" in request.query.get("$expand", ""))
    destination = read(sim, "SalesOrder", mode=mode)
    assert destination.statuses == {"SalesOrder": "COMPLETE"}
    assert differences(destination, sim, ["Company"]) == []
    assert any("not set up" in warning for warning in destination.warnings)


@pytest.mark.parametrize("is_in_odata", [True, False])
def test_a_form_that_lost_its_setup_does_not_empty_a_table(sim: Simulator, is_in_odata: bool) -> None:
    destination = read(sim, "SalesOrder", mode=FULL_REFRESH)
    there = len(destination.rows("SalesOrder"))
    without_setup(sim, lambda _request: True)
    if not is_in_odata:
        sim.faults.add(Fault(FaultKind.STATUS_500, path="/dac/", times=10**6))
    read(sim, "SalesOrder", mode=FULL_REFRESH, destination=destination)
    assert destination.statuses == {"SalesOrder": "INCOMPLETE"}
    assert there == len(destination.rows("SalesOrder")) > 0
    assert "Service Management Preferences" in destination.errors[0]["message"]


def test_a_full_refresh_passes_over_a_form_without_setup_whose_table_is_seen_to_be_empty(sim: Simulator) -> None:
    company = sim.tenant("Company")
    for key in company.keys("SalesOrder"):
        company.delete("SalesOrder", key)
    without_setup(sim, lambda _request: True)
    destination = read(sim, "SalesOrder", mode=FULL_REFRESH)
    assert destination.statuses == {"SalesOrder": "COMPLETE"}
    assert any("not set up" in warning for warning in destination.warnings)


def test_a_form_whose_rows_have_come_fails_without_setup_although_all_are_to_be_read_anew(sim: Simulator) -> None:
    destination = read(sim, "SalesOrder", mode=INCREMENTAL)
    without_setup(sim, lambda _request: True)
    read(sim, "SalesOrder", mode=INCREMENTAL, destination=destination, include_archived=True)
    assert destination.statuses == {"SalesOrder": "INCOMPLETE"}


# ------------------------------------------------------------------------------------------------------- custom fields


@pytest.mark.parametrize("times", [1, 2, 5])
def test_custom_fields_outlast_a_passing_failure_of_the_question_for_their_names(sim: Simulator, times: int) -> None:
    destination = read(sim, "Customer")
    sim.clock.advance(3600)
    for key in sim.tenant("Company").keys("Customer")[:3]:
        sim.tenant("Company").update("Customer", key, {"CustomerName": "changed"})
    sim.clock.advance(60)
    sim.faults.add(Fault(FaultKind.STATUS_500, path="adHocSchema", times=times))
    read(sim, "Customer", destination=destination)
    assert differences(destination, sim, COMPANY) == []


def test_records_do_not_lose_their_custom_fields_to_a_lasting_failure(sim: Simulator) -> None:
    destination = read(sim, "Customer")
    before = cursor_in_state(destination, "Customer")
    sim.clock.advance(3600)
    sim.tenant("Company").update("Customer", sim.tenant("Company").keys("Customer")[0], {"CustomerName": "changed"})
    sim.clock.advance(60)
    sim.faults.add(Fault(FaultKind.STATUS_500, path="adHocSchema", times=1000))
    read(sim, "Customer", destination=destination)
    assert destination.statuses == {"Customer": "INCOMPLETE"}
    assert "records are not to lose them" in destination.errors[0]["message"]
    assert cursor_in_state(destination, "Customer") == before
    sim.faults.clear()
    read(sim, "Customer", destination=destination)
    assert differences(destination, sim, COMPANY) == []


@pytest.mark.parametrize(
    "refusal",
    [
        failure("Object reference not set to an instance of an object."),
        no_record(),
        html(404, "404 - File or directory not found."),
        message(403, "You have insufficient rights."),
        message(405, "The requested resource does not support http method 'GET'."),
    ],
    ids=["500", "no entity", "404", "403", "405"],
)
def test_a_form_that_never_names_its_custom_fields_is_read_without_and_each_record_says_so(
    sim: Simulator, refusal: Answer
) -> None:
    sim.rewrite(lambda request, answer: refusal if "adHocSchema" in request.path else answer)
    destination = read(sim, "Customer")
    assert destination.statuses == {"Customer": "COMPLETE"}
    assert destination.changes == [["custom"]] * len(sim.tenant("Company").rows("Customer"))
    assert "Custom fields are not read; each record says so" in " ".join(destination.warnings)


def test_what_could_not_be_read_comes_for_all_records_once_it_can_be_read(sim: Simulator) -> None:
    sim.faults.add(Fault(FaultKind.STATUS_500, path="adHocSchema", times=1000))
    destination, key = read(sim, "Customer"), sim.tenant("Company").keys("Customer")[0]
    for number in range(3):
        sim.clock.advance(3600)
        sim.tenant("Company").update("Customer", key, {"CustomerName": f"changed {number}"})
        sim.clock.advance(60)
        if number:
            sim.faults.clear()
        read(sim, "Customer", destination=destination)
        assert destination.statuses == {"Customer": "COMPLETE"}
        assert destination.changes == [[] if number else ["custom"]] * destination.records
    assert differences(destination, sim, COMPANY) == []


@pytest.mark.parametrize("hides", [lambda name: name.startswith("Usr"), lambda _name: True], ids=["some", "all"])
def test_custom_fields_that_are_named_later_come_for_all_records(sim: Simulator, hides: Callable[[str], bool]) -> None:
    is_thin = True

    def thin(request: Request, answer: Answer) -> Answer:
        if not is_thin or "adHocSchema" not in request.path:
            return answer
        form = json.loads(answer.body)
        form["custom"] = {
            view: {name: value for name, value in fields.items() if not hides(name)}
            for view, fields in form["custom"].items()
        }
        return replace(answer, body=json.dumps(form).encode())

    sim.rewrite(thin)
    destination, key = read(sim, "Customer"), sim.tenant("Company").keys("Customer")[0]
    is_thin = False
    read_again = []
    for number in range(4):
        sim.clock.advance(3600)
        sim.tenant("Company").update("Customer", key, {"CustomerName": f"changed {number}"})
        sim.clock.advance(60)
        read(sim, "Customer", destination=destination)
        read_again.append(destination.records)
    assert differences(destination, sim, COMPANY) == []
    assert read_again == [1, len(sim.tenant("Company").rows("Customer")), 1, 1]


def test_custom_fields_that_are_named_while_a_read_stands_cut_off_come_for_all_records(small_pages: None) -> None:
    is_thin = True

    def thin(request: Request, answer: Answer) -> Answer:
        if not is_thin or "adHocSchema" not in request.path:
            return answer
        form = json.loads(answer.body)
        form["custom"] = {view: dict([*fields.items()][:1]) for view, fields in form["custom"].items()}
        return replace(answer, body=json.dumps(form).encode())

    with Simulator(rows=30, tenants=("Company",)) as sim:
        sim.rewrite(thin)
        config = sim.config(generic_inquiries=[], max_page_size=5)
        destination, catalog = Destination(), catalog_of(config, "Customer")
        destination.sync(config, catalog, stop_after=20)
        is_thin = False
        for _ in range(3):
            destination.sync(config, catalog)
            sim.clock.advance(86_400)
            sim.tenant("Company").update("Customer", sim.tenant("Company").keys("Customer")[0], {"CustomerName": "new"})
            sim.clock.advance(60)
        destination.sync(config, catalog)
        assert differences(destination, sim, COMPANY) == []


def test_a_custom_field_that_is_refused_is_named_by_each_record(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_fields, "_UNREADABLE_NAMES", frozenset())
    destination = read(sim, "Customer")
    assert differences(destination, sim, COMPANY) == []
    assert destination.changes == [["custom.CurrentCustomer.GroupMask"]] * destination.records


@pytest.mark.parametrize("kind", ["500", "climb down"])
@pytest.mark.parametrize("times", [1, 2, 3, 5, 7])
def test_no_custom_field_is_left_out_for_a_passing_failure(sim: Simulator, times: int, kind: str) -> None:
    left = [times]

    def fail(request: Request, answer: Answer) -> Answer:
        if "$custom" not in request.query or not left[0]:
            return answer
        left[0] -= 1
        return failure("Deadlock.") if kind == "500" else not_optimizable("There is a BqlDelegate in view X.")

    sim.rewrite(fail)
    destination = read(sim, "Customer")
    assert destination.statuses == {"Customer": "COMPLETE"}
    assert differences(destination, sim, COMPANY) == []
    assert destination.changes == [[]] * destination.records


@pytest.mark.parametrize("answer_of", [lambda: Answer(200, b"[]"), lambda: failure("Too many.")], ids=["empty", "500"])
@pytest.mark.parametrize("most", [1, 2])
def test_custom_fields_that_fail_only_together_come_in_several_requests(
    sim: Simulator, most: int, answer_of: Callable[[], Answer]
) -> None:
    def limited(request: Request, answer: Answer) -> Answer:
        is_much = request.path.endswith("/Customer") and request.query.get("$custom", "").count(",") >= most
        return answer_of() if is_much else answer

    sim.rewrite(limited)
    destination = read(sim, "Customer")
    assert differences(destination, sim, COMPANY) == []
    assert destination.changes == [[]] * destination.records


def test_a_page_in_mid_list_that_is_empty_for_all_that_is_asked_for_is_asked_for_with_less(
    sim: Simulator, small_pages: None
) -> None:
    def limited(request: Request, answer: Answer) -> Answer:
        is_late = request.path.endswith("/Customer") and int(request.query.get("$skip", 0)) > 5
        return Answer(200, b"[]") if is_late and request.query.get("$custom", "").count(",") >= 2 else answer

    sim.rewrite(limited)
    destination = read(sim, "Customer", mode=FULL_REFRESH, max_page_size=4)
    assert destination.records == len(sim.tenant("Company").rows("Customer"))
    assert differences(destination, sim, COMPANY) == []


def test_a_list_that_is_empty_for_all_that_is_asked_for_of_its_rows_is_read_record_by_record(sim: Simulator) -> None:
    def limited(request: Request, answer: Answer) -> Answer:
        is_much = request.path.endswith("/Customer") and "$expand" in request.query
        return Answer(200, b"[]") if is_much else answer

    sim.rewrite(limited)
    destination = read(sim, "Customer")
    assert destination.records
    assert differences(destination, sim, COMPANY) == []


def test_the_search_for_refused_custom_fields_asks_for_the_page_that_failed(sim: Simulator, small_pages: None) -> None:
    poison = "C000009"

    def poisoned(request: Request, answer: Answer) -> Answer:
        is_bad = "UsrScore" in request.query.get("$custom", "") and poison.encode() in answer.body
        return failure("Divide by zero.") if is_bad and request.path.endswith("/Customer") else answer

    sim.rewrite(poisoned)
    destination = read(sim, "Customer", max_page_size=4)
    assert destination.statuses == {"Customer": "COMPLETE"}
    assert {tuple(changes) for changes in destination.changes} == {(), ("custom.CurrentCustomer.UsrScore",)}


def test_only_the_record_with_an_error_in_place_of_a_value_says_that_it_lacks_it(
    sim: Simulator, small_pages: None
) -> None:
    def one_bad(row: dict[str, Any]) -> None:
        if row["CustomerID"]["value"] == "C000005":
            row["CustomerName"] = {"error": "cannot be read"}

    sim.rewrite(lists("Customer", each(one_bad)))
    destination = read(sim, "Customer", max_page_size=4)
    assert [row["CustomerID"] for row in destination.rows("Customer") if row.nulled] == ["C000005"]
    assert sum(map(bool, destination.changes)) == 1
    assert "something other than a value, such as an error, for CustomerName" in " ".join(destination.warnings)
    sim.rewrite(lambda _request, answer: answer)
    for _ in range(2):
        sim.clock.advance(86_400)
        sim.tenant("Company").update("Customer", sim.tenant("Company").keys("Customer")[0], {"CustomerName": "changed"})
        sim.clock.advance(60)
        read(sim, "Customer", destination=destination)
    assert differences(destination, sim, COMPANY) == []


# ------------------------------------------------------------------------------------------------------ single records


@contextmanager
def made_up_ids(sim: Simulator, entity: str) -> Iterator[None]:
    """Lists give each record an id that leads nowhere."""
    sim.rewrite(lists(entity, each(lambda row: row.update(id=str(uuid4())))))
    yield


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("key", ["R&D", "50% DEPOSIT", "A/C", "FREIGHT:SEA", "A+B", "WHY?", "A|B"])
def test_a_record_that_cannot_be_addressed_fails_the_stream_by_its_name(sim: Simulator, key: str, mode: str) -> None:
    sim.tenant("Company").insert("VendorClass", {"ClassID": key})
    with made_up_ids(sim, "VendorClass"):
        destination = read(sim, "VendorClass", mode=mode)
    assert destination.statuses == {"VendorClass": "INCOMPLETE"}
    assert f"record {key!r}: it cannot be read by itself" in destination.errors[0]["message"]


@pytest.mark.parametrize("key", ["R&D", "A/C"])
def test_an_id_that_leads_to_the_record_is_its_address(sim: Simulator, key: str) -> None:
    sim.tenant("Company").insert("VendorClass", {"ClassID": key})
    destination = read(sim, "VendorClass")
    assert differences(destination, sim, COMPANY) == []


_NOT_FOUND = html(404, "The resource cannot be found.")


@pytest.mark.parametrize("answer", [_NOT_FOUND, no_record()], ids=["404", "no entity"])
def test_a_record_whose_key_the_web_server_takes_for_something_else_is_read_by_its_id(
    sim: Simulator, answer: Answer
) -> None:
    sim.tenant("Company").insert("VendorClass", {"ClassID": "CON"})
    sim.rewrite(lambda request, right: answer if request.path.endswith("/VendorClass/CON") else right)
    destination = read(sim, "VendorClass")
    assert differences(destination, sim, COMPANY) == []


def test_a_record_whose_address_leads_to_another_one_is_read_by_its_id(sim: Simulator) -> None:
    """Windows drops dots at the end of a path's segments."""
    sim.tenant("Company").insert("VendorClass", {"ClassID": "LOCAL.", "Description": "another"})
    other: list[Answer] = []

    def without_dot(request: Request, answer: Answer) -> Answer:
        if request.path.endswith("/VendorClass/LOCAL"):
            other.append(answer)
        return other[0] if request.path.endswith("/VendorClass/LOCAL.") else answer

    sim.rewrite(without_dot)
    destination = read(sim, "VendorClass")
    assert differences(destination, sim, COMPANY) == []


def test_an_entity_that_is_gone_while_its_records_are_read_fails_by_that(sim: Simulator) -> None:
    def gone(request: Request, answer: Answer) -> Answer:
        is_gone = re.search(r"/VendorClass/[^$]", request.path) or "ClassID" in request.query.get("$filter", "")
        return _NOT_FOUND if is_gone else answer

    sim.rewrite(gone)
    destination = read(sim, "VendorClass", mode=FULL_REFRESH)
    assert "the endpoint or entity does not exist there" in destination.errors[0]["message"]


def test_a_record_that_is_not_found_although_it_is_listed_fails_the_stream_by_its_name(sim: Simulator) -> None:
    local = next(row["id"] for row in sim.tenant("Company").rows("VendorClass") if row["ClassID"] == "LOCAL")
    ways = re.compile(f"/VendorClass/(LOCAL|{local})$")
    sim.rewrite(lambda request, answer: no_record() if ways.search(request.path) else answer)
    destination = read(sim, "VendorClass")
    assert "record 'LOCAL': the ERP does not find it at its address" in destination.errors[0]["message"]


def test_a_record_that_was_removed_since_its_key_was_read_is_left_out(sim: Simulator) -> None:
    tenant = sim.tenant("Company")
    tenant.insert("VendorClass", {"ClassID": "O'BRIEN"})

    def remove(request: Request) -> None:
        if request.path.endswith("/VendorClass/1099"):
            for (key,) in tenant.keys("VendorClass"):
                if key == "O'BRIEN":
                    tenant.delete("VendorClass", (key,))

    sim.before_request(remove)
    destination = read(sim, "VendorClass")
    assert differences(destination, sim, COMPANY) == []
    assert "O'BRIEN" not in {row["ClassID"] for row in destination.rows("VendorClass")}


def test_a_removed_record_is_left_out_where_the_list_refuses_a_selection_too(sim: Simulator) -> None:
    tenant = sim.tenant("Company")
    gone = tenant.keys("Payment")[2]

    def remove(request: Request) -> None:
        if "/Payment/" in request.path and "$" not in request.path and gone in tenant.keys("Payment"):
            tenant.delete("Payment", gone)

    sim.before_request(remove)
    destination = read(sim, "Payment__ApplicationHistory")
    assert destination.errors == []
    assert differences(destination, sim, COMPANY) == []


# ------------------------------------------------------------------------------------------------- length of addresses


@pytest.mark.parametrize("status", [404, 400, 414])
@pytest.mark.parametrize("longest", [200, 260, 400])
def test_a_server_that_takes_short_addresses_only_is_asked_in_short_ones(
    sim: Simulator, status: int, longest: int
) -> None:
    refused: list[str] = []

    def limited(request: Request, answer: Answer) -> Answer:
        query = addresses.encode(request.query)
        if "/Customer" not in request.path or len(query) <= longest:
            return answer
        refused.append(query)
        return html(status, "404.15 - Not Found" if status == 404 else "The length of the query string")

    sim.rewrite(limited)
    config = sim.config("Company")
    catalog = catalog_of(config, "Customer")
    del catalog["streams"][0]["stream"]["json_schema"]["properties"]["CustomerName"]
    destination = Metas()
    destination.sync(config, catalog)
    assert 0 < len(refused) < 12
    assert differences(destination, sim, COMPANY) == []
