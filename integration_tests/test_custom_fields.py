"""Tests that custom fields come for all records, or that each record says which it lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from source_acumatica.contract import custom_fields

from .comparison import differences
from .harness import FULL_REFRESH, Destination, catalog_of
from .reads import COMPANY, cursor_in_state, each, lists, read
from .simulator import Fault, FaultKind, Simulator
from .simulator.web.answers import Answer, failure, html, message, no_record, not_optimizable
from .simulator.web.requests import Request


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


@pytest.mark.parametrize("kind", ["500", "ask for less"])
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
