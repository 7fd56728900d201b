"""Tests that compiled decoding makes of every page what the way through dicts makes of it, to the byte."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.airbyte.records import filled
from source_acumatica.contract.codec import list_codec
from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.erp.errors import BrokenAnswerError
from source_acumatica.odata.codec import decode_answer, odata_codec
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.codec import RawRow
from source_acumatica.reading.fields import FieldKind, Shape

STRING, DECIMAL, STAMP, UNKNOWN = FieldKind.STRING, FieldKind.DECIMAL, FieldKind.DATE_TIME, FieldKind.UNKNOWN
TENANT = "Company"
CITY = Shape({"City": STRING})
TAX = Shape({"TaxID": STRING, "Rate": DECIMAL})
LINE = Shape({"LineNbr": FieldKind.INTEGER, "Qty": DECIMAL, "DueDate": STAMP}, {"Site": Shape({"Name": STRING})})
ORDER = Shape(
    {"Type": STRING, "Nbr": STRING, "OrderDate": STAMP, "Odd": UNKNOWN, "LastModifiedDateTime": STAMP},
    {
        "Contact": Shape({"Email": STRING}, {"Address": Shape({"City": STRING})}),
        "Totals": Shape({}, {}, {"Taxes": TAX}),
    },
    {"Details": LINE, "Operations": Shape({"Nbr": STRING}, {}, {"Material": LINE})},
)
KNOWN = Known(("Type", "Nbr"), line_keys={"Details": ("LineNbr",), "Operations": ("Nbr",)})
TABLES = {table.name: table for table in tables("Default", "1", "Order", ORDER, KNOWN)}
CHOICE, COUNT, CHOICES = FieldKind.CHOICE, FieldKind.INTEGER_CHOICE, FieldKind.CHOICES
PICKED = Shape(
    {"Status": CHOICE, "Spent": COUNT, "Days": CHOICES, "ShipOn": FieldKind.DATE, "Status_Description": STRING}
)
TICKET = Shape(
    {"Type": CHOICE, "Nbr": STRING, **PICKED.fields, "LastModifiedDateTime": STAMP},
    {"Contact": PICKED},
    {"Details": PICKED, "Operations": Shape({"Nbr": COUNT}, {}, {"Material": PICKED})},
)
TABLES |= {
    f"{table.name} of contract 5": replace(table, contract="5")
    for table in tables("Default", "2", "Ticket", TICKET, KNOWN)
}
NUMBERS = st.sampled_from(["0", "1234.560000", "-0.010", "1E400", "9223372036854775808", "-7"]).map(msgspec.Raw)
EXACT = msgspec.json.Decoder(float_hook=msgspec.Raw)
STAMPS = st.sampled_from(
    ["2025-03-04T00:00:00-05:00", "2025-03-04T05:06:07.123+13:45", "0001-01-01T00:00:00", "2025-03-04T05:06:07.1Z", ""]
)


def picked(ids):
    """A choice: with its label, with none, or with more than is described; and as contract version 4 has it."""
    labels = st.sampled_from([{"description": "Open"}, {"description": None}, {}, {"description": "Open", "more": 1}])
    return st.builds(lambda id_, label: {"id": id_, **label}, ids, labels) | ids.map(str)


VALUES = {
    STRING: st.sampled_from(["", "x", 'Zürich ❤ "\\\n', "trailing   "]),
    DECIMAL: NUMBERS,
    FieldKind.INTEGER: NUMBERS,
    STAMP: STAMPS,
    UNKNOWN: st.sampled_from([True, "x", 5, {"a": [1]}]),
    FieldKind.DATE: st.sampled_from(["2026-03-01", "2026-03-01T00:00:00+01:00"]),
    CHOICE: picked(st.sampled_from(["", "N", "MO"])),
    COUNT: picked(st.sampled_from([0, 90])),
    CHOICES: st.lists(picked(st.sampled_from(["MO", "TU"])), max_size=3),
}
# As often as values, and now and then what fits no description.
MISSING = st.sampled_from([{}, {"value": None}])
ODD = st.sampled_from([None, "bare", 7, [1], {"other": 1}, {"value": {"deep": [1, 2]}}])
# Of an object nothing but what is known of it is looked at: one without any of that is an empty one.
ODD_OBJECT = st.sampled_from([None, "bare", 7, [1], {"id": 5}])


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


def outcome(rows, records_of):
    """The text of all records, or the kind of error that the first broken one raises."""
    try:
        return msgspec.json.encode([filled(record) for row in rows for record in records_of(row)])
    except (AttributeError, TypeError, ValueError, LookupError):
        return "broken"


def read(codec, body, rows_in, table, columns):
    """The same page, decoded both ways."""
    slow = table.rows(TENANT, columns)

    def records(row):
        return codec.make_records(TENANT, row) if isinstance(row, RawRow) else slow(row)

    return outcome(rows_in(codec.decode(body)), records), outcome(rows_in(codec.decode_dicts(body)), slow)


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


FEED = ODataTable(
    ODataFeed.TABLES,
    "Order",
    "Order",
    {"Nbr": STRING, "Total": DECIMAL, "OrderDate": STAMP, "Seen": STAMP, "Odd": UNKNOWN, "LastModifiedDateTime": STAMP},
    keys=("Nbr",),
)


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


# Names that Python takes for something else, or for one another, or that are names of our own.
SPECIAL = [
    *("class", "None", "two words", "a.b", "a-b", "1st", "get", "attributes", "__class__", "__init__", "row", "tenant"),
    *("make", "v0", "f0", "f1", "common0", "x); y(", "{0}", "\u2028", "value", "error", "message", "odata.error", ""),
    *(
        "No",
        "N\u00ba",
        "Breite_\u00b5m",
        "Breite_\u03bcm",
        "Gro\u0308\u00dfe",
        "Gr\u00f6\u00dfe",
        "\uff21mount",
        "Amount",
    ),
    *("\ufb01nal", "final", "\u540d\u79f0", "_tenant", "_TENANT", "_line", "_line_count", "_parent_id", "_parent_Key"),
    *("_ab_cdc_deleted_at", "_airbyte_raw_id", "id", "note", "custom", "rowNumber", 'a"b', "a\\b", "a\nb"),
]
NAMES = st.sampled_from(SPECIAL) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ADDED = {"_tenant", "_parent_id", "_parent_Key", "_line", "_line_count"}


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


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"value": 1}', b'{"value": null}'])
def test_a_body_that_is_no_list_is_an_error(body):
    for decode in (decode_answer, odata_codec(FEED, None).decode):
        with pytest.raises(msgspec.DecodeError):
            decode(body)


# ------------------------------------------------------------------------------------------- errors, and other forms

ODATA_ERROR = {"error": {"code": "", "message": "Out of rows."}}
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


def test_an_error_costs_the_next_page_no_speed():
    codec = odata_codec(FEED, None)
    with pytest.raises(BrokenAnswerError):
        codec.decode(msgspec.json.encode({"value": [ODATA_ERROR]}))
    assert isinstance(codec.decode(b'{"value": [{"Nbr": "1"}]}').value[0], RawRow)


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


@pytest.mark.parametrize("body", ["{}", "null", "1", '"x"', '{"other": []}', '{"value": 1}', '{"value": null}'])
def test_what_is_no_list_at_all_is_an_error(body):
    with pytest.raises(BrokenAnswerError, match="no list of records"):
        list_codec(TABLES["Order"], None).decode(body.encode())
