"""Tests that compiled decoding makes of every page what the way through dicts makes of it, to the byte."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.codec import Codec, WireRow, decode_feed, feed_codec, list_codec
from source_acumatica.entity import FieldKind, Shape
from source_acumatica.feeds import FeedDoor, FeedTable
from source_acumatica.known_entities import Known
from source_acumatica.lines import filled
from source_acumatica.tables import tables

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
NUMBERS = st.sampled_from(["0", "1234.560000", "-0.010", "1E400", "9223372036854775808", "-7"]).map(msgspec.Raw)
STAMPS = st.sampled_from(
    ["2025-03-04T00:00:00-05:00", "2025-03-04T05:06:07.123+13:45", "0001-01-01T00:00:00", "2025-03-04T05:06:07.1Z", ""]
)
VALUES = {
    STRING: st.sampled_from(["", "x", 'Zürich ❤ "\\\n', "trailing   "]),
    DECIMAL: NUMBERS,
    FieldKind.INTEGER: NUMBERS,
    STAMP: STAMPS,
    UNKNOWN: st.sampled_from([True, "x", 5, {"a": [1]}]),
}
# As often as values, and now and then what fits no description.
MISSING = st.sampled_from([{}, {"value": None}])
ODD = st.sampled_from([None, "bare", 7, [1], {"other": 1}, {"value": {"deep": [1, 2]}}])
# Of an object nothing but what is known of it is looked at: one without any of that is an empty one.
ODD_OBJECT = st.sampled_from([None, "bare", 7, [1], {"id": 5}])


@st.composite
def wires(draw, shape, odd):
    """A record as the ERP sends it; with ``odd`` some of it has another form than described."""
    wire = {
        "id": draw(st.sampled_from(["6d4b", "aa"])),
        "rowNumber": 1,
        "custom": draw(CUSTOM),
        "_links": {"self": "/"},
    }
    wire["note"] = draw(st.sampled_from([{}, {"value": "n"}, None, "bare"]))
    for name, kind in shape.fields.items():
        value = draw(
            VALUES[kind].map(lambda value: {"value": value}) | MISSING | st.just(...) | (ODD if odd else MISSING)
        )
        if value is not ...:
            wire[name] = value
    for name, inner in shape.objects.items():
        wire[name] = draw(st.none() | st.just({}) | wires(inner, odd) | (ODD_OBJECT if odd else st.none()))
    for name, inner in shape.collections.items():
        wire[name] = draw(st.none() | st.lists(wires(inner, odd), max_size=3) | (ODD if odd else st.none()))
    return wire


CUSTOM = st.sampled_from([{}, None, {"Document": {"UsrA": {"type": "CustomDecimalField", "value": 1.50}}}, {"V": None}])
PAGES = st.booleans().flatmap(lambda odd: st.lists(wires(ORDER, odd), min_size=1, max_size=3))


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
        return codec.make_records(TENANT, row) if isinstance(row, WireRow) else slow(row)

    return outcome(rows_in(codec.decode(body)), records), outcome(rows_in(codec.decode_dicts(body)), slow)


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
def test_a_list_gives_the_same_records_both_ways(name, data):
    table, body = TABLES[name], msgspec.json.encode(data.draw(PAGES))
    wanted = data.draw(st.none() | st.sets(st.sampled_from([*table.rows_shape.json_schema()])))
    columns = None if wanted is None else table.wanted(dict.fromkeys(wanted))
    compiled, through_dicts = read(list_codec(table, columns), body, list, table, columns)
    assert compiled == through_dicts


@pytest.mark.parametrize("name", TABLES)
def test_what_fits_the_description_is_decoded_without_dicts(name):
    wire = {
        "id": "1",
        "Type": {"value": "SO"},
        "Nbr": {},
        "Details": [{"id": "2", "Qty": {"value": 1.0}}],
        "Contact": {},
    }
    rows = list_codec(TABLES[name], None).decode(msgspec.json.encode([wire]))
    assert [type(row).__mro__[1] for row in rows] == [WireRow]
    assert rows[0].get("id") == "1"
    assert rows[0].get("NoSuchField") is None


FEED = FeedTable(
    FeedDoor.TABLES,
    "Order",
    "Order",
    {"Nbr": STRING, "Total": DECIMAL, "OrderDate": STAMP, "Seen": STAMP, "Odd": UNKNOWN, "LastModifiedDateTime": STAMP},
    keys=("Nbr",),
)


@given(st.data())
def test_a_feed_gives_the_same_records_both_ways(data):
    values = {name: VALUES[kind] | st.none() | ODD for name, kind in FEED.fields.items()}
    # A cursor that is none breaks the whole page, and hides what becomes of the rest.
    values[FEED.cursor] = STAMPS | st.none()
    rows = data.draw(st.lists(st.fixed_dictionaries({}, optional={**values, "@odata.etag": st.just("x")}), max_size=3))
    columns = data.draw(st.none() | st.sets(st.sampled_from([*FEED.fields])))
    link = data.draw(st.sampled_from(["@odata.nextLink", "odata.nextLink"]))
    body = msgspec.json.encode({"value": rows, link: "Order?$skip=3"})
    codec = feed_codec(FEED, columns)
    compiled, through_dicts = read(codec, body, lambda answer: answer.value, FEED, columns)
    assert compiled == through_dicts
    answer = codec.decode(body)
    assert all(isinstance(row, WireRow) for row in answer.value)
    assert "Order?$skip=3" in (answer.next_link, answer.old_next_link)


@pytest.mark.parametrize("name", ["class", "_tenant", "two words", "a.b", "get", "x); y(", "__class__", "1st"])
def test_a_name_that_cannot_stand_in_python_costs_only_speed(name):
    shape = Shape({"Key": STRING, name: STRING})
    (table,) = tables("Default", "1", "Thing", shape, Known(("Key",)))
    body = msgspec.json.encode([{"id": "1", "Key": {"value": "k"}, name: {"value": "v"}}])
    compiled, through_dicts = read(list_codec(table, None), body, list, table, None)
    assert compiled == through_dicts
    feed = FeedTable(FeedDoor.TABLES, "T", "T", {name: STRING})
    body = msgspec.json.encode({"value": [{name: "v"}]})
    compiled, through_dicts = read(feed_codec(feed, None), body, lambda answer: answer.value, feed, None)
    assert compiled == through_dicts


def test_rows_that_are_known_only_by_all_that_they_say_stay_dicts():
    (table,) = tables("Default", "1", "Thing", Shape({"A": STRING}), Known())
    assert list_codec(table, None).make_records is None


def test_a_page_of_another_form_is_not_tried_again():
    codec = list_codec(TABLES["Order"], None)
    fitting = b'[{"id": "1"}]'
    assert isinstance(codec.decode(fitting)[0], WireRow)
    assert codec.decode(b'[{"id": "1", "Nbr": "bare"}]') == [{"id": "1", "Nbr": "bare"}]
    assert codec.decode(fitting) == [{"id": "1"}]


@pytest.mark.parametrize("body", [b"", b"[", b'[{"id": "1"}', b'[{"id": "\xff"}]', b'[{"id": "1"}] x'])
@pytest.mark.parametrize("codec", [list_codec(TABLES["Order"], None), Codec(None, None)])
def test_a_body_that_is_not_whole_is_an_error(codec, body):
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        codec.decode(body)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"value": 1}', b'{"value": null}'])
def test_a_body_that_is_no_feed_is_an_error(body):
    for decode in (decode_feed, feed_codec(FEED, None).decode):
        with pytest.raises(msgspec.DecodeError):
            decode(body)
