"""Tests that compiled decoding makes of names and errors what the way through dicts makes of them."""

from __future__ import annotations

import msgspec
import pytest

from source_acumatica.contract.codec import list_codec
from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.erp.errors import BrokenAnswerError
from source_acumatica.odata.codec import odata_codec
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.codec import RawRow, plain_value
from source_acumatica.reading.fields import Shape
from unit_tests.reading.raw_pages import DECIMAL, FEED, ODATA_ERROR, SPECIAL, STAMP, STRING, TABLES, TENANT, read


@pytest.mark.parametrize("name", [name for name in SPECIAL if not {*'"\\\n'} & {*name}])
def test_a_name_costs_no_speed_whatever_it_is(name):
    shape = Shape({"Key": STRING, name: STRING})
    raw = {"id": "1", "Key": {"value": "k"}, name: {"value": "v"}}
    (table,) = tables("Default", "1", "Thing", shape, Known(("Key",)))
    if name != "id":
        (row,) = list_codec(table, None).decode(msgspec.json.encode([raw]))
        assert isinstance(row, RawRow)
        assert row.get("Key").value == "k"
    codec = odata_codec(ODataTable(ODataFeed.TABLES, "T", "T", {name: STRING}), None)
    (row,) = codec.decode(msgspec.json.encode({"value": [{name: "v"}]})).value
    assert isinstance(row, RawRow)


def test_what_is_added_is_not_overwritten_by_columns_of_its_name():
    line = Shape({"_line": STRING, "_PARENT_ID": STRING, "_airbyte_meta": STRING, "Real": STRING})
    shape = Shape({"Key": STRING, "_tenant": STRING, "_line": STRING}, {}, {"Lines": line})
    top, lines = tables("Default", "1", "Thing", shape, Known(("Key",)))
    assert (top.left_out, lines.left_out) == (("_tenant",), ("_line", "_PARENT_ID", "_airbyte_meta"))
    assert "_line" in top.json_schema()["properties"]
    raw = {"id": "1", "Key": {"value": "k"}, "_tenant": {"value": "theirs"}, "Lines": [{"id": "2"}]}
    raw["Lines"][0] |= {name: {"value": "theirs"} for name in line.fields}
    (record,) = msgspec.json.decode(read(list_codec(lines, None), msgspec.json.encode([raw]), list, lines, None)[0])
    assert record == {
        **{"_tenant": TENANT, "_parent_id": "1", "_parent_Key": "k", "_line": 1, "_line_count": 1},
        **{"id": "2", "Real": "theirs", "custom": {}},
    }
    entity_set = ODataTable(
        ODataFeed.TABLES, "T", "T", {"_tenant": STRING, "_ab_cdc_deleted_at": STAMP}, keys=("_tenant",)
    )
    assert (entity_set.fields, entity_set.keys, entity_set.left_out) == ({}, (), ("_tenant", "_ab_cdc_deleted_at"))


OLD_ODATA_ERROR = {"odata.error": {"code": "", "message": {"lang": "en", "value": "Out of rows."}}}
HTTP_ERROR = {"message": "An error has occurred.", "exceptionMessage": "Out of rows.", "exceptionType": "X"}
NET_ERROR = {"Message": "An error has occurred.", "ExceptionMessage": "Out of rows."}
ERRORS = [ODATA_ERROR, OLD_ODATA_ERROR, HTTP_ERROR, NET_ERROR, {"error": "Out of rows."}]
DETAILS, KEYED = TABLES["Order__Details"], {"id": "1", "Type": {"value": "SO"}, "Nbr": {"value": "1"}}


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_an_error_is_no_data_wherever_it_stands(error):
    entity_set, entity, lines = odata_codec(FEED, None), list_codec(TABLES["Order"], None), list_codec(DETAILS, None)
    rows = [{"Nbr": "1"}, {"Nbr": "2"}]
    answers = [
        *(
            (entity_set, answer)
            for answer in (error, {"value": [error]}, {"value": [*rows, error]}, {"value": [], **error})
        ),
        *((entity, answer) for answer in (error, [error], [KEYED, error], {"value": [KEYED], **error})),
        *((lines, answer) for answer in (error, [{**KEYED, "Details": [{"id": "2"}, error]}])),
    ]
    for codec, answer in answers:
        if "value" in answer and not {"message", "Message"}.isdisjoint(answer):
            # Beside rows these may be anything.
            continue
        for decode in (codec.decode, codec.decode_dicts):
            with pytest.raises(BrokenAnswerError) as raised:
                decode(msgspec.json.encode(answer))
            assert raised.value.problem.sentence.endswith("Out of rows.)")


def test_columns_that_are_called_as_errors_are_columns():
    fields = {"error": STRING, "message": STRING, "Message": DECIMAL}
    entity_set = ODataTable(ODataFeed.INQUIRIES, "T", "T", fields)
    body = b'{"value": [{"error": "none", "message": "hello", "Message": 1.50}]}'
    compiled, through_dicts = read(odata_codec(entity_set, None), body, lambda answer: answer.value, entity_set, None)
    assert compiled == through_dicts == b'[{"_tenant":"Company","error":"none","message":"hello","Message":1.50}]'
    (table,) = tables("Default", "1", "Thing", Shape({"Key": STRING, "message": STRING}), Known(("Key",)))
    body = b'[{"id": "1", "Key": {"value": "k"}, "message": {"value": "m"}, "error": "a bad value"}]'
    compiled, through_dicts = read(list_codec(table, None), body, list, table, None)
    assert compiled == through_dicts
    assert b'"message":"m"' in compiled


@pytest.mark.parametrize("body", [[KEYED], KEYED, {"value": [KEYED]}])
def test_a_list_may_come_in_an_object_and_a_record_by_itself(body):
    codec = list_codec(TABLES["Order"], None)
    (row,) = codec.decode(msgspec.json.encode(body))
    assert row.get("id") == "1"
    row = {"Nbr": "1"}
    assert odata_codec(FEED, None).decode(msgspec.json.encode(row)).value == [row]


def test_a_number_with_its_digits_can_stand_in_a_state():
    assert plain_value(msgspec.Raw("19.50")) == "19.50"
    assert plain_value(msgspec.Raw(b"19.50")) == "19.50"
    assert plain_value(7) == 7
