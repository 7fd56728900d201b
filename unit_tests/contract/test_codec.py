"""Tests that a list of entities gives the same records however it is decoded, to the byte."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.contract.attachments import with_files
from source_acumatica.contract.codec import list_codec
from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.erp.errors import BrokenAnswerError
from source_acumatica.reading.codec import RawRow
from source_acumatica.reading.fields import FieldKind, Shape
from unit_tests.reading.raw_pages import EXACT, NAMES, ODD, STAMP, STRING, TABLES, TENANT, VALUES, read

# As often as values, and now and then what fits no description.
MISSING = st.sampled_from([{}, {"value": None}])
# Of an object nothing but what is known of it is looked at: one without any of that is an empty one.
ODD_OBJECT = st.sampled_from([None, "bare", 7, [1], {"id": 5}, {"id": None}, {"rowNumber": 1}, {"Email": {}}])


@st.composite
def wires(draw, shape, odd):
    """A record as the ERP sends it; with ``odd`` some of it has another form than described."""
    raw = {
        "id": draw(st.sampled_from(["6d4b", "aa"])),
        "rowNumber": 1,
        "custom": draw(CUSTOM),
        "_links": {"self": "/"},
    }
    raw["note"] = draw(st.sampled_from([{}, {"value": "n"}, None, "bare"]))
    for name, kind in shape.fields.items():
        value = draw(
            VALUES[kind].map(lambda value: {"value": value}) | MISSING | st.just(...) | (ODD if odd else MISSING)
        )
        if value is not ...:
            raw[name] = value
    for name, inner in shape.objects.items():
        raw[name] = draw(st.none() | st.just({}) | wires(inner, odd) | (ODD_OBJECT if odd else st.none()))
    for name, inner in shape.collections.items():
        raw[name] = draw(st.none() | st.lists(wires(inner, odd), max_size=3) | (ODD if odd else st.none()))
    return raw


CUSTOM = st.sampled_from([{}, None, {"Document": {"UsrA": {"type": "CustomDecimalField", "value": 1.50}}}, {"V": None}])


def pages(shape):
    return st.booleans().flatmap(lambda odd: st.lists(wires(shape, odd), min_size=1, max_size=3))


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
def test_a_list_gives_the_same_records_both_ways(name, data):
    table = TABLES[name]
    body = msgspec.json.encode(data.draw(pages(table.shape)))
    wanted = data.draw(st.none() | st.sets(st.sampled_from([*table.rows_shape.json_schema()])))
    columns = None if wanted is None else table.wanted(dict.fromkeys(wanted))
    compiled, through_dicts = read(list_codec(table, columns), body, list, table, columns)
    assert compiled == through_dicts


@pytest.mark.parametrize("name", [name for name in TABLES if not name.endswith("5")])
def test_what_fits_the_description_is_decoded_without_dicts(name):
    raw = {
        "id": "1",
        "Type": {"value": "SO"},
        "Nbr": {},
        "Details": [{"id": "2", "Qty": {"value": 1.0}}],
        "Contact": {},
    }
    rows = list_codec(TABLES[name], None).decode(msgspec.json.encode([raw]))
    assert [type(row).__mro__[1] for row in rows] == [RawRow]
    assert rows[0].get("id") == "1"
    assert rows[0].get("NoSuchField") is None


NULLS = {"Status": None, "Spent": {"value": None}, "Days": {}, "ShipOn": {"value": None, "error": None}}
PAIRS = {
    "Status": {"value": {"id": "N", "description": None}, "error": None},
    "Spent": {"value": {"id": 90, "description": "01:30"}},
    "Days": {"value": [{"id": "MO", "description": "Monday"}]},
    "ShipOn": {"value": "2026-03-01"},
}


@pytest.mark.parametrize("name", [name for name in TABLES if name.endswith("5")])
@pytest.mark.parametrize("fields", [NULLS, PAIRS], ids=["nulls", "pairs"])
def test_choices_and_nulls_in_place_of_wrappers_are_decoded_without_dicts(name, fields):
    key = {"value": {"id": "INV", "description": "Invoice"}}
    lines = {"Details": [{"id": "2", **fields}], "Operations": [{"Nbr": fields["Spent"], "Material": [fields]}]}
    raw = {"id": "1", "Type": key, "Nbr": {"value": "1"}, **fields, "Contact": fields, **lines}
    codec, body = list_codec(TABLES[name], None), msgspec.json.encode([raw])
    assert [type(row).__mro__[1] for row in codec.decode(body)] == [RawRow]
    compiled, through_dicts = read(codec, body, list, TABLES[name], None)
    assert compiled == through_dicts != "broken"


@st.composite
def shapes(draw, depth=1):
    """A shape with any names, each of them once."""
    names = draw(st.lists(NAMES.filter(lambda name: name != "Key"), max_size=6, unique=True))
    kinds = {name: draw(st.sampled_from([*VALUES])) for name in names}
    objects, collections = names[::5] if depth else [], names[1::5] if depth else []
    return Shape(
        {"Key": STRING, **{name: kind for name, kind in kinds.items() if name not in (*objects, *collections)}},
        {name: draw(shapes(depth - 1)) for name in objects},
        {name: draw(shapes(depth - 1)) for name in collections},
    )


@given(st.data())
def test_lists_with_any_names_give_the_same_records_both_ways(data):
    shape = data.draw(shapes())
    lines = {name: ("Key",) for name in shape.collections}
    found = list(tables("Default", "1", "Thing", shape, Known(("Key",), line_keys=lines)))
    rows = data.draw(st.lists(wires(shape, odd=False), max_size=2))
    body = msgspec.json.encode(rows)
    for table in found:
        columns = data.draw(st.none() | st.sets(st.sampled_from([*table.rows_shape.json_schema()])))
        columns = None if columns is None else table.wanted(dict.fromkeys(columns))
        codec = list_codec(table, columns)
        compiled, through_dicts = read(codec, body, list, table, columns)
        assert compiled == through_dicts
        records = EXACT.decode(compiled) if compiled != "broken" else []
        assert all(record["_tenant"] == TENANT for record in records)
        assert all({"_line", "_line_count"} <= record.keys() for record in records if table.path)


(KEYLESS,) = tables("Default", "1", "Thing", Shape({"A": STRING}), Known())


def test_rows_that_are_known_only_by_all_that_they_say_stay_dicts():
    assert list_codec(KEYLESS, None).make_records is None


def test_a_page_of_another_form_is_not_tried_again():
    codec = list_codec(TABLES["Order"], None)
    fitting = b'[{"id": "1"}]'
    assert isinstance(codec.decode(fitting)[0], RawRow)
    assert codec.decode(b'[{"id": "1", "Nbr": "bare"}]') == [{"id": "1", "Nbr": "bare"}]
    assert codec.decode(fitting) == [{"id": "1"}]


@pytest.mark.parametrize("body", [b"", b"[", b'[{"id": "1"}', b'[{"id": "\xff"}]', b'[{"id": "1"}] x'])
@pytest.mark.parametrize("codec", [list_codec(TABLES["Order"], None), list_codec(KEYLESS, None)])
def test_a_body_that_is_not_whole_is_an_error(codec, body):
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        codec.decode(body)


@pytest.mark.parametrize("body", ["{}", "null", "1", '"x"', '{"other": []}', '{"value": 1}', '{"value": null}'])
def test_what_is_no_list_at_all_is_an_error(body):
    with pytest.raises(BrokenAnswerError, match="no list of records"):
        list_codec(TABLES["Order"], None).decode(body.encode())


DATED = Shape(
    {"StartDate": STAMP, "Day": FieldKind.DATE, "Nbr": STRING},
    {},
    {"Lines": Shape({"LineDate": STAMP}, {}, {"Parts": Shape({"X": STRING})})},
)


@pytest.mark.parametrize("kind", [FieldKind.DATE_TIME, FieldKind.DAY])
def test_a_key_that_is_a_date_is_the_same_in_the_record_and_in_its_lines(kind):
    shape = replace(DATED, fields={**DATED.fields, "StartDate": kind})
    stamp, line_stamp = "2024-01-01T00:00:00-05:00", "2024-02-01T00:00:00-05:00"
    line = {"LineDate": {"value": line_stamp}, "Parts": [{"X": {"value": "x"}}]}
    raw = {
        **{"id": "1", "StartDate": {"value": stamp}, "Day": {"value": stamp}, "Nbr": {"value": "7"}},
        **{"Lines": [line], "files": [{"filename": "a.pdf"}]},
    }
    known = Known(("StartDate", "Day", "Nbr"), line_keys={"Lines": ("LineDate",)})
    records = {}
    for table in tables("Default", "1", "Roll", with_files(shape), known):
        for pages in read(list_codec(table, None), msgspec.json.encode([raw]), list, table, None):
            records.setdefault(table.name, []).extend(msgspec.json.decode(pages))
    day = "2024-01-01T00:00:00+00:00"
    for name in ("Roll__Lines", "Roll__Lines__Parts", "Roll__files"):
        for record in records[name]:
            assert (record["_parent_StartDate"], record["_parent_Day"], record["_parent_Nbr"]) == (
                day,
                "2024-01-01",
                "7",
            )
    assert {record["StartDate"] for record in records["Roll"]} == {day}
    between, lines = records["Roll__Lines__Parts"], records["Roll__Lines"]
    assert {record["_Lines_LineDate"] for record in between} == {record["LineDate"] for record in lines}


WITH_TOTALS, CONTACT = TABLES["Order__Totals__Taxes"], TABLES["Order"]


@pytest.mark.parametrize(
    "error", [{"message": "Deadlock."}, {"error": {"code": "500", "message": "Deadlock."}}], ids=str
)
@pytest.mark.parametrize(("table", "name"), [(WITH_TOTALS, "Totals"), (CONTACT, "Contact")])
def test_an_error_in_a_linked_object_is_no_data(table, name, error):
    """The lines that are reached through it would seem to be gone, and its columns to be empty."""
    order = {"id": "1", "Type": {"value": "SO"}, "Nbr": {"value": "1"}}
    # Beside data, a message may be anything.
    for inner in (error, *([{**error, "Taxes": [{"TaxID": {"value": "A"}}]}] if "error" in error else [])):
        codec = list_codec(table, None)
        for decode in (codec.decode, codec.decode_dicts):
            with pytest.raises(BrokenAnswerError) as raised:
                decode(msgspec.json.encode([{**order, name: inner}]))
            assert "Deadlock" in raised.value.problem.sentence


def test_an_error_is_no_data_where_a_field_of_its_name_was_not_selected():
    (table,) = tables("Default", "1", "Thing", Shape({"Key": STRING, "error": STRING}), Known(("Key",)))
    codec = list_codec(table, {"id", "Key"})
    keyed = {"id": "1", "Key": {"value": "k"}}
    for decode in (codec.decode, codec.decode_dicts):
        with pytest.raises(BrokenAnswerError):
            decode(msgspec.json.encode([keyed, {"error": {"code": "", "message": "Out of rows."}}]))
    assert len(codec.decode(msgspec.json.encode([{**keyed, "error": {"value": "none"}}]))) == 1
