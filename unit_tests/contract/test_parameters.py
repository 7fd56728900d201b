"""Tests the parameters that an inquiry form is asked with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.parameters import inquiry_body
from source_acumatica.reading.fields import FieldKind, Shape

from .orders import INTEGER, STAMP, STRING, table

INQUIRY = Shape(
    {
        "Period": STRING,
        "Year": INTEGER,
        "Small": FieldKind.SHORT,
        "Active": FieldKind.BOOLEAN,
        "Amount": FieldKind.DECIMAL,
        "AsOf": STAMP,
        "Kind": FieldKind.CHOICE,
        "Length": FieldKind.INTEGER_CHOICE,
        "Days": FieldKind.CHOICES,
        "Day": FieldKind.DATE,
    },
    {},
    {"Results": Shape({"Account": STRING})},
)


@pytest.mark.parametrize(
    ("name", "written", "sent"),
    [
        ("Period", "012026", "012026"),
        ("Period", 12026, "12026"),
        ("Year", "2026", 2026),
        ("Year", 2026, 2026),
        ("Small", " 7 ", 7),
        ("Active", "true", True),
        ("Active", "False", False),
        ("Active", True, True),
        ("Amount", 12.5, 12.5),
        ("AsOf", "2026-01-01", "2026-01-01"),
        ("Kind", "A", "A"),
        ("Length", "90", 90),
        ("Days", "MO, TU", ["MO", "TU"]),
        ("Days", ["MO"], ["MO"]),
        ("Day", "2026-01-01", "2026-01-01"),
    ],
)
def test_a_parameter_is_sent_as_its_fields_type(name, written, sent):
    one = table("PriceInquiry__Results", INQUIRY, Known())
    body = inquiry_body(one, {name: written})
    assert body == {name: {"value": sent}}
    assert type(body[name]["value"]) is type(sent)


@pytest.mark.parametrize(
    ("name", "written"),
    [("Gone", "x"), ("period", "x"), ("Year", "this one"), ("Year", "1.5"), ("Active", "perhaps")],
)
def test_a_parameter_that_does_not_fit_is_an_error(name, written):
    with pytest.raises((KeyError, ValueError)):
        inquiry_body(table("PriceInquiry__Results", INQUIRY, Known()), {name: written})


def test_without_parameters_the_form_is_asked_with_its_own():
    assert inquiry_body(table("PriceInquiry__Results", INQUIRY, Known()), {}) == {}


def test_contract_5_gets_the_id_of_a_choice():
    one = replace(table("PriceInquiry__Results", INQUIRY, Known()), contract="5")
    assert inquiry_body(one, {"Kind": "A", "Length": "90", "Period": "012026"}) == {
        "Kind": {"value": {"id": "A"}},
        "Length": {"value": {"id": 90}},
        "Period": {"value": "012026"},
    }
