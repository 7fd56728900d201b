"""Tests of what is said where the catalog does not fit the ERP any more."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from source_acumatica.catalog_check import fitted, warn_of_lost_columns, warn_of_untracked
from source_acumatica.erp.errors import config_error
from source_acumatica.reading.fields import FieldKind, Shape

from .test_configured import INQUIRY, ORDER, STAMPS, TABLE, configured, settings

BRANCHES = [{"inquiry": "Orders", "name": "Branch", "value": value} for value in ("NORTH", "SOUTH")]
ASKED = replace(INQUIRY, asked=("Branch",))


FAILURE = config_error("down")


def misfit(table, one, given):
    """Why a tenant with that table cannot be read."""
    _, own = fitted(table, {"A": table}, one, given)
    return None if own["A"] == table else own["A"]


def test_what_fits_is_read():
    one = configured("SalesOrder", ["_tenant", "Nbr"], cursor=["At"])
    assert misfit(ORDER, one, settings()) is None
    assert misfit(TABLE, configured("dac__SOOrder", ["_tenant", "Nbr"], cursor=["At"]), settings()) is None


def test_a_cursor_that_is_no_time_is_refused_and_those_to_choose_are_named():
    table = replace(INQUIRY, chosen="Nbr")
    error = misfit(table, configured("gi__Orders", ["_tenant", "Nbr"], cursor=["Nbr"]), settings())
    assert "Nbr was chosen for the cursor" in error.message
    assert "At, LastModifiedOn" in error.message
    assert misfit(replace(table, fields={}), configured("gi__Orders", cursor=["Nbr"]), settings()) is None
    assert misfit(table, configured("gi__Orders", ["_tenant", "Nbr"]), settings()) is None


def test_a_cursor_that_changed_in_the_erp_is_refused_where_the_destination_ranks_by_it():
    one = configured("SalesOrder", ["_tenant", "Nbr"], cursor=["LastModifiedOn"])
    assert "its cursor is LastModifiedOn in the connection's schema and At" in misfit(ORDER, one, settings()).message
    one = configured("SalesOrder", ["_tenant", "Nbr"], cursor=["LastModifiedOn"], destination="append")
    assert misfit(ORDER, one, settings()) is None


@pytest.mark.parametrize("others", [{"B": FAILURE}, {"B": replace(INQUIRY, chosen="Stamp")}, {}])
def test_a_cursor_that_only_some_tenants_have_is_that_of_the_stream(others):
    fields = {**INQUIRY.fields, "Stamp": FieldKind.DATE_TIME}
    others = {name: replace(each, fields=fields) if each is not FAILURE else each for name, each in others.items()}
    table = replace(INQUIRY, chosen="Stamp")
    one = configured("gi__Orders", ["_tenant", "Nbr"], cursor=["Stamp"])
    joined, own = fitted(table, {"A": table, **others}, one, settings())
    assert (own == {"A": table, **others}) is bool(others)
    assert (joined.cursor_field == "Stamp") is bool(others)


def test_an_entity_whose_stamp_another_tenant_has_keeps_the_cursor_of_the_catalog():
    one = configured("SalesOrder", ["_tenant", "Nbr"], cursor=["LastModifiedOn"])
    joined, own = fitted(ORDER, {"A": ORDER, "B": FAILURE}, one, settings())
    assert (joined.cursor_field, own) == ("LastModifiedOn", {"A": ORDER, "B": FAILURE})


def test_only_the_tenant_whose_column_is_no_time_is_refused():
    chosen = replace(INQUIRY, chosen="At")
    text = replace(chosen, fields={**INQUIRY.fields, "At": FieldKind.STRING})
    one = configured("gi__Orders", ["_tenant", "Nbr"], cursor=["At"])
    _, own = fitted(text, {"A": chosen, "B": text}, one, settings())
    assert own["A"] == chosen
    assert "Tenant 'B', gi__Orders: At was chosen for the cursor" in own["B"].message


def test_streams_whose_catalog_is_older_than_the_tracking_of_deletions_are_named(caplog):
    tracked, plain = replace(TABLE, is_tracked=True), replace(TABLE, is_tracked=False)
    order = replace(ORDER, dac="PX.Objects.SO.SOOrder")
    warn_of_untracked([(tracked, tracked), (order, order), (plain, plain)])
    assert not caplog.text, "the catalog is new, and what has no NoteID is not tracked"
    warn_of_untracked([(tracked, plain), (order, order)])
    assert f"not sent for {TABLE.name}, {ORDER.name}: the connection's schema has another key" in caplog.text
    assert f"Of {ORDER.name}, OData may not show the table instead." in caplog.text


def test_lines_which_are_never_tracked_are_not_named(caplog):
    warn_of_untracked([(replace(ORDER, dac="PX.Objects.SO.SOOrder", path=("Details",)),) * 2])
    assert not caplog.text


def test_rows_of_several_values_are_told_apart_by_the_key_or_not_read():
    given = settings(inquiry_parameters=BRANCHES)
    error = misfit(ASKED, configured("gi__Orders", ["_tenant", "Nbr"]), given)
    assert "_param_Branch is not part of the primary key" in error.message
    assert misfit(ASKED, configured("gi__Orders", ["_tenant", "_param_Branch", "Nbr"]), given) is None


def test_without_deduplication_a_missing_parameter_is_a_warning(caplog):
    caplog.set_level(logging.WARNING)
    one = configured("gi__Orders", destination="append", columns=["Nbr"])
    assert misfit(ASKED, one, settings(inquiry_parameters=BRANCHES)) is None
    assert "does not have _param_Branch" in caplog.text


@pytest.mark.parametrize(
    ("tenants", "key", "is_refused"), [("A", "Nbr", False), ("AB", "Nbr", True), ("AB", "_tenant", False)]
)
def test_a_key_of_the_users_own_has_to_hold_the_tenant_where_there_are_several(tenants, key, is_refused):
    error = misfit(INQUIRY, configured("gi__Orders", chosen_key=[key]), settings(tenants=[*tenants]))
    assert (error is not None and "Add _tenant to it" in error.message) is is_refused


@pytest.mark.parametrize(
    ("before", "after", "is_refused"),
    [
        (FieldKind.DATE_TIME, FieldKind.DATE, True),
        (FieldKind.DATE, FieldKind.DATE_TIME, True),
        (FieldKind.STRING, FieldKind.CHOICES, True),
        (FieldKind.STRING, FieldKind.CHOICE, False),
        (FieldKind.INTEGER, FieldKind.INTEGER_CHOICE, False),
        (FieldKind.UNKNOWN, FieldKind.CHOICES, False),
        (FieldKind.DATE, FieldKind.DATE, False),
    ],
)
def test_a_schema_of_another_contract_version_is_refused_where_values_would_be_dropped(before, after, is_refused):
    one, now = configured("SalesOrder"), replace(ORDER, contract="5", shape=Shape({**STAMPS, "Day": after}))
    one.stream.json_schema = replace(ORDER, shape=Shape({**STAMPS, "Day": before})).json_schema()
    error = misfit(now, one, settings())
    assert (error is not None and "the columns Day have other types than contract version 5" in error.message) is (
        is_refused
    )


def test_columns_that_come_empty_are_named_once(caplog):
    caplog.set_level(logging.WARNING)
    columns = ["_tenant", "Nbr", "Gone", "Known", "_ab_cdc_deleted_at", "UserPassword"]
    warn_of_lost_columns(ORDER, configured("SalesOrder", columns=columns), known=["Known"])
    assert caplog.messages == [
        "Stream SalesOrder: the ERP does not describe the columns Gone (any more), so they come empty: refresh the "
        "connection's schema."
    ]
