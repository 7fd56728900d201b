"""Tests what becomes of choices, and of fields that tenants describe differently."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.fields import (
    FieldKind,
    Shape,
    custom_values,
)
from unit_tests.reading.shapes import shapes, wires

# What every record has besides its own; a field cannot have these names (the reader of descriptions leaves them out).
ALWAYS = ["id", "note", "custom"]
STRING, DECIMAL = FieldKind.STRING, FieldKind.DECIMAL


def test_joined_shapes_have_all_columns_of_both():
    one = Shape({"A": STRING, "B": STRING}, {"O": Shape({"X": STRING})}, {"C": Shape({"P": STRING})})
    other = Shape({"B": STRING, "D": DECIMAL}, {"O": Shape({"Y": STRING}), "O2": Shape()}, {"C2": Shape()})
    assert one.joined(other) == Shape(
        {"A": STRING, "B": STRING, "D": DECIMAL},
        {"O": Shape({"X": STRING, "Y": STRING}), "O2": Shape()},
        {"C": Shape({"P": STRING}), "C2": Shape()},
    )


def test_a_field_that_two_tenants_type_differently_has_no_known_kind():
    one, other = Shape({"A": STRING}, {"O": Shape({"X": DECIMAL})}), Shape({"A": DECIMAL}, {"O": Shape({"X": STRING})})
    unknown = FieldKind.UNKNOWN
    assert one.joined(other) == Shape({"A": unknown}, {"O": Shape({"X": unknown})})


@given(shapes())
def test_a_shape_joined_with_itself_is_itself(shape):
    assert shape.joined(shape) == shape


@given(shapes(), shapes())
def test_it_does_not_matter_which_tenant_is_asked_first(one, other):
    assert one.joined(other) == other.joined(one)


@given(shapes(), shapes(), st.data())
def test_a_tenants_records_keep_their_values_in_the_joined_shape(one, other, data):
    raw = data.draw(wires(one))
    columns = {*ALWAYS, *one.fields} - other.objects.keys()
    # Each tenant is read by its own shape; without its kind, a choice would be the pair that was sent.
    columns -= {name for name, kind in one.joined(other).fields.items() if kind is not one.fields.get(name)}
    alone = msgspec.json.decode(msgspec.json.encode(one.converter()(raw)))
    joined = msgspec.json.decode(msgspec.json.encode(one.joined(other).converter()(raw)))
    assert joined.keys() >= columns
    for name in columns:
        assert joined[name] == alone[name], name


def test_a_field_that_is_a_linked_object_in_another_tenant_keeps_its_value():
    field, linked = Shape({"Owner": STRING}), Shape({}, {"Owner": Shape({"Name": STRING})})
    for joined in (field.joined(linked), linked.joined(field)):
        assert joined.converter()({"Owner": {"value": "EP01"}})["Owner"] == "EP01"


CHOICE, COUNT, CHOICES = FieldKind.CHOICE, FieldKind.INTEGER_CHOICE, FieldKind.CHOICES


@pytest.mark.parametrize(
    ("kind", "value", "id_", "label"),
    [
        (CHOICE, {"id": "N", "description": "Open"}, "N", "Open"),
        (CHOICE, {"id": "N", "description": None}, "N", None),
        (CHOICE, {"id": "N"}, "N", None),
        (CHOICE, {}, None, None),
        (CHOICE, {"description": "Open"}, None, "Open"),
        (CHOICE, "N", "N", None),
        (CHOICE, None, None, None),
        (COUNT, {"id": 90, "description": "01:30"}, 90, "01:30"),
        (CHOICES, [{"id": "MO", "description": "Monday"}, {"id": "TU"}], ["MO", "TU"], ["Monday", None]),
        (CHOICES, [], [], []),
        (CHOICES, "MO", ["MO"], None),
    ],
)
def test_a_choice_is_its_id_and_beside_it_its_label(kind, value, id_, label):
    record = Shape({"A": kind}).converter()({"A": {"value": value}})
    assert (record["A"], record["A_description"]) == (id_, label)


def test_a_text_that_comes_as_a_choice_is_its_id():
    assert Shape({"A": STRING}).converter()({"A": {"value": {"id": "N", "description": "Open"}}})["A"] == "N"


@pytest.mark.parametrize("taken", ["A_description", "a_Description"])
def test_a_label_gives_way_to_a_column_of_the_erp(taken):
    shape = Shape({"A": CHOICE, taken: STRING})
    assert list(shape.json_schema()) == ["id", "A", taken, "note", "custom"]
    assert (shape.covered_labels, dict(shape.labels)) == (["A"], {})
    linked = Shape({"A": CHOICE}, {taken: Shape({"B": STRING})})
    assert linked.covered_labels == ["A"]


def test_a_label_alone_needs_the_field_that_it_belongs_to():
    shape = Shape({"A": CHOICE, "B": STRING})
    assert shape.needed({"A_description", "B"}) == {"A", "A_description", "B"}
    assert shape.filled_by(["A", "B"]) == ["A", "A_description", "B"]
    assert shape.converter({"A_description"})({"A": {"value": {"id": "N", "description": "Open"}}}) == {
        "A_description": "Open"
    }


def test_custom_choices_are_their_ids():
    raw = {"V": {"One": {"type": "CustomStringSingleSelectField", "value": {"id": "EU", "description": "Europe"}}}}
    raw["V"]["Some"] = {"type": "CustomStringMultiSelectField", "value": [{"id": "MO", "description": "Monday"}]}
    assert custom_values(raw) == {"V": {"One": "EU", "Some": ["MO"]}}


@pytest.mark.parametrize(
    ("sent", "date"),
    [
        ("2026-03-01", "2026-03-01"),
        ("2026-03-01T00:00:00", "2026-03-01"),
        ("2026-03-01T00:00:00+13:00", "2026-03-01"),
        ("2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z"),
        (None, None),
    ],
)
def test_a_date_has_no_time_and_no_zone(sent, date):
    shape = Shape({"Day": FieldKind.DATE})
    assert shape.converter()({"Day": {"value": sent}})["Day"] == date
    assert shape.json_schema()["Day"]["format"] == "date"


def test_a_date_that_is_described_as_a_time_is_midnight_of_that_day():
    shape = Shape({"Due": FieldKind.DAY})
    for sent in ("2026-03-01", "2026-03-01T00:00:00-05:00"):
        assert shape.converter()({"Due": {"value": sent}})["Due"] == "2026-03-01T00:00:00+00:00"
    assert shape.json_schema()["Due"]["format"] == "date-time"


def test_tenants_with_different_contracts_share_the_column_of_a_choice():
    for one, other, both in (
        (STRING, CHOICE, CHOICE),
        (FieldKind.INTEGER, COUNT, COUNT),
        (STRING, CHOICES, FieldKind.UNKNOWN),
    ):
        assert Shape({"A": one}).joined(Shape({"A": other})).fields == {"A": both}
        assert Shape({"A": other}).joined(Shape({"A": one})).fields == {"A": both}
