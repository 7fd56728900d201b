"""Tests that an entity set gives the same records however it is decoded, to the byte."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.erp.errors import BrokenAnswerError
from source_acumatica.odata.codec import decode_answer, decode_rows, odata_codec
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.codec import RawRow
from source_acumatica.reading.fields import FieldKind
from unit_tests.reading.raw_pages import EXACT, FEED, NAMES, ODATA_ERROR, ODD, STAMPS, STRING, TENANT, VALUES, read


@given(st.data())
def test_an_entity_set_gives_the_same_records_both_ways(data):
    values = {name: VALUES[kind] | st.none() | ODD for name, kind in FEED.fields.items()}
    # A cursor that is none breaks the whole page, and hides what becomes of the rest.
    values[FEED.cursor] = STAMPS | st.none()
    rows = data.draw(st.lists(st.fixed_dictionaries({}, optional={**values, "@odata.etag": st.just("x")}), max_size=3))
    columns = data.draw(st.none() | st.sets(st.sampled_from([*FEED.fields])))
    link = data.draw(st.sampled_from(["@odata.nextLink", "odata.nextLink"]))
    body = msgspec.json.encode({"value": rows, link: "Order?$skip=3"})
    codec = odata_codec(FEED, columns)
    compiled, through_dicts = read(codec, body, lambda answer: answer.value, FEED, columns)
    assert compiled == through_dicts
    answer = codec.decode(body)
    assert all(isinstance(row, RawRow) for row in answer.value)
    assert "Order?$skip=3" in (answer.next_link, answer.old_next_link)


@given(st.data())
def test_entity_sets_with_any_names_give_the_same_records_both_ways(data):
    fields = data.draw(st.dictionaries(NAMES, st.sampled_from([*VALUES]), max_size=8))
    table = ODataTable(ODataFeed.INQUIRIES, "T", "T", fields)
    values = {name: VALUES[kind] | st.none() for name, kind in fields.items()}
    rows = data.draw(st.lists(st.fixed_dictionaries({}, optional=values), max_size=3))
    codec = odata_codec(table, None)
    body = msgspec.json.encode({"value": rows})
    compiled, through_dicts = read(codec, body, lambda answer: answer.value, table, None)
    assert compiled == through_dicts
    for record, row in zip(EXACT.decode(compiled), rows, strict=True):
        assert record["_tenant"] == TENANT
        # Each column has its own value, and none that of another.
        text = {name for name, kind in table.fields.items() if kind is STRING and row.get(name) is not None}
        assert {name: record[name] for name in text} == {name: row[name].rstrip(" ") for name in text}


@pytest.mark.parametrize(
    ("text", "cell", "may_be_padded"),
    [
        (b'"A B"', "A B", False),
        (b'"A  "', "A", True),
        (b'" "', "", True),
        (b'"A\\u0020"', "A", True),
        (b'"A\\u00A0"', "A\u00a0", False),
        (b'"A \\""', 'A "', False),
        (b'"A\\n"', "A\n", False),
    ],
)
def test_only_pages_in_which_a_text_may_end_with_a_space_are_looked_at_for_such_texts(text, cell, may_be_padded):
    codec = odata_codec(FEED, None)
    (row,) = codec.decode(b'{"value":[{"Nbr":%b,"Seen":"2026-03-01T00:00:00"}]}' % text).value
    assert row.may_be_padded is may_be_padded
    sent = row.get("Nbr"), row.get("Seen")
    (record,) = codec.make_records(TENANT, row)
    assert EXACT.decode(msgspec.json.encode(record)) == {"_tenant": TENANT, "Nbr": cell, "Seen": "2026-03-01T00:00:00Z"}
    # Its place in the list is known by what was sent.
    assert (row.get("Nbr"), row.get("Seen")) == sent


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"value": 1}', b'{"value": null}'])
def test_a_body_that_is_no_list_is_an_error(body):
    for decode in (decode_answer, odata_codec(FEED, None).decode):
        with pytest.raises(msgspec.DecodeError):
            decode(body)


def test_an_error_costs_the_next_page_no_speed():
    codec = odata_codec(FEED, None)
    with pytest.raises(BrokenAnswerError):
        codec.decode(msgspec.json.encode({"value": [ODATA_ERROR]}))
    assert isinstance(codec.decode(b'{"value": [{"Nbr": "1"}]}').value[0], RawRow)


@pytest.mark.parametrize(
    "body", [b'{"Days": 30}', b'{"value": [{"Days": 30}]}', b'{"value": [{"Other": 1, "Days": 30}]}']
)
def test_rows_that_were_asked_for_by_their_columns_come_also_as_a_row_by_itself(body):
    (row,) = decode_rows(body, ["Days", "Name"]).value
    assert row["Days"] == 30


@pytest.mark.parametrize("row", [{"Other": 1}, {}, 7, None, [1]], ids=str)
def test_rows_without_any_column_that_was_asked_for_are_no_data(row):
    with pytest.raises(BrokenAnswerError, match="rows come without Days or Name, which was asked for"):
        decode_rows(msgspec.json.encode({"value": [{"Days": 1}, row]}), ["Days", "Name"])
    assert decode_rows(b'{"value": []}', ["Days"]).value == []


def test_an_error_is_no_data_where_a_column_of_its_name_was_not_selected():
    table = ODataTable(ODataFeed.INQUIRIES, "T", "T", {"Nbr": FieldKind.STRING, "error": FieldKind.STRING})
    codec = odata_codec(table, {"Nbr"})
    for decode in (codec.decode, codec.decode_dicts):
        with pytest.raises(BrokenAnswerError):
            decode(b'{"value":[{"Nbr":"1"},{"error":{"code":"","message":"Execution Timeout Expired."}}]}')
    compiled, through_dicts = read(codec, b'{"value":[{"Nbr":"1","error":"x"}]}', lambda a: a.value, table, {"Nbr"})
    assert compiled == through_dicts == b'[{"_tenant":"Company","Nbr":"1"}]'


@pytest.mark.parametrize("name", ["Closed", "DueDate"])
@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("", ""),
        ("soon", "soon"),
        ("2024-01-01", "2024-01-01T00:00:00+00:00"),
        ("2024-01-01T10:00:00", "2024-01-01T10:00:00Z"),
        ("2024-01-01T10:00:00.123", "2024-01-01T10:00:00.123Z"),
        ("2024-01-01T10:00:00-05:00", "2024-01-01T10:00:00-05:00"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
    ],
)
def test_what_comes_without_a_time_gets_no_zone(name, value, cell):
    table = ODataTable(ODataFeed.INQUIRIES, "T", "T", {name: FieldKind.DATE_TIME})
    body = msgspec.json.encode({"value": [{name: value}]})
    compiled, through_dicts = read(odata_codec(table, None), body, lambda answer: answer.value, table, None)
    assert compiled == through_dicts
    assert msgspec.json.decode(compiled)[0][name] == cell
