"""Tests what a stream of the contract-based REST API asks for, and what it makes of answers that are odd."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.file_output import FileOutput
from source_acumatica.airbyte.keys import KeyWatch
from source_acumatica.contract.ad_hoc import AdHocSchemas
from source_acumatica.contract.attachments import with_files
from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.stream import ContractStream
from source_acumatica.reading.fields import FieldKind, Shape
from source_acumatica.reading.learnt import IDS_LOOKED_AT
from source_acumatica.reading.window import Window
from unit_tests.contract.orders import table
from unit_tests.contract.rest_client import RestClient
from unit_tests.erp.test_answers import answer
from unit_tests.odata.entity_set import Known as Facts
from unit_tests.odata.entity_set import settings

FIELDS = Shape({"OrderNbr": FieldKind.STRING, "Total": FieldKind.STRING, "LastModified": FieldKind.DATE_TIME})
ORDER = table("Order", FIELDS, Known(("OrderNbr",), dac="PX.SO.SOOrder"))
UNKEYED = table("Order", FIELDS, Known())
SINCE = "2026-11-20T00:00:00.000000Z"
TRACKED = ORDER.tracked()


class Client(RestClient):
    """Counts no seats, and does not wait."""

    def reading(self, _tenant):
        return nullcontext()


class Removals:
    """What OData says of deletions: ``shows`` is whether any of the ids that are looked at is a NoteID."""

    def __init__(self, shows=None):
        self.shows, self.expected, self.looked_at = shows, [], []

    def expect(self, dac):
        self.expected.append(dac)

    def names_of(self, dac):
        return (dac, dac.rpartition(".")[2])

    def has_any(self, tenant, sets, _where, ids):
        self.looked_at.append((tenant, sets, ids))
        return self.shows


def stream_of(
    of_request=lambda *_: answer(200, b"[]"), own=ORDER, *, removals=None, tenant_tables=None, linked=None, **more
):
    keys, columns = more.pop("keys", None), more.pop("columns", None)
    includes_files = more.pop("includes_files", False)
    access = Access(removals or Removals(), lambda *_: None, linked=linked)
    configured = None if columns is None else {name: {} for name in columns}
    return ContractStream(
        own,
        AdHocSchemas(),
        tenant_tables or {"A": own},
        Client(of_request),
        settings(include_custom_fields=False, **more),
        access,
        configured,
        keys,
        includes_files=includes_files,
    )


def asked(stream):
    return [(path, options) for path, options, _ in stream._client.requests]


# ------------------------------------------------------------------------------------------------------------- requests


def test_a_request_depends_on_its_slice_and_its_page_token_alone():
    stream = stream_of(columns=["OrderNbr", "Total"])
    slice_ = {"tenant": "A", "window": Window(SINCE).as_state()}
    first = stream.request_params({}, slice_, {"skip": 40, "top": 20})
    stream.request_params({}, {"tenant": "A"}, {"plan": Plan(selects=False)})
    assert stream.request_params({"cursor": "whatever"}, slice_, {"skip": 40, "top": 20}) == first
    assert first.keys() == {"$filter", "$select", "$skip", "$top"}
    assert "2026-11-" in first["$filter"]
    assert (first["$skip"], first["$top"]) == ("40", "20")
    assert {*first["$select"].split(",")} == {"OrderNbr", "Total", "LastModified"}


def test_each_tenant_is_asked_for_the_table_that_it_has():
    older = replace(ORDER, version="22.200.001")
    stream = stream_of(tenant_tables={"A": ORDER, "B": older})
    paths = [stream.path(stream_slice={"tenant": tenant}) for tenant in ("A", "B")]
    assert paths == ["/entity/Default/24.200.001/Order", "/entity/Default/22.200.001/Order"]


def test_a_form_is_asked_with_each_combination_of_values():
    shape = Shape({"Period": FieldKind.STRING}, {}, {"Results": Shape({"Account": FieldKind.STRING})})
    (form,) = tables("Default", "24.200.001", "Summary", shape, Known(), is_inquiry=True)
    form = replace(form, asked=("Period",))
    values = [{"inquiry": "Summary", "name": "Period", "value": value} for value in ("012026", "022026")]
    sent = []

    class Form(Client):
        def fetch(self, _tenant, _path, _options, *, method, body, **_request):
            sent.append((method, json.loads(body)["Period"]["value"]))
            return [{"Account": {"value": "1"}}], {}

    stream = stream_of(own=form, inquiry_parameters=values)
    stream._client = Form(None)
    rows = [row for page in stream._reader("A").pages(Window()) for row in page.rows]
    assert sent == [("PUT", "012026"), ("PUT", "022026")]
    assert [row["_param_Period"] for row in rows] == ["012026", "022026"]


def test_a_list_of_keys_asks_for_the_key_and_what_is_wanted_beside_it():
    stream = stream_of(columns=["OrderNbr", "Total"])
    assert [*stream.key_reader("A", "Total").pages(Window())] == []
    assert {options.get("$select") for _, options in asked(stream)} == {"OrderNbr,Total"}


# -------------------------------------------------------------------------------------------------------------- answers


BLANK = [{"id": "1", "OrderNbr": {}, "Total": {}, "LastModified": {}}]


def pages(stream):
    return [[*page.rows] for page in stream._reader("A").pages(Window())]


def test_an_answer_without_content_is_a_list_without_rows():
    assert pages(stream_of(lambda *_: answer(204))) == []


def test_one_blank_record_is_no_row_and_the_user_is_told_once(caplog):
    stream = stream_of(lambda *_: answer(200, BLANK), UNKEYED)
    assert pages(stream) == []
    assert pages(stream) == []
    assert len([each for each in caplog.messages if "it looks like an inquiry form" in each]) == 1


def test_a_record_whose_key_is_known_is_a_row_though_it_holds_little():
    def of_request(_path, options):
        return answer(200, [] if int(options.get("$skip", 0)) else BLANK)

    assert [len(rows) for rows in pages(stream_of(of_request))] == [1]
    assert pages(stream_of(of_request, UNKEYED)) == []


def test_lines_that_look_like_a_form_are_refused_rather_than_taken_for_none():
    shape = Shape({"Subject": FieldKind.STRING}, {}, {"Details": Shape({"A": FieldKind.STRING})})
    lines = table("Order__Details", shape, Known())
    stream = stream_of(lambda *_: answer(200, [{"id": "1", "Subject": {}, "Details": []}]), lines)
    with pytest.raises(AirbyteTracedException, match="it looks like an inquiry form"):
        pages(stream)


# ------------------------------------------------------------------------------------------------------------------ ids


ROWS = [{"id": f"id-{number}", "OrderNbr": {"value": f"{number}"}} for number in range(20)]


def looked_at(shows, again=None, *, deduplicates=True, own=TRACKED):
    """What is made of the first rows of a run; ``again`` is the record's id in another answer."""
    found = [{**ROWS[0], "id": again}] if again else []
    removals, facts = Removals(shows), Facts()
    keys = KeyWatch(("_tenant", "id"), deduplicates)
    stream = stream_of(
        lambda _path, options: answer(200, [{**row, "OrderNbr": {"value": options["$filter"][-2]}} for row in found]),
        own,
        removals=removals,
        keys=keys,
    )
    reader = stream._reader("A")
    stream._look_at_ids(reader, ROWS, facts)
    return SimpleNamespace(removals=removals, facts=facts)


def test_ids_that_odata_knows_are_note_ids():
    outcome = looked_at(shows=True)
    assert outcome.removals.expected == ["PX.SO.SOOrder"]
    ((tenant, sets, ids),) = outcome.removals.looked_at
    assert (tenant, sets) == ("A", ("PX.SO.SOOrder", "SOOrder"))
    assert ids == ["id-0", "id-4", "id-8", "id-12", "id-16"], "few, and from all over the page"
    assert IDS_LOOKED_AT in outcome.facts
    assert IDS_LOOKED_AT in looked_at(shows=True, again="another").facts, "created again meanwhile"


def test_ids_that_are_made_up_for_each_answer_are_refused_where_rows_are_known_by_them():
    with pytest.raises(AirbyteTracedException, match="another id in each answer"):
        looked_at(shows=False, again="another")


def test_ids_of_other_records_are_warned_of(caplog):
    assert IDS_LOOKED_AT in looked_at(shows=False, again="ID-0").facts
    assert "none of the ids that were looked at is a NoteID in SOOrder" in caplog.text


def test_where_odata_is_closed_nothing_is_learnt():
    assert looked_at(shows=None).facts == set()


@pytest.mark.parametrize(
    "way", [{"own": ORDER}, {"deduplicates": False}], ids=["deletions are not tracked", "nobody goes by ids"]
)
def test_ids_are_looked_at_only_where_rows_are_known_by_them(way):
    assert looked_at(shows=False, again="another", **way).removals.looked_at == []


# -------------------------------------------------------------------------------------------- files, and linked changes


FILES = table("Order__files", with_files(FIELDS), Known(("OrderNbr",), dac="PX.SO.SOOrder"))


def test_files_themselves_come_only_for_a_stream_of_files_that_includes_them():
    offered = [stream_of(own=own).as_airbyte_stream().is_file_based for own in (FILES, ORDER)]
    assert [bool(each) for each in offered] == [True, False]
    outputs = [
        isinstance(stream_of(own=own, includes_files=wanted)._output_of("A"), FileOutput)
        for own, wanted in ((FILES, True), (FILES, False), (ORDER, True))
    ]
    assert outputs == [True, False, False]


def test_changes_of_linked_rows_are_looked_for_in_records_and_not_in_their_files():
    calls = []
    linked = SimpleNamespace(ids=lambda *asked, where: calls.append((asked, where)) or ["1"])
    find = stream_of(linked=linked)._linked_ids("A")
    assert find(SINCE) == ["1"]
    assert calls == [(("A", "PX.SO.SOOrder", SINCE), "Tenant 'A', stream Order")]
    assert stream_of(own=FILES, linked=linked)._linked_ids("A") is None
    assert stream_of(own=replace(ORDER, cursor=None), linked=linked)._linked_ids("A") is None
    assert stream_of()._linked_ids("A") is None
