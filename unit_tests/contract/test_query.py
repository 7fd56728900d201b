"""Tests what is asked for: the options of each request, also after the ERP has refused something."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import (
    custom_groups,
    list_options,
    probe_options,
    record_options,
    room_for_custom,
)
from source_acumatica.erp.addresses import encode
from source_acumatica.reading.fields import FieldKind, Shape
from source_acumatica.reading.window import Window

from .orders import ALL, ORDER, SOME, STRING, UNKEYED, table


@pytest.mark.parametrize(
    ("name", "plan", "columns", "expected"),
    [
        ("Order", Plan(), None, {"$expand": "Contact,Contact/Address,Totals"}),
        (
            "Order",
            Plan(),
            {"id", "OrderType", "OrderNbr", "LastModified", "Total"},
            {"$select": "OrderType,OrderNbr,Total,LastModified"},
        ),
        (
            "Order",
            Plan(),
            {"id", "OrderType", "OrderNbr", "LastModified", "Contact"},
            {
                "$expand": "Contact,Contact/Address",
                "$select": "OrderType,OrderNbr,LastModified,Contact,Contact/Address",
            },
        ),
        (
            "Order",
            Plan(selects=False),
            {"id", "OrderType", "OrderNbr", "LastModified", "Contact"},
            {"$expand": "Contact,Contact/Address"},
        ),
        (
            "Order",
            Plan(without=frozenset({"Total", "Contact"})),
            None,
            {"$expand": "Totals", "$select": "OrderType,OrderNbr,LastModified,Totals"},
        ),
        ("Order", Plan(is_by_record=True), None, {"$select": "OrderType,OrderNbr"}),
        ("Order", Plan(selects=False, is_by_record=True), None, {}),
        (
            "Order",
            Plan(custom=("Document.UsrA", "Document.AttributeB")),
            {"id", "OrderType", "OrderNbr", "LastModified", "custom"},
            {"$select": "OrderType,OrderNbr,LastModified", "$custom": "Document.UsrA,Document.AttributeB"},
        ),
        (
            "Order__Details",
            Plan(),
            None,
            {
                "$expand": "Details,Details/Item",
                "$select": "OrderType,OrderNbr,LastModified,Details,Details/Item",
            },
        ),
        (
            "Order__Details",
            Plan(),
            {"id", "LineNbr", "Qty"},
            {"$expand": "Details", "$select": "OrderType,OrderNbr,LastModified,Details/LineNbr,Details/Qty"},
        ),
        (
            "Order__Details",
            Plan(),
            {"id", "LineNbr", "Item"},
            {
                "$expand": "Details,Details/Item",
                "$select": "OrderType,OrderNbr,LastModified,Details/LineNbr,Details/Item",
            },
        ),
        ("Order__Details", Plan(selects=False), {"id", "LineNbr"}, {"$expand": "Details"}),
        ("Order__Details", Plan(is_by_record=True), None, {"$select": "OrderType,OrderNbr"}),
        (
            "Order__Operations__Material",
            Plan(),
            None,
            {
                "$expand": "Operations,Operations/Material",
                "$select": "OrderType,OrderNbr,LastModified,Operations/OperationNbr,Operations/Material",
            },
        ),
        (
            "Order__Operations__Material",
            Plan(),
            {"id", "Qty"},
            {
                "$expand": "Operations,Operations/Material",
                "$select": "OrderType,OrderNbr,LastModified,Operations/OperationNbr,Operations/Material/Qty",
            },
        ),
        (
            "Order__Operations__Material",
            Plan(),
            {"id"},
            {
                "$expand": "Operations,Operations/Material",
                "$select": "OrderType,OrderNbr,LastModified,Operations/OperationNbr,Operations/Material",
            },
        ),
    ],
)
def test_a_list_is_asked_for_as_its_table_and_plan_say(name, plan, columns, expected):
    chosen = None if columns is None else frozenset(columns)
    assert list_options(table(name), plan, chosen, ALL) == expected


def _names(options, option):
    return [name for name in options.get(option, "").split(",") if name]


@pytest.mark.parametrize("name", ["Order", "Order__Details", "Order__Operations__Material"])
@given(data=st.data())
def test_what_is_expanded_is_selected_too_and_keys_are_always_there(name, data):
    one = table(name)
    configured = data.draw(st.sets(st.sampled_from(list(one.json_schema()["properties"]))))
    without = data.draw(st.frozensets(st.sampled_from(["Total", "Contact", "Totals"])))
    columns = one.wanted(dict.fromkeys(configured))
    options = list_options(one, Plan(without=without), columns, ALL)
    selected = _names(options, "$select")
    if selected:
        assert set(selected) >= {"OrderType", "OrderNbr"}
        assert one.cursor in selected
        for path in _names(options, "$expand"):
            assert any(name == path or name.startswith(f"{path}/") for name in selected), path
    assert not {name.split("/")[0] for name in selected} & without


@pytest.mark.parametrize("columns", [None, {"id", "Subject"}])
@pytest.mark.parametrize("plan", [Plan(), Plan(is_by_record=True)])
def test_nothing_is_selected_of_records_that_only_their_whole_content_identifies(plan, columns):
    chosen = None if columns is None else frozenset(columns)
    for name in ("Memo", "Memo__Details"):
        assert "$select" not in list_options(table(name, UNKEYED, Known()), plan, chosen, ALL)


def test_records_with_a_note_id_are_identified_by_it():
    shape = Shape({"NoteID": FieldKind.GUID, "Subject": STRING})
    memo = table("Memo", shape, Known())
    assert list_options(memo, Plan(), frozenset({"id", "Subject"}), ALL) == {"$select": "Subject"}
    assert list_options(memo, Plan(is_by_record=True), None, ALL) == {"$select": "NoteID"}


LONG = Shape({"Code": STRING, **{f"AFieldWithALongName{number:03d}": STRING for number in range(100)}})


def test_a_selection_that_does_not_fit_into_an_address_is_left_out():
    one = table("Long", LONG, Known(("Code",)))
    few, many = list(LONG.fields)[:10], list(LONG.fields)[:90]
    assert "$select" in list_options(one, Plan(), frozenset(few), ALL)
    assert list_options(one, Plan(), frozenset(many), ALL) == {}


def test_a_selection_of_lines_that_does_not_fit_becomes_the_whole_collection():
    one = table("Long__Details", Shape({"Code": STRING}, {}, {"Details": LONG}), Known(("Code",)))
    assert list_options(one, Plan(), frozenset(list(LONG.fields)[:90]), ALL)["$select"] == "Code,Details"


@pytest.mark.parametrize("plan", [Plan(), Plan(selects=False), Plan(is_by_record=True)])
@pytest.mark.parametrize("name", ["Order", "Order__Details"])
def test_a_window_is_a_filter_on_the_parents_stamp_in_every_plan(name, plan):
    assert list_options(table(name), plan, None, SOME)["$filter"] == (
        "LastModified ge datetimeoffset'2026-11-22T09:45:00.000Z'"
    )


@pytest.mark.parametrize(
    ("since", "literal"),
    [
        ("2026-11-22T09:45:00.000000Z", "2026-11-22T09:45:00.000Z"),
        ("2026-11-22T09:45:00.999999Z", "2026-11-22T09:45:00.999Z"),
        ("2026-11-22T09:45:00Z", "2026-11-22T09:45:00.000Z"),
        ("2026-11-22T09:45:00.5+03:00", "2026-11-22T06:45:00.500Z"),
    ],
)
def test_a_literal_has_milliseconds_and_its_zone_and_no_upper_end_without_one(since, literal):
    options = list_options(table(), Plan(), None, Window(since))
    assert options["$filter"] == f"LastModified ge datetimeoffset'{literal}'"


def test_rows_without_a_stamp_are_asked_for_apart():
    options = list_options(table(), Plan(), None, Window(is_unstamped=True))
    assert options["$filter"] == "LastModified eq null"


def test_all_rows_are_asked_for_without_a_filter_so_that_those_without_a_stamp_come_too():
    assert "$filter" not in list_options(table(), Plan(), None, Window(None, "2026-11-22T12:00:00.000000Z"))


def test_a_filter_that_was_given_up_is_not_sent_in_any_plan_and_nothing_else_changes():
    for plan in (Plan(), Plan(selects=False), Plan(is_by_record=True)):
        with_filter = list_options(table(), plan, None, SOME)
        assert with_filter.pop("$filter")
        assert list_options(table(), replace(plan, filters=False), None, SOME) == with_filter


def test_a_table_without_a_stamp_is_not_filtered():
    assert list_options(table("Code", Shape({"A": STRING}), Known(("A",))), Plan(), None, SOME) == {}


@pytest.mark.parametrize(
    ("name", "plan", "expected"),
    [
        ("Order", Plan(is_by_record=True), {"$expand": "Contact,Contact/Address,Totals"}),
        (
            "Order",
            Plan(is_by_record=True, without=frozenset({"Contact"}), custom=("Document.UsrA",)),
            {"$expand": "Totals", "$custom": "Document.UsrA"},
        ),
        ("Order__Operations__Material", Plan(is_by_record=True), {"$expand": "Operations,Operations/Material"}),
    ],
)
def test_a_record_by_itself_is_asked_for_whole(name, plan, expected):
    assert record_options(table(name), plan, None) == expected


def test_a_first_read_asks_for_one_rows_keys():
    assert probe_options(table()) == {"$select": "OrderType,OrderNbr", "$top": "1"}
    assert probe_options(table("Memo", UNKEYED, Known())) == {"$top": "1"}


MANY_CUSTOM = tuple(f"Document.UsrQuiteLongName{number:02d}" for number in range(36))


@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.booleans(),
    st.sampled_from([400, 700, 1900]),
    st.sampled_from([ALL, SOME]),
)
def test_the_options_of_a_request_fit_into_an_address_together(fields, customs, is_grown, longest, window):
    """Each below a limit of its own is not enough: what the server counts is their sum, as it is sent."""
    name = "Größe" if is_grown else "ExtraField"
    shape = replace(ORDER, fields={**ORDER.fields, **{f"{name}{number:02d}": STRING for number in range(fields)}})
    order = table(shape=shape)
    custom = tuple(f"Document.Usr{name}{number:02d}" for number in range(customs))
    plan, columns = Plan(custom=custom, longest=longest), frozenset(shape.fields) | {"custom", "Contact"}
    groups = custom_groups(order, plan, columns, window)
    assert tuple(name for group in groups for name in group) == custom
    for group in groups:
        options = list_options(order, replace(plan, custom=group), columns, window)
        assert len(encode({**options, "$skip": "1234567", "$top": "10000"})) <= longest
        assert options.get("$custom", "") == ",".join(group)


def test_of_what_does_not_fit_together_the_selection_is_left_out_first():
    shape = replace(ORDER, fields={**ORDER.fields, **{f"ExtraField{number:02d}": STRING for number in range(60)}})
    order, columns = table(shape=shape), frozenset(shape.fields) | {"custom"}
    few = Plan(custom=MANY_CUSTOM[:5])
    assert {"$select", "$custom"} <= list_options(order, few, columns, SOME).keys()
    many = list_options(order, Plan(custom=MANY_CUSTOM), columns, SOME)
    assert "$select" not in many
    assert many["$custom"] == ",".join(MANY_CUSTOM)


def test_a_server_that_finds_an_address_too_long_gets_shorter_ones_until_their_length_is_not_to_blame():
    plan, lengths = Plan(), []
    while plan := plan.shorter():
        lengths.append(plan.longest)
    assert lengths == [1266, 844, 562, 374, 249]


WANTED_ALL = frozenset(["id", *ORDER.fields, *ORDER.objects, "note", "custom"])
FEW = frozenset({"id", "OrderType", "OrderNbr", "LastModified"})


@pytest.mark.parametrize(
    ("plan", "named", "wanted", "simpler"),
    [
        (Plan(), [], FEW, Plan(selects=False)),
        (Plan(), ["Total"], FEW, Plan(selects=False)),
        (Plan(selects=False), ["Total"], FEW, Plan(without=frozenset({"Total"}))),
        (Plan(selects=False), ["Contact/Email"], FEW, Plan(without=frozenset({"Contact"}))),
        (Plan(selects=False), ["Total"], WANTED_ALL, Plan(is_by_record=True)),
        (Plan(selects=False), ["Contact/Email"], WANTED_ALL, Plan(is_by_record=True)),
        (Plan(selects=False), ["Total", "OrderNbr"], FEW, Plan(is_by_record=True)),
        (Plan(selects=False), [], FEW, Plan(is_by_record=True)),
        (Plan(without=frozenset({"Total"})), ["Contact"], FEW, Plan(without=frozenset({"Total", "Contact"}))),
        (
            Plan(without=frozenset({"Total"})),
            ["Total"],
            FEW,
            Plan(without=frozenset({"Total"}), is_by_record=True),
        ),
        (Plan(is_by_record=True), ["Total"], FEW, Plan(selects=False, is_by_record=True)),
        (Plan(selects=False, is_by_record=True), ["Total"], FEW, None),
    ],
)
def test_the_next_plan_asks_for_less_and_loses_no_wanted_field(plan, named, wanted, simpler):
    assert plan.simpler(named, wanted) == simpler


@given(
    st.lists(st.lists(st.sampled_from(["Total", "Contact/Email", "Totals", "OrderNbr", "Other"]), max_size=3)),
    st.frozensets(st.sampled_from(["Total", "Contact", "OrderNbr"])),
)
def test_the_ladder_has_an_end_and_never_leaves_out_what_is_wanted(refusals, wanted):
    custom = ("Document.UsrA",)
    plan = Plan(custom=custom, filters=False)
    for number in range(20):
        assert not plan.without & wanted
        assert (plan.custom, plan.filters) == (custom, False)
        simpler = plan.simpler(refusals[number] if number < len(refusals) else [], wanted)
        if simpler is None:
            return
        assert simpler != plan
        plan = simpler
    pytest.fail("no last plan")


CONDITION = "(Total gt 5 or Total eq 2)"


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (ALL, CONDITION),
        (SOME, f"LastModified ge datetimeoffset'2026-11-22T09:45:00.000Z' and {CONDITION}"),
        (Window(is_unstamped=True), f"LastModified eq null and {CONDITION}"),
    ],
)
def test_the_users_condition_stands_beside_that_of_the_window(window, expected):
    order = replace(table(), condition=CONDITION)
    assert list_options(order, Plan(), None, window)["$filter"] == expected
    assert list_options(order, Plan(filters=False), None, window)["$filter"] == CONDITION
    assert list_options(order, Plan(is_by_record=True), None, window)["$filter"] == expected


def test_the_users_condition_takes_its_room_in_an_address_from_the_custom_fields():
    names = tuple(f"Document.UsrField{number:03d}" for number in range(60))
    plain, filtered = table(), replace(table(), condition=f"(Total eq {'9' * 900})")
    plan = Plan(custom=names)
    first = custom_groups(filtered, plan, None, SOME)[0]
    assert 0 < len(first) < len(custom_groups(plain, plan, None, SOME)[0])
    asked = list_options(filtered, replace(plan, custom=first), None, SOME) | {"$skip": "1000000", "$top": "5000"}
    assert len(encode(asked)) <= plan.longest
    assert room_for_custom(filtered, None) < room_for_custom(plain, None)
