"""The `$filter` language of the simulator: what it matches, and what it answers to what it cannot read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration_tests.simulator.catalog.documents import SALES_ORDER
from integration_tests.simulator.catalog.master_records import CUSTOMER
from integration_tests.simulator.contract.filters import FilterError, compile_filter
from integration_tests.simulator.store.records import Record, flattened
from integration_tests.simulator.store.spots import Spot

ZONE = timezone(timedelta(hours=-5))
STAMP = datetime(2025, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)
ORDER = {
    "OrderType": "SO",
    "OrderNbr": "000123",
    "Description": "O'Brien & Søn",
    "Status": "Open",
    "Hold": False,
    "OrderTotal": Decimal("500.000000"),
    "Date": datetime(2025, 6, 17, tzinfo=ZONE),
    "LastModified": STAMP,
    "NoteID": "6d4b0000-aaaa-bbbb-cccc-0123456789ab",
    "ExternalRef": None,
    "BillToAddress": {"City": "Dublin", "State": None},
    "custom": {"Document": {"AttributeCHANNEL": "Web", "UsrPriority": 3, "CuryVatTaxableTotal": Decimal("1.5000")}},
}


def order() -> Record:
    return Record(SALES_ORDER, Spot(1, 0, 10, 10, 2), flattened(ORDER))


def matches(text: str) -> bool:
    return compile_filter(text, SALES_ORDER, ZONE)(order())


def error_of(text: str) -> str:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, SALES_ORDER, ZONE)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "OrderType eq 'SO' and OrderNbr gt '000122'",
        "OrderNbr ge '000123' and OrderNbr le '000123'",
        "OrderType ne 'IN'",
        "Description eq 'O''Brien & Søn'",
        "Status eq 'OPEN'",
        "Hold eq false",
        "OrderTotal eq 500",
        "OrderTotal gt 499.99M and OrderTotal lt 500.01",
        "OrderTotal gt -1",
        "LastModified gt datetimeoffset'2025-03-04T05:06:07.889Z'",
        "LastModified eq datetimeoffset'2025-03-04T08:06:07.89+03:00'",
        "LastModified le datetimeoffset'2025-03-04T05:06:07.8900000Z'",
        "Date eq date'2025-06-17'",
        "Date eq datetimeoffset'2025-06-17T05:00:00Z'",
        "NoteID eq guid'6D4B0000-AAAA-BBBB-CCCC-0123456789AB'",
        "cf.String(f='Document.AttributeCHANNEL') eq 'Web'",
        "cf.Int(f='Document.UsrPriority') ge 3",
        "cf.Decimal(f='Document.CuryVatTaxableTotal') eq 1.5",
        "BillToAddress/City eq 'Dublin'",
        "substringof('brien', Description)",
        "startswith(OrderNbr,'0001')",
        "endswith(OrderNbr,'23')",
        "not (Hold eq true)",
        "not startswith(OrderNbr,'9')",
        "Hold eq true or OrderType eq 'SO'",
        "'SO' eq OrderType",
    ],
)
def test_it_matches_what_the_documented_grammar_says(text: str) -> None:
    assert matches(text)


def test_and_binds_tighter_than_or_and_parentheses_bind_tightest() -> None:
    assert matches("Hold eq false or Hold eq true and OrderType eq 'IN'")
    assert not matches("(Hold eq false or Hold eq true) and OrderType eq 'IN'")


@pytest.mark.parametrize("comparison", ["eq", "ne", "gt", "ge", "lt", "le"])
def test_null_satisfies_no_comparison(comparison: str) -> None:
    assert not matches(f"ExternalRef {comparison} 'x'")
    assert not matches(f"BillToAddress/State {comparison} 'x'")


def test_a_literal_without_an_offset_is_read_in_the_zone_of_the_server() -> None:
    assert matches("LastModified eq datetimeoffset'2025-03-04T00:06:07.89'")
    assert matches("Date eq datetimeoffset'2025-06-17'")


def test_comparing_the_result_of_a_function_matches_nothing_and_says_nothing() -> None:
    assert not matches("substringof('Brien',Description) eq true")


def test_a_field_that_is_not_there_is_a_key_that_is_not_in_the_dictionary() -> None:
    for text in ("Nope eq 1", "BillToAddress/Nope eq 'x'", "cf.String(f='Document.Nope') eq 'x'", "Nope/City eq 'x'"):
        assert error_of(text) == "The given key was not present in the dictionary."


def test_a_field_of_a_collection_has_no_single_value() -> None:
    expected = "The parent value for a property access of a property 'InventoryID' is not a single value."
    assert error_of("Details/InventoryID eq 'x'") == expected


@pytest.mark.parametrize(
    "text",
    ["OrderTotal eq 'x'", "OrderNbr eq 5", "Hold eq 'true'", "LastModified gt '2025-01-01'", "OrderNbr eq guid'"
     "6d4b0000-aaaa-bbbb-cccc-0123456789ab'", "cf.Int(f='Document.AttributeCHANNEL') eq 1", "startswith(Hold,'t')"],
)  # fmt: skip
def test_types_are_not_converted(text: str) -> None:
    assert error_of(text) == "Type conversions not supported"


@pytest.mark.parametrize("function", ["tolower", "toupper", "contains"])
def test_functions_of_other_versions_are_unknown(function: str) -> None:
    assert error_of(f"{function}(Status,'a') eq 'b'") == f"An unknown function with name '{function}' was found."


def test_not_substringof_is_not_supported() -> None:
    assert "not supported" in error_of("not substringof('a',Description)")


@pytest.mark.parametrize(
    "literal",
    ["datetimeoffset'2025-07-15T10:31:28.402 03:00'", "datetimeoffset'yesterday'", "date'2025-02-30'", "guid'123'"],
)
def test_a_wrong_literal_is_unrecognized(literal: str) -> None:
    assert error_of(f"LastModified gt {literal}").startswith("Unrecognized 'Edm.")


@pytest.mark.parametrize("text", ["", "Hold", "Hold eq", "Hold eq true)", "(Hold eq true", "Hold == 1", "and", "'x'"])
def test_what_is_no_filter_is_a_syntax_error(text: str) -> None:
    assert error_of(text).startswith("Syntax error at position")


@given(st.text())
def test_any_text_can_be_quoted_with_its_quotes_doubled(text: str) -> None:
    record = Record(CUSTOMER, Spot(1, 0, 10, 10, 2), {"CustomerName": text})
    quoted = text.replace("'", "''")
    assert compile_filter(f"CustomerName eq '{quoted}'", CUSTOMER, ZONE)(record)


@given(st.text(alphabet="eq()'/, notandSO5.M-dguid", max_size=30))
def test_no_text_is_anything_but_a_predicate_or_an_error_of_the_language(text: str) -> None:
    try:
        assert compile_filter(text, SALES_ORDER, ZONE)(order()) in (True, False)
    except FilterError as error:
        assert str(error)
