"""Tests that schema and record have the same columns, and that each value comes as it was sent."""

from __future__ import annotations

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.fields import (
    JSON_SCHEMAS,
    FieldKind,
    Shape,
    calendar_date,
    custom_values,
    unwrap,
)
from unit_tests.reading.shapes import shapes, wires


@given(shapes())
def test_the_schema_and_the_record_have_the_same_columns_in_the_same_order(shape):
    assert list(shape.json_schema()) == list(shape.converter()({}))


@given(shapes(), st.data())
def test_any_record_fits_the_schema(shape, data):
    record = shape.converter()(data.draw(wires(shape)))
    schema = {"type": "object", "properties": shape.json_schema(), "additionalProperties": False}
    # As the destination sees it: through the serializer and back.
    jsonschema.validate(msgspec.json.decode(msgspec.json.encode(record)), schema, cls=jsonschema.Draft7Validator)


@given(shapes(), st.data())
def test_chosen_columns_are_those_of_the_whole_record(shape, data):
    raw = data.draw(wires(shape))
    whole = msgspec.json.decode(msgspec.json.encode(shape.converter()(raw)))
    columns = data.draw(st.sets(st.sampled_from([*whole, "Elsewhere"])))
    chosen = msgspec.json.decode(msgspec.json.encode(shape.converter(columns)(raw)))
    assert chosen == {name: value for name, value in whole.items() if name in columns}


@given(shapes())
def test_a_schema_has_no_reference(shape):
    assert b"$ref" not in msgspec.json.encode(shape.json_schema())


def test_a_collection_is_no_column():
    shape = Shape({"A": FieldKind.STRING}, {}, {"Details": Shape({"B": FieldKind.STRING})})
    assert list(shape.json_schema()) == ["id", "A", "note", "custom"]
    assert "Details" not in shape.converter()({"Details": [{"B": {"value": "x"}}]})


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        (FieldKind.STRING, ["null", "string"]),
        (FieldKind.GUID, ["null", "string"]),
        (FieldKind.BOOLEAN, ["null", "boolean"]),
        (FieldKind.BYTE, ["null", "integer"]),
        (FieldKind.SHORT, ["null", "integer"]),
        (FieldKind.INTEGER, ["null", "integer"]),
        (FieldKind.LONG, ["null", "integer"]),
        (FieldKind.DECIMAL, ["null", "number"]),
        (FieldKind.DOUBLE, ["null", "number"]),
        (FieldKind.DATE_TIME, ["null", "string"]),
        (FieldKind.DATE, ["null", "string"]),
        (FieldKind.CHOICE, ["null", "string"]),
        (FieldKind.INTEGER_CHOICE, ["null", "integer"]),
        (FieldKind.CHOICES, ["null", "array"]),
    ],
)
def test_every_known_kind_has_its_type_and_may_be_null(kind, types):
    assert JSON_SCHEMAS[kind]["type"] == types


def test_an_instant_is_a_timestamp_with_its_zone():
    schema = Shape({"ChangedAt": FieldKind.DATE_TIME}).json_schema()["ChangedAt"]
    assert schema["format"] == "date-time"
    assert schema["airbyte_type"] == "timestamp_with_timezone"


def test_an_unknown_kind_claims_no_type():
    assert Shape({"Odd": FieldKind.UNKNOWN}).json_schema()["Odd"] == {}


@pytest.mark.parametrize(
    ("wrapper", "value"),
    [
        ({"value": "x"}, "x"),
        ({"value": 0}, 0),
        ({"value": False}, False),
        ({"value": ""}, ""),
        ({"value": None}, None),
        ({"value": "x", "error": "refused"}, "x"),
        ({"type": "CustomStringField", "value": "x"}, "x"),
        ({"error": "refused"}, None),
        ({}, None),
        (None, None),
        ("bare", "bare"),
        (7, 7),
    ],
    ids=str,
)
def test_a_wrapper_gives_its_value(wrapper, value):
    assert unwrap(wrapper) == value
    assert Shape({"A": FieldKind.STRING}).converter()({"A": wrapper})["A"] == value


def test_a_missing_field_is_null():
    assert Shape({"A": FieldKind.STRING}).converter()({})["A"] is None


def test_what_is_no_column_does_not_come():
    raw = {"rowNumber": 1, "_links": {}, "error": "x", "files": [{}], "Elsewhere": {"value": 1}}
    assert Shape().converter()(raw) == {"id": None, "note": None, "custom": {}}


@pytest.mark.parametrize("note", [None, {}, {"value": None}], ids=str)
def test_a_note_is_null_or_its_text(note):
    assert Shape().converter()({"note": note})["note"] is None
    assert Shape().converter()({"note": {"value": "Call first."}})["note"] == "Call first."


@pytest.mark.parametrize("raw", [None, {}], ids=str)
def test_a_linked_object_that_is_not_there_is_null(raw):
    shape = Shape({}, {"Contact": Shape({"Email": FieldKind.STRING})})
    assert shape.converter()({"Contact": raw})["Contact"] is None
    assert shape.converter()({})["Contact"] is None


def test_a_linked_object_stays_an_object_with_its_columns():
    address = Shape({"City": FieldKind.STRING})
    shape = Shape(
        {}, {"Contact": Shape({"Email": FieldKind.STRING, "SinceDate": FieldKind.DATE_TIME}, {"Address": address})}
    )
    raw = {
        "Contact": {
            "id": "c1",
            "rowNumber": 2,
            "Email": {"value": "a@b"},
            "SinceDate": {"value": "2026-03-13T00:00:00-04:00"},
            "Address": {"id": "a1", "City": {"value": "Bonn"}, "note": None},
        }
    }
    assert shape.converter()(raw)["Contact"] == {
        "id": "c1",
        "Email": "a@b",
        "SinceDate": "2026-03-13T00:00:00+00:00",
        "Address": {"id": "a1", "City": "Bonn", "note": None, "custom": {}},
        "note": None,
        "custom": {},
    }


def test_linked_objects_are_named_with_those_in_them():
    shape = Shape({}, {"A": Shape({}, {"B": Shape({}, {"C": Shape()})}), "D": Shape()})
    assert shape.object_paths() == ["A", "A/B", "A/B/C", "D"]


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (None, {}),
        ({}, {}),
        ({"Document": {}}, {"Document": {}}),
        (
            {
                "Document": {
                    "UsrA": {"type": "CustomStringField", "value": "x"},
                    "UsrB": {"type": "CustomStringField"},
                    "AttributeC": {"type": "CustomBooleanField", "value": False},
                },
                "CurrentDocument": {"UsrD": {"type": "CustomIntField", "value": None}},
            },
            {"Document": {"UsrA": "x", "UsrB": None, "AttributeC": False}, "CurrentDocument": {"UsrD": None}},
        ),
    ],
    ids=["null", "empty", "empty view", "full"],
)
def test_custom_values_stand_under_view_and_field(raw, values):
    assert custom_values(raw) == values
    assert Shape().converter()({"custom": raw})["custom"] == values


DECODER = msgspec.json.Decoder(float_hook=msgspec.Raw)
NUMBERS = [
    "0",
    "0.000000",
    "1234.560000",
    "-0.010",
    "123456789012.345678",
    "123456789012345678.123456",
    "79228162514264337593543950335.5",
    "0.1",
    "1E5",
    "1.5e-7",
    "9223372036854775807",
    "-9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "79228162514264337593543950335",
    "-79228162514264337593543950335",
]


@pytest.mark.parametrize("kind", [FieldKind.DECIMAL, FieldKind.DOUBLE])
@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_keeps_every_digit_that_the_server_sent(kind, text):
    raw = DECODER.decode(f'{{"Amount": {{"value": {text}}}}}')
    record = Shape({"Amount": kind}).converter({"Amount"})(raw)
    assert msgspec.json.encode(record).decode() == f'{{"Amount":{text}}}'


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_keeps_every_digit_in_a_linked_object(text):
    raw = DECODER.decode(f'{{"Totals": {{"Amount": {{"value": {text}}}}}}}')
    record = Shape({}, {"Totals": Shape({"Amount": FieldKind.DECIMAL})}).converter()(raw)
    assert f'"Amount":{text}' in msgspec.json.encode(record).decode()


@pytest.mark.parametrize("text", NUMBERS)
def test_a_custom_number_keeps_every_digit(text):
    raw = DECODER.decode(f'{{"custom": {{"V": {{"UsrA": {{"type": "CustomDecimalField", "value": {text}}}}}}}}}')
    record = Shape().converter({"custom"})(raw)
    assert msgspec.json.encode(record).decode() == f'{{"custom":{{"V":{{"UsrA":{text}}}}}}}'


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_of_an_unknown_kind_keeps_every_digit(text):
    raw = DECODER.decode(f'{{"A": {{"value": {text}}}}}')
    assert msgspec.json.encode(Shape({"A": FieldKind.UNKNOWN}).converter({"A"})(raw)).decode() == f'{{"A":{text}}}'


@pytest.mark.parametrize("offset", ["Z", "+00:00", "-05:00", "+13:45", "+0300", ""])
@pytest.mark.parametrize("fraction", ["", ".0", ".000"])
def test_midnight_of_any_zone_is_midnight_utc_of_that_day(offset, fraction):
    assert calendar_date(f"2026-02-11T00:00:00{fraction}{offset}") == "2026-02-11T00:00:00+00:00"
