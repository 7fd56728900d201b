"""Tests the addresses, filters and literals of OData requests, in both generations."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.erp.addresses import fits
from source_acumatica.odata.query import (
    Generation,
    ODataPlan,
    ParameterError,
    behind,
    instant_literal,
    odata_options,
    orderable,
    parameterized,
    plans,
    value_literal,
)
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind
from source_acumatica.reading.window import Window

STRING, INTEGER, STAMP = FieldKind.STRING, FieldKind.INTEGER, FieldKind.DATE_TIME
FIELDS = {"Type": STRING, "Nbr": STRING, "Line": INTEGER, "Total": FieldKind.DECIMAL, "LastModifiedDateTime": STAMP}
LINES = ODataTable(ODataFeed.TABLES, "SOLine", "SOLine", FIELDS, ("Type", "Nbr", "Line"))
INQUIRY = ODataTable(ODataFeed.INQUIRIES, "Open Orders 2.0", "Open Orders 2.0", FIELDS, ("Type", "Nbr"))
BY_KEY = ODataPlan(LINES.keys, is_keyset=True)
SINCE, UNTIL = "2026-11-24T10:00:00.000000Z", "2026-11-24T11:00:00.123000Z"


@pytest.mark.parametrize(
    ("generation", "feed", "tenant", "root"),
    [
        (Generation.TENANT_FIRST, ODataFeed.INQUIRIES, "Company", "/t/Company/api/odata/gi"),
        (Generation.TENANT_FIRST, ODataFeed.TABLES, "Zweite Firma", "/t/Zweite%20Firma/api/odata/dac"),
        (Generation.FEED_FIRST, ODataFeed.INQUIRIES, "A/B?c#d", "/odata/A%2FB%3Fc%23d"),
        (Generation.FEED_FIRST, ODataFeed.TABLES, "../x", "/odatav4/..%2Fx"),
    ],
)
def test_the_tenant_stands_in_the_address_as_one_part(generation, feed, tenant, root):
    assert generation.root(feed, tenant) == root


def test_newer_addresses_are_tried_first():
    assert list(Generation) == [Generation.TENANT_FIRST, Generation.FEED_FIRST]


# ------------------------------------------------------------------------------------------------------------- plans


def test_a_table_is_read_by_key_and_at_last_by_number_each_way_another_request():
    by_key = ODataPlan(LINES.keys, is_keyset=True)
    assert plans(LINES, (), Window(SINCE, UNTIL)) == [
        by_key,
        replace(by_key, with_null=False),
        replace(by_key, filters=False, with_null=False),
        ODataPlan(LINES.keys, filters=False, with_null=False),
    ]
    assert plans(LINES, (), Window(None, UNTIL)) == [
        replace(by_key, filters=False, with_null=False),
        ODataPlan(LINES.keys, filters=False, with_null=False),
    ]


def test_a_table_without_keys_comes_in_one_answer():
    assert plans(replace(LINES, keys=()), (), Window(None, UNTIL)) == [ODataPlan((), filters=False, with_null=False)]


def test_an_inquiry_is_read_by_number_and_at_last_in_one_answer():
    assert plans(INQUIRY, ("Type", "Nbr"), Window(SINCE, UNTIL)) == [
        ODataPlan(("Type", "Nbr")),
        ODataPlan(("Type", "Nbr"), with_null=False),
        ODataPlan(("Type", "Nbr"), filters=False, with_null=False),
        ODataPlan((), filters=False, with_null=False),
    ]


@pytest.mark.parametrize("window", [Window(SINCE, UNTIL), Window(None, UNTIL)], ids=["changed", "all"])
def test_a_list_is_known_again_by_its_name(window):
    for plan in plans(LINES, (), window):
        assert ODataPlan.of_name(plan.list_name, LINES.fields) == plan


@pytest.mark.parametrize("name", ["", "changed", "all, number: ", "all, keyset: Gone", "all, links: Type"])
def test_what_is_no_list_of_the_table_is_none(name):
    assert ODataPlan.of_name(name, LINES.fields) is None


# ----------------------------------------------------------------------------------------------------------- filters


def condition(plan, window, **token):
    return odata_options(LINES, plan, None, window, {"version": 4, **token}).get("$filter")


STAMPED = "LastModifiedDateTime"


@pytest.mark.parametrize(
    ("plan", "window", "token", "expected"),
    [
        (
            BY_KEY,
            Window(SINCE, UNTIL),
            {},
            f"({STAMPED} ge 2026-11-24T10:00:00.000Z or {STAMPED} eq null)",
        ),
        (replace(BY_KEY, with_null=False), Window(SINCE), {}, f"{STAMPED} ge 2026-11-24T10:00:00.000Z"),
        (ODataPlan((STAMPED, *LINES.keys)), Window(None, UNTIL), {}, None),
        (ODataPlan(LINES.keys, is_keyset=True), Window(None, UNTIL), {}, None),
        (
            ODataPlan(LINES.keys, is_keyset=True),
            Window(),
            {"after": ("SO", "O'1", 2)},
            "(Type gt 'SO' or (Type eq 'SO' and (Nbr gt 'O''1' or (Nbr eq 'O''1' and Line ge 2))))",
        ),
        (ODataPlan(LINES.keys, is_keyset=True, filters=False), Window(SINCE, UNTIL), {}, None),
        (
            BY_KEY,
            Window(),
            {"after": ("SO", None, 2)},
            "(Type gt 'SO' or (Type eq 'SO' and (Nbr ne null or (Nbr eq null and Line ge 2))))",
        ),
        (ODataPlan(LINES.keys), Window(), {"skip": 7, "after": ()}, None),
    ],
)
def test_a_request_asks_for_its_window_from_its_place_on(plan, window, token, expected):
    assert condition(plan, window, **token) == expected


@pytest.mark.parametrize(
    ("plan", "window", "token", "expected"),
    [
        (BY_KEY, Window(), {}, "(Total gt 5 or Total lt 1)"),
        (
            BY_KEY,
            Window(SINCE),
            {},
            f"({STAMPED} ge 2026-11-24T10:00:00.000Z or {STAMPED} eq null) and (Total gt 5 or Total lt 1)",
        ),
        (
            BY_KEY,
            Window(SINCE),
            {"at": [("SO", "1", 2)], "is_within": True},
            "Type eq 'SO' and Nbr eq '1' and Line eq 2 and "
            f"({STAMPED} ge 2026-11-24T10:00:00.000Z or {STAMPED} eq null) and (Total gt 5 or Total lt 1)",
        ),
        (
            BY_KEY,
            Window(SINCE),
            {"at": [("SO", "1", 2)]},
            "Type eq 'SO' and Nbr eq '1' and Line eq 2 and (Total gt 5 or Total lt 1)",
        ),
        (
            BY_KEY,
            Window(SINCE),
            {"at": [("SO", "1", 2), ("SO", None, 3)]},
            "((Type eq 'SO' and Nbr eq '1' and Line eq 2) or (Type eq 'SO' and Nbr eq null and Line eq 3)) and "
            "(Total gt 5 or Total lt 1)",
        ),
        (
            BY_KEY,
            Window(),
            {"at": [("SO", "1", 2), ("SO", "2", 3)], "stamped": [SINCE, SINCE]},
            f"((Type eq 'SO' and Nbr eq '1' and Line eq 2 and {STAMPED} ge 2026-11-24T10:00:00.000Z) or "
            f"(Type eq 'SO' and Nbr eq '2' and Line eq 3 and {STAMPED} ge 2026-11-24T10:00:00.000Z)) and "
            "(Total gt 5 or Total lt 1)",
        ),
    ],
)
def test_the_users_condition_stands_beside_every_other(plan, window, token, expected):
    table = replace(LINES, condition="(Total gt 5 or Total lt 1)")
    assert odata_options(table, plan, None, window, {"version": 4, **token})["$filter"] == expected


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True).flatmap(
        lambda names: st.tuples(st.just(names), st.lists(st.integers(0, 2), min_size=len(names), max_size=len(names)))
    )
)
def test_what_lies_behind_a_place_is_what_sorts_after_it_and_the_place_itself(case):
    names, place = case
    text = behind([(name, str(value)) for name, value in zip(names, place, strict=True)])
    python = re.sub(r"\b(gt|ge|eq)\b", lambda word: {"gt": ">", "ge": ">=", "eq": "=="}[word[1]], text)
    for values in product(range(3), repeat=len(names)):
        found = eval(python, {}, dict(zip(names, values, strict=True)))
        assert found == (list(values) >= place)


def test_the_options_of_a_page():
    token = {"version": 3, "skip": 4, "top": 500}
    assert odata_options(INQUIRY, ODataPlan(("Type", "Nbr")), frozenset({"Type", "Total"}), Window(), token) == {
        "$select": "Type,Total",
        "$orderby": "Type,Nbr",
        "$skip": "4",
        "$top": "500",
        "$format": "json",
    }


def test_a_selection_that_is_too_long_for_an_address_is_left_out():
    fields = {f"AVeryLongNameOfAColumn{number}": STRING for number in range(100)}
    table = ODataTable(ODataFeed.TABLES, "X", "X", fields, tuple(fields)[:1])
    options = odata_options(table, ODataPlan(table.keys), frozenset(fields), Window(), {"version": 4})
    assert "$select" not in options
    few = frozenset([*fields][:50])
    assert "$select" in odata_options(table, ODataPlan(table.keys), few, Window(), {"version": 4})


def test_the_sum_of_all_options_counts_and_not_each_by_itself():
    fields = {f"AVeryLongNameOfAColumn{number}": STRING for number in range(50)}
    table = ODataTable(ODataFeed.INQUIRIES, "X", "X", fields)
    order = orderable(tuple(fields))
    assert 0 < len(order) < 60
    options = odata_options(table, ODataPlan(order), frozenset(fields), Window(), {"version": 4})
    assert "$select" not in options
    assert fits(options)


def test_as_many_columns_order_rows_as_an_address_can_hold():
    names = tuple(f"AVeryLongNameOfAColumn{number}" for number in range(100))
    some = orderable(names)
    assert some == names[: len(some)]
    assert 40 < len(some) < 60
    assert orderable(names[:5]) == names[:5]


# ---------------------------------------------------------------------------------------------------------- literals


@pytest.mark.parametrize(
    ("instant", "version", "literal"),
    [
        ("2026-11-24T10:00:00.000000Z", 4, "2026-11-24T10:00:00.000Z"),
        ("2026-11-24T12:00:00.123000+02:00", 4, "2026-11-24T10:00:00.123Z"),
        ("2026-11-24T10:00:00.123456Z", 4, "2026-11-24T10:00:00.123456Z"),
        ("2026-11-24T10:00:00.123000Z", 3, "datetime'2026-11-24T10:00:00.123'"),
    ],
)
def test_an_instant_is_written_in_utc(instant, version, literal):
    assert instant_literal(instant, version) == literal


GUID = "6d4b2a10-0000-4000-8000-0123456789ab"


@pytest.mark.parametrize(
    ("value", "kind", "in_3", "in_4"),
    [
        ("O'Brien", STRING, "'O''Brien'", "'O''Brien'"),
        ("12", STRING, "'12'", "'12'"),
        (12, INTEGER, "12", "12"),
        (-3, FieldKind.SHORT, "-3", "-3"),
        ("19.50", FieldKind.DECIMAL, "19.50M", "19.50"),
        (GUID, FieldKind.GUID, f"guid'{GUID}'", GUID),
        ("x' or 1 eq 1", FieldKind.GUID, "'x'' or 1 eq 1'", "'x'' or 1 eq 1'"),
        ("1 or 1 eq 1", INTEGER, "'1 or 1 eq 1'", "'1 or 1 eq 1'"),
        (True, FieldKind.BOOLEAN, "true", "true"),
        ("2026-11-24T00:00:00Z", STAMP, "datetime'2026-11-24T00:00:00.000'", "2026-11-24T00:00:00.000Z"),
    ],
)
def test_a_value_is_written_as_its_type_and_can_be_nothing_else(value, kind, in_3, in_4):
    assert (value_literal(value, kind, 3), value_literal(value, kind, 4)) == (in_3, in_4)


# -------------------------------------------------------------------------------------------------------- parameters


def an_inquiry(**types):
    return ODataTable(ODataFeed.INQUIRIES, "Orders by 1/2", "x", {}, parameters=types)


def test_values_stand_behind_aliases_where_a_slash_or_a_quote_can_do_no_harm():
    resource, options = parameterized(
        an_inquiry(Customer="Edm.String", MinTotal="Edm.Decimal"), {"MinTotal": "10.50", "Customer": "A/B'C"}, 4
    )
    assert resource == "Orders%20by%201%2F2_WithParameters(MinTotal=@p1,Customer=@p2)"
    assert options == {"@p1": "10.50", "@p2": "'A/B''C'"}


def test_version_3_takes_them_as_they_would_be_typed_in():
    assert parameterized(an_inquiry(), {"Customer": "O'Brien", "Open": True, "Min": 3}, 3) == (
        "Orders%20by%201%2F2",
        {"Customer": "O'Brien", "Open": "true", "Min": "3"},
    )


def test_an_inquiry_without_parameters_is_its_set():
    assert parameterized(an_inquiry(), {}, 4) == ("Orders%20by%201%2F2", {})


@pytest.mark.parametrize(
    ("edm", "value", "literal"),
    [
        ("Edm.String", 5, "'5'"),
        ("Edm.String", None, "null"),
        ("Edm.Int32", " 7 ", "7"),
        ("Edm.Boolean", "True", "true"),
        ("Edm.Boolean", False, "false"),
        ("Edm.Guid", GUID, GUID),
        ("Edm.DateTimeOffset", "2026-11-30", "2026-11-30T00:00:00.000Z"),
        ("Edm.DateTimeOffset", "2026-11-30T02:00:00+02:00", "2026-11-30T00:00:00.000Z"),
        ("Edm.Date", "2026-11-30", "2026-11-30"),
    ],
)
def test_a_value_is_typed_as_the_description_says(edm, value, literal):
    assert parameterized(an_inquiry(P=edm), {"P": value}, 4)[1] == {"@p1": literal}


@pytest.mark.parametrize(
    ("edm", "value"),
    [
        ("Edm.Int32", "7.5"),
        ("Edm.Int32", "1) or (1 eq 1"),
        ("Edm.Decimal", "ten"),
        ("Edm.Boolean", "maybe"),
        ("Edm.Guid", "no"),
        ("Edm.DateTimeOffset", "30.11.2026"),
        ("Edm.Duration", "P1D"),
    ],
)
def test_a_value_of_another_type_is_told_with_the_inquiry_and_the_type(edm, value):
    with pytest.raises(ParameterError, match=re.escape(f"inquiry_parameters of Orders by 1/2: {value} is not of type")):
        parameterized(an_inquiry(P=edm), {"P": value}, 4)


def test_missing_and_unknown_parameters_are_named():
    with pytest.raises(ParameterError) as caught:
        parameterized(an_inquiry(Customer="Edm.String", MinTotal="Edm.Decimal"), {"Customer": "A", "Maximum": 1}, 4)
    assert "takes Customer (String), MinTotal (Decimal); missing: MinTotal; unknown: Maximum." in str(caught.value)
    with pytest.raises(ParameterError, match="takes none; unknown: P"):
        parameterized(an_inquiry(), {"P": 1}, 4)


# ------------------------------------------------------------------------------------ what cannot be asked for by name


def restricting(*names):
    return replace(LINES, restricted=frozenset(names))


def test_nothing_is_selected_where_a_column_that_is_wanted_cannot_be():
    wanted = frozenset((*LINES.keys, "Total"))
    token = {"version": 4, "top": 5}
    plan = ODataPlan(LINES.keys)
    assert "$select" not in odata_options(restricting("Total"), plan, wanted, Window(), token)
    assert odata_options(restricting(STAMPED), plan, wanted, Window(), token)["$select"] == "Type,Nbr,Line,Total"


def test_rows_are_neither_ordered_nor_filtered_by_what_cannot_be_asked_for():
    everything = ODataPlan(LINES.keys, is_keyset=True, filters=False, with_null=False)
    assert plans(restricting(STAMPED), (), Window(SINCE)) == [everything, replace(everything, is_keyset=False)]
    assert plans(restricting(LINES.keys[0]), (), Window()) == [ODataPlan((), filters=False, with_null=False)]
