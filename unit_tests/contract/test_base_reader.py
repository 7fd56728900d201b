"""Tests how a record and a few rows are asked for: what is no data is never taken for some, or for none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from source_acumatica.contract.base_reader import REFUSALS, ContractReader, lacks
from source_acumatica.erp.errors import Action, RequestFailed
from unit_tests.contract.orders import table
from unit_tests.contract.rest_client import RestClient
from unit_tests.erp.test_answers import HTML, answer
from unit_tests.odata.entity_set import settings

RECORD = {"id": "1", "OrderNbr": {"value": "000001"}}


@dataclass
class Reader(ContractReader):
    def pages(self, window):
        raise NotImplementedError


def reader(response, of=None):
    client = RestClient(lambda *_: response)
    return Reader("A", settings(), of or table(), None, client, {"PX-ApiArchive": "SHOW"}), client


def test_a_record_comes_with_the_readers_headers_and_with_those_of_the_request():
    read, client = reader(answer(200, RECORD))
    assert read.fetch_object("/x", {"$expand": "Details"}, headers={"More": "1"}, method="PUT") == RECORD
    ((path, options, request),) = client.requests
    assert (path, options, request["method"]) == ("/x", {"$expand": "Details"}, "PUT")
    assert request["headers"] == {"PX-ApiArchive": "SHOW", "More": "1"}
    assert read.record_bytes == len(answer(200, RECORD).content)


def test_numbers_keep_every_digit():
    read, _ = reader(answer(200, b'{"id": "1", "Total": {"value": 1.2300}}'))
    assert Decimal(bytes(read.fetch_object("/x")["Total"]["value"]).decode()).as_tuple().digits == (1, 2, 3, 0, 0)


@pytest.mark.parametrize(
    "response",
    [
        answer(200, b""),
        answer(200, HTML, "text/html"),
        answer(200, {"message": "An error has occurred.", "exceptionMessage": "Timeout"}),
        answer(204, b""),
        answer(500, {"exceptionMessage": "no"}),
    ],
    ids=["empty", "web page", "error", "no content", "failure"],
)
def test_what_is_no_record_is_an_error_that_names_tenant_and_stream(response):
    read, _ = reader(response)
    with pytest.raises(RequestFailed, match=r"^Tenant 'A', stream Order: "):
        read.fetch_object("/x")


def test_a_field_that_is_called_as_an_error_is_a_field():
    shape = replace(table().shape, fields={**table().shape.fields, "message": table().shape.fields["OrderNbr"]})
    record = {**RECORD, "message": {"value": "hello"}}
    assert reader(answer(200, record), replace(table(), shape=shape))[0].fetch_object("/x") == record


@pytest.mark.parametrize(("response", "rows"), [(answer(200, [RECORD]), [RECORD]), (answer(200, []), [])])
def test_a_list_has_the_rows_of_its_answer(response, rows):
    assert reader(response)[0].fetch_rows("/x", {}) == rows


def test_a_list_without_content_has_no_rows_and_an_empty_success_is_an_error():
    assert reader(answer(204, b""))[0].fetch_rows("/x", {}) == []
    with pytest.raises(RequestFailed):
        reader(answer(200, b""))[0].fetch_rows("/x", {})


def test_a_refusal_for_lacking_rights_names_the_feature_that_is_off():
    off = replace(table(), off="Inventory")
    for ask in ("fetch_object", "fetch_rows"):
        read, _ = reader(answer(403, {"message": "no rights"}), off)
        with pytest.raises(RequestFailed, match="the feature Inventory, which it may need, is off"):
            getattr(read, ask)("/x", {})


def test_a_part_that_does_not_come_is_a_reason_to_ask_for_less():
    problem = lacks("Details")
    assert (problem.action, problem.is_unclear) == (Action.ASK_FOR_LESS, True)
    assert problem.action in REFUSALS
    assert "leaves out Details although it was asked for" in problem.sentence
