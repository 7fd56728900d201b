"""Tests how a page is put together from several requests, and what a refusal of one of them means."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract.identity import identifier
from source_acumatica.contract.list_requests import ListRequests, unless_refused
from source_acumatica.contract.plan import Plan
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.fields import Shape
from source_acumatica.reading.window import Window
from unit_tests.contract.orders import ORDER, table

TWO_GROUPS = Plan(custom=("Document.UsrA", "Document.UsrB"), most_custom=1)
PAGE = {"skip": 0, "top": 10, "plan": Plan()}


def row(number, **custom):
    fields = {name: {"value": value} for name, value in custom.items()}
    parts = {"Contact": None, "Totals": None, "custom": {"Document": fields}}
    return {"id": "1", "OrderType": {"value": "SO"}, "OrderNbr": {"value": number}, **parts}


def refusal(action):
    return RequestFailed(Problem(action, FailureType.system_error, "no"), "X")


def requests_of(answer):
    """``answer`` gives the rows of a request, or the error."""

    def ask(_window, token):
        found = answer(token)
        if isinstance(found, RequestFailed):
            raise found
        return found, 100

    return ListRequests(table(), None, "X", identifier(table()), ask)


def test_the_custom_fields_of_several_requests_come_in_one_page():
    def answer(token):
        assert token["as_dicts"]
        (name,) = token["plan"].custom
        return [row("A1", **{name.rpartition(".")[2]: 1})]

    rows, size_bytes = requests_of(answer).page(Window(), {**PAGE, "plan": TWO_GROUPS})
    assert rows[0]["custom"] == {"Document": {"UsrA": {"value": 1}, "UsrB": {"value": 1}}}
    assert size_bytes == 100


def test_a_page_that_changes_between_its_requests_is_read_again_five_times_at_most():
    asked = []

    def answer(token):
        asked.append(token)
        return [row(f"A{len(asked)}")]

    with pytest.raises(RequestFailed, match="its rows change faster than their custom fields can be read"):
        requests_of(answer).page(Window(), {**PAGE, "plan": TWO_GROUPS})
    assert len(asked) == 10


def test_a_part_that_was_asked_for_and_does_not_come_is_not_an_empty_one():
    lacking = {name: value for name, value in row("A1").items() if name != "Contact"}
    with pytest.raises(RequestFailed, match="the ERP leaves out Contact although it was asked for") as failed:
        requests_of(lambda _token: [lacking]).page(Window(), PAGE)
    assert failed.value.problem.action is Action.ASK_FOR_LESS


@pytest.mark.parametrize(
    ("keys", "action"),
    [
        ([], Action.ASK_FOR_LESS),
        (refusal(Action.SKIP), Action.SKIP),
        (refusal(Action.STOP), Action.STOP),
    ],
    ids=["answers for its keys", "is not set up", "unknown"],
)
def test_a_form_counts_as_not_set_up_only_if_its_keys_are_refused_for_that_too(keys, action):
    requests = requests_of(lambda token: keys if token["plan"].is_by_record else refusal(Action.SKIP))
    with pytest.raises(RequestFailed) as failed:
        requests.send(Window(), PAGE)
    assert failed.value.problem.action is action


def test_a_form_that_has_given_a_page_is_set_up():
    answers = iter([[row("A1")], refusal(Action.SKIP)])
    requests = requests_of(lambda _token: next(answers))
    requests.send(Window(), PAGE)
    requests.has_page = True
    with pytest.raises(RequestFailed) as failed:
        requests.send(Window(), PAGE)
    assert failed.value.problem.action is Action.STOP


def test_another_plan_is_tried_with_fewer_rows_where_the_page_is_too_slow():
    asked = []

    def answer(token):
        asked.append(token["top"])
        return refusal(Action.FEWER_ROWS) if token["top"] > 3 else [row("A1")]

    assert requests_of(answer).accepts(Window(), {"skip": 0, "top": 10}, Plan())
    assert asked == [10, 5, 2]


@pytest.mark.parametrize(("needs_rows", "accepts"), [(False, True), (True, False)])
def test_a_page_without_rows_is_enough_unless_rows_are_needed(needs_rows, accepts):
    requests = requests_of(lambda _token: [])
    assert requests.accepts(Window(), {"skip": 0, "top": 10}, Plan(), needs_rows=needs_rows) is accepts


@pytest.mark.parametrize(("keys", "has_any"), [([row("A1")], True), ([], False)])
def test_a_page_that_is_too_much_has_rows_where_only_keys_are_asked_for(keys, has_any):
    asked = []
    requests = requests_of(lambda token: asked.append(token) or keys)
    assert requests.has_keys(Window(), Plan(custom=("Document.UsrA",)), skip=7) is has_any
    assert [(token["skip"], token["top"], token["plan"].custom) for token in asked] == [(7, 1, ())]


def test_where_keys_alone_are_refused_a_page_is_known_to_be_empty_only_if_no_parts_were_asked_for():
    requests = requests_of(lambda _token: refusal(Action.ASK_FOR_LESS))
    with pytest.raises(RequestFailed):
        requests.has_keys(Window(), Plan(), 7)
    requests.table = table(shape=Shape(ORDER.fields))
    assert not requests.has_keys(Window(), Plan(), 7)


def test_only_a_refusal_is_replaced():
    def fails(action):
        raise refusal(action)

    assert unless_refused(lambda: fails(Action.ASK_FOR_LESS), None) is None
    with pytest.raises(RequestFailed):
        unless_refused(lambda: fails(Action.FEWER_ROWS), None)
