"""Tests how each contract version writes what is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.contract.dialect import DIALECTS, Asked, CustomBy, keeps_columns
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import custom_groups, list_options, record_options
from source_acumatica.erp.addresses import encode
from source_acumatica.reading.fields import FieldKind

from .orders import ALL, SOME, table

FOUR, FIVE = DIALECTS["4"], DIALECTS["5"]
UNNAMED = replace(FIVE, selects_expanded=False)
NESTED = Asked(
    expand=["Details", "Details/Item", "Details/Item/Class"],
    select=["Type", "Nbr", "Details/Qty", "Details/Item", "Details/Item/Class"],
    custom=["Details/Transactions.UsrColor"],
    known_by=["Details/Qty", "Details/Price"],
)


def five(name="Order"):
    return replace(table(name), contract="5")


def test_only_contract_5_is_never_read_unless_it_is_named():
    assert [version for version in DIALECTS if keeps_columns(version)] == ["3", "4"]
    assert not keeps_columns("6")


def test_paths_of_contract_4_become_nested_options_in_contract_5():
    assert FOUR.options(NESTED) == {
        "$select": "Type,Nbr,Details/Qty,Details/Item,Details/Item/Class",
        "$expand": "Details,Details/Item,Details/Item/Class",
        "$custom": "Details/Transactions.UsrColor",
    }
    assert FIVE.options(NESTED) == {
        "$select": "Type,Nbr,Details",
        "$expand": "Details($select=Qty,Transactions.UsrColor,Item;$expand=Item($expand=Class))",
    }
    assert UNNAMED.options(NESTED) == {
        "$select": "Type,Nbr",
        "$expand": "Details($select=Qty,Transactions.UsrColor;$expand=Item($expand=Class))",
    }


@pytest.mark.parametrize(
    ("dialect", "asked", "options"),
    [
        (FIVE, Asked(), {}),
        (FIVE, Asked(expand=["A", "B"]), {"$expand": "A,B"}),
        (FIVE, Asked(select=["X"], expand=["A"]), {"$select": "X,A", "$expand": "A"}),
        (UNNAMED, Asked(select=["X"], expand=["A"]), {"$select": "X", "$expand": "A"}),
        (FIVE, Asked(custom=["V.F", "V.G"]), {"$select": "*,V.F,V.G"}),
        (FIVE, Asked(select=["X"], custom=["V.F"]), {"$select": "X,V.F"}),
        (FIVE, Asked(expand=["A"], custom=["A/V.F"]), {"$expand": "A($select=*,V.F)"}),
        (
            replace(FIVE, custom_by=CustomBy.OPTION),
            Asked(expand=["A"], custom=["A/V.F"]),
            {"$expand": "A", "$custom": "A/V.F"},
        ),
        (
            replace(FIVE, custom_by=CustomBy.NAMES),
            Asked(expand=["A"], custom=["A/V.F"], known_by=["A/X", "A/Y"]),
            {"$expand": "A($select=X,Y,V.F)"},
        ),
        (
            FIVE,
            Asked(expand=["A", "A/B"], select=["X", "A/Y"]),
            {"$select": "X,A", "$expand": "A($select=Y,B;$expand=B)"},
        ),
        (FIVE, Asked(expand=["A"]), {"$expand": "A"}),
    ],
)
def test_a_dialect_writes_what_is_asked_for(dialect, asked, options):
    assert dialect.options(asked) == options


def test_times_are_bare_in_contract_5_and_typed_before():
    moment = "2026-03-01T08:15:30.250999Z"
    assert FOUR.instant(moment) == "datetimeoffset'2026-03-01T08:15:30.250Z'"
    assert FIVE.instant(moment) == "2026-03-01T08:15:30.250Z"


@pytest.mark.parametrize(
    ("value", "kind", "four", "five"),
    [
        ("O'Neil", FieldKind.STRING, "'O''Neil'", "'O''Neil'"),
        ("INV", FieldKind.CHOICE, "'INV'", "'INV'"),
        (90, FieldKind.INTEGER_CHOICE, "90", "90"),
        (True, FieldKind.BOOLEAN, "true", "true"),
        ("6d4b", FieldKind.GUID, "guid'6d4b'", "6d4b"),
        ("2026-03-01", FieldKind.DATE, "date'2026-03-01'", "2026-03-01"),
    ],
)
def test_a_key_is_compared_in_the_literals_of_the_contract(value, kind, four, five):
    assert (FOUR.key_literal(value, kind), FIVE.key_literal(value, kind)) == (four, five)


def test_a_parameter_that_is_a_choice_is_sent_by_its_id_in_contract_5():
    assert FOUR.parameter("A", FieldKind.CHOICE) == {"value": "A"}
    assert FIVE.parameter("A", FieldKind.CHOICE) == {"value": {"id": "A"}}
    assert FIVE.parameter(["MO"], FieldKind.CHOICES) == {"value": ["MO"]}


def test_what_is_not_documented_has_alternatives_the_nearest_first():
    assert not [*FOUR.alternatives(NESTED, filters=True)]
    assert not [*FIVE.alternatives(Asked(), filters=False)]
    assert [*FIVE.alternatives(Asked(), filters=True)] == [replace(FIVE, has_typed_literals=True)]
    others = [*FIVE.alternatives(NESTED, filters=True)]
    assert len(others) == len({*others} - {FIVE}) == 11
    assert sorted(others, key=FIVE._distance) == others


def test_alternatives_of_an_alternative_lead_back():
    one = next(FIVE.alternatives(NESTED, filters=False))
    assert FIVE in [*one.alternatives(NESTED, filters=False)]


def test_a_stream_of_contract_5_is_asked_for_in_its_dialect():
    plan = Plan(custom=("Document.UsrA",))
    assert list_options(five(), plan, None, SOME) == {
        "$filter": "LastModified ge 2026-11-22T09:45:00.000Z",
        "$select": "*,Document.UsrA,Contact,Totals",
        "$expand": "Contact($expand=Address),Totals",
    }
    columns = frozenset({"OrderType", "OrderNbr", "LastModified", "Contact"})
    assert list_options(five(), Plan(), columns, ALL) == {
        "$select": "OrderType,OrderNbr,LastModified,Contact",
        "$expand": "Contact($expand=Address)",
    }
    assert list_options(five("Order__Operations__Material"), Plan(), frozenset({"Qty"}), ALL) == {
        "$select": "OrderType,OrderNbr,LastModified,Operations",
        "$expand": "Operations($select=OperationNbr,Material;$expand=Material($select=Qty))",
    }
    assert record_options(five("Order__Details"), Plan(custom=("Details/V.F",)), None) == {
        "$expand": "Details($select=*,V.F,Item;$expand=Item)"
    }


@pytest.mark.parametrize("custom_by", CustomBy)
@pytest.mark.parametrize("name", ["Order", "Order__Details"])
def test_custom_fields_of_contract_5_fit_into_the_address_too(name, custom_by):
    prefix = "Details/" if "__" in name else ""
    names = tuple(f"{prefix}Document.UsrQuiteLongName{number:02d}" for number in range(60))
    plan = Plan(custom=names, dialect=replace(FIVE, custom_by=custom_by))
    groups = custom_groups(five(name), plan, None, SOME)
    assert [each for group in groups for each in group] == [*names]
    assert (groups[0] == ()) is (custom_by is CustomBy.NAMES)
    for group in groups:
        options = list_options(five(name), replace(plan, custom=group), None, SOME) | {
            "$skip": "100000",
            "$top": "5000",
        }
        assert len(encode(options)) <= plan.longest
