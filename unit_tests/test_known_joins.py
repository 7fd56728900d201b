"""Tests of the joins that are known without any rows."""

from __future__ import annotations

import pytest

from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.known_joins import known_joins
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind, Shape

TEXT, GUID = FieldKind.STRING, FieldKind.GUID
STEP = Shape({"StepNbr": TEXT})
OPERATION = Shape({"OperationNbr": TEXT}, collections={"Steps": STEP})
BOM = Shape({"BOMID": TEXT, "NoteID": GUID}, collections={"Operations": OPERATION})
DAC = ODataTable(ODataFeed.TABLES, "Bom", "Bom", {"NoteID": GUID}, type_name="PX.AM.Bom")


def streams(shape=BOM, **known):
    found = tables("Default", "24.200.001", "Bom", shape, Known(**{"keys": ("BOMID",), **known}))
    return {table.name: table for table in found}


def joins(found):
    return {join.place[0]: join.place[1:] for join in known_joins(found)}


def test_lines_lead_to_their_record_and_deeper_ones_to_the_line_above():
    found = joins(streams(line_keys={"Operations": ("OperationNbr",)}))
    assert found["Bom__Operations"] == (("_parent_BOMID",), "Bom", ("BOMID",))
    own, theirs = ("_parent_BOMID", "_Operations_OperationNbr"), ("_parent_BOMID", "OperationNbr")
    assert found["Bom__Operations__Steps"] == (own, "Bom__Operations", theirs)


def test_lines_without_keys_are_identified_by_their_places():
    own, theirs = ("_parent_BOMID", "_Operations_line"), ("_parent_BOMID", "_line")
    assert joins(streams())["Bom__Operations__Steps"] == (own, "Bom__Operations", theirs)


def test_where_the_line_above_is_not_chosen_the_record_takes_its_place():
    found = streams()
    del found["Bom__Operations"]
    assert joins(found)["Bom__Operations__Steps"] == (("_parent_BOMID",), "Bom", ("BOMID",))


def test_with_deletions_lines_lead_to_the_id_of_their_record():
    found = {name: table.tracked() for name, table in streams().items()}
    assert joins(found)["Bom__Operations"] == (("_parent_id",), "Bom", ("id",))


def test_the_only_record_of_a_tenant_is_known_by_the_tenant():
    assert joins(streams(keys=(), is_single=True))["Bom__Operations"] == ((), "Bom", ())


def test_records_without_keys_and_stable_ids_have_no_joins():
    """Their ids are other ones in each answer."""
    assert joins(streams(Shape({"A": TEXT}, collections={"Rows": STEP}), keys=())) == {}


@pytest.mark.parametrize(
    ("dac", "has_id", "is_joined"),
    [("PX.AM.Bom", True, True), ("PX.AM.Other", True, False), ("PX.AM.Bom", False, False)],
)
def test_a_record_is_the_row_of_the_table_behind_its_form(dac, has_id, is_joined):
    shape = BOM if has_id else Shape({"BOMID": TEXT})
    found = [join for join in known_joins({**streams(shape, dac=dac), DAC.name: DAC}) if join.is_one_to_one]
    assert [join.place for join in found] == [("Bom", ("id",), "dac__Bom", ("NoteID",))] * is_joined


def test_known_keys_are_drawn_where_both_streams_have_the_columns():
    order = tables("Default", "24.200.001", "SalesOrder", Shape({"CustomerID": TEXT}), Known())
    customer = [*tables("Default", "24.200.001", "Customer", Shape({"CustomerID": TEXT}), Known(("CustomerID",)))]
    found = {table.name: table for table in (*order, *customer)}
    assert joins(found) == {"SalesOrder": (("CustomerID",), "Customer", ("CustomerID",))}
    other = tables("Default", "24.200.001", "Customer", Shape({"Name": TEXT}), Known())
    assert joins(found | {table.name: table for table in other}) == {}
