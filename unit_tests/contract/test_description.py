"""Tests that an endpoint's description is read into shapes, whichever of the two formats it has."""

from __future__ import annotations

import pytest

from source_acumatica.contract.description import DescriptionError, read_description
from source_acumatica.reading.fields import FieldKind, Shape
from unit_tests.contract.documents import BASE, link, openapi, record, rows, swagger, wrapper

STRING, DECIMAL, GUID, STAMP = FieldKind.STRING, FieldKind.DECIMAL, FieldKind.GUID, FieldKind.DATE_TIME


FORMATS = pytest.mark.parametrize("written", [swagger, openapi])


def shape_of(written, schemas, entity="Order"):
    return read_description(written(schemas, {entity: entity})).entities[entity]


ORDERS = {
    "Order": record(
        OrderNbr=link("StringValue"),
        Total=link("DecimalValue"),
        LastModified=link("DateTimeValue"),
        Contact=link("Contact"),
        Details=rows("OrderDetail"),
    ),
    "OrderDetail": record(Qty=link("DecimalValue"), Splits=rows("Split"), Item=link("Item")),
    "Split": record(Lot=link("StringValue"), Deeper=rows("Item")),
    "Item": record(Code=link("StringValue")),
    "Contact": record(Email=link("StringValue"), Address=link("Address")),
    "Address": record(City=link("StringValue"), Country=link("Country")),
    "Country": record(Code=link("StringValue")),
}


@FORMATS
def test_an_entity_is_its_fields_its_linked_objects_and_its_collections(written):
    item = Shape({"Code": STRING})
    assert shape_of(written, ORDERS) == Shape(
        {"OrderNbr": STRING, "Total": DECIMAL, "LastModified": STAMP},
        {"Contact": Shape({"Email": STRING}, {"Address": Shape({"City": STRING})})},
        {
            "Details": Shape(
                {"Qty": DECIMAL},
                {"Item": item},
                {"Splits": Shape({"Lot": STRING})},
            )
        },
    )


def test_both_formats_give_the_same():
    entities = {"Order": "Order", "Item": "Item"}
    assert read_description(swagger(ORDERS, entities)) == read_description(openapi(ORDERS, entities))


@FORMATS
def test_the_order_of_fields_is_that_of_the_description(written):
    schemas = {"Order": record(Z=link("StringValue"), A=link("StringValue"), M=link("StringValue"))}
    assert list(shape_of(written, schemas).fields) == ["Z", "A", "M"]


def nullable(schema, union="anyOf"):
    return {union: [schema], "nullable": True}


@FORMATS
@pytest.mark.parametrize("union", ["anyOf", "oneOf", "allOf"])
def test_a_link_that_may_be_null_is_the_same_link(written, union):
    """Contract version 5 wraps links; the early state of its descriptions did not."""
    order = record(
        Status=nullable(link("StringSingleSelectValue"), union),
        Contact=nullable(link("Contact"), union),
        Details={"type": "array", "items": nullable(link("Item"), union), "nullable": True},
    )
    plain = record(Status=link("StringSingleSelectValue"), Contact=link("Contact"), Details=rows("Item"))
    others = {"Contact": ORDERS["Contact"], "Address": record(City=link("StringValue")), "Item": ORDERS["Item"]}
    assert shape_of(written, {"Order": order, **others}) == shape_of(written, {"Order": plain, **others})


@FORMATS
def test_what_belongs_to_the_api_is_no_column_and_no_warning(written):
    actions = {"type": "object", "additionalProperties": {"$ref": "OrderCustomAction"}}
    schemas = {"Order": record(_workflowActions=actions, Nbr=link("StringValue")), "OrderCustomAction": record()}
    description = read_description(written(schemas, {"Order": "Order"}))
    assert (description.entities, description.warnings) == ({"Order": Shape({"Nbr": STRING})}, [])


@FORMATS
@pytest.mark.parametrize("contract", ["3", "4"])
def test_a_date_of_an_earlier_contract_stays_a_time_when_a_build_describes_it_otherwise(written, contract):
    document = written({"Order": record(ShipOn=link("DateOnlyValue"))}, {"Order": "Order"})
    document["info"]["version"] = contract
    assert read_description(document).entities["Order"].fields == {"ShipOn": FieldKind.DAY}


@FORMATS
def test_a_field_that_is_called_like_something_of_the_api_is_warned_of(written):
    description = read_description(written({"Order": record(_Region=link("StringValue"))}, {"Order": "Order"}))
    assert description.warnings == ["Order._Region has the name of what belongs to the API itself: it is left out."]


@FORMATS
def test_the_contract_is_the_version_of_the_document(written):
    assert read_description(written({}, {})).contract == "4"


@FORMATS
@pytest.mark.parametrize("kind", [kind for kind in FieldKind if kind not in (FieldKind.UNKNOWN, FieldKind.DAY)])
def test_every_known_wrapper_is_a_kind_of_field(written, kind):
    document = written({"Order": record(Field=link(kind.value))}, {"Order": "Order"})
    document["info"]["version"] = "5"
    description = read_description(document)
    assert description.entities["Order"].fields == {"Field": kind}
    assert description.warnings == []


@FORMATS
@pytest.mark.parametrize(
    ("schema", "named"),
    [
        (link("NewValue"), "NewValue"),
        (link("NowhereValue"), "NowhereValue"),
        ({"type": "string"}, "none"),
        ({"type": "array", "items": {"type": "string"}}, "none"),
    ],
    ids=["new wrapper", "missing wrapper", "bare", "bare list"],
)
def test_an_unknown_type_is_no_string_but_a_warning_that_names_it(written, schema, named):
    schemas = {"Order": record(ShipOn=schema, Qty=link("DecimalValue")), "NewValue": wrapper()}
    description = read_description(written(schemas, {"Order": "Order"}))
    assert description.entities["Order"].fields == {"ShipOn": FieldKind.UNKNOWN, "Qty": DECIMAL}
    (warning,) = description.warnings
    assert "Order.ShipOn" in warning
    assert f"'{named}'" in warning


@FORMATS
def test_an_unknown_type_of_a_shared_schema_is_warned_of_once(written):
    schemas = {
        "Order": record(BillTo=link("Contact"), ShipTo=link("Contact")),
        "Contact": record(Odd=link("OddValue")),
        "OddValue": wrapper(),
    }
    warnings = read_description(written(schemas, {"Order": "Order"})).warnings
    assert len(warnings) == len(set(warnings))


@FORMATS
def test_the_name_of_a_record_does_not_make_it_a_value(written):
    schemas = {
        "Order": record(Attributes=rows("AttributeValue"), First=link("AttributeValue")),
        "AttributeValue": record(AttributeID=link("StringValue"), Value=link("StringValue")),
    }
    attribute = Shape({"AttributeID": STRING, "Value": STRING})
    assert shape_of(written, schemas) == Shape({}, {"First": attribute}, {"Attributes": attribute})


@FORMATS
def test_an_entity_may_list_its_fields_without_a_base(written):
    assert shape_of(written, {"Order": {"properties": {"A": link("StringValue")}}}) == Shape({"A": STRING})


@FORMATS
def test_what_every_record_inherits_is_no_field_of_its_own(written):
    schemas = {"Order": {"properties": {**BASE["Entity"]["properties"], "A": link("StringValue")}}}
    description = read_description(written(schemas, {"Order": "Order"}))
    assert description.entities["Order"] == Shape({"A": STRING})
    assert description.warnings == []


@FORMATS
def test_an_entity_whose_schema_has_another_name_is_found_by_its_list(written):
    description = read_description(written({"OrderRow": record(A=link("StringValue"))}, {"Order": "OrderRow"}))
    assert description.entities == {"Order": Shape({"A": STRING})}


@FORMATS
def test_an_entity_whose_list_names_no_schema_is_found_by_its_name(written):
    document = written({"Order": record(A=link("StringValue"))}, {}, {"/Order": {"get": {}}}.items())
    assert read_description(document).entities == {"Order": Shape({"A": STRING})}


@FORMATS
def test_an_entity_without_a_schema_has_no_fields(written):
    assert read_description(written({}, {"Order": "Order"})).entities == {"Order": Shape()}


@FORMATS
@pytest.mark.parametrize(
    ("path", "verb"),
    [
        ("/Order/{ids}", "get"),
        ("/Order/{id}", "get"),
        ("/Order/$adHocSchema", "get"),
        ("/Order/Release", "post"),
        ("/Order/{ids}/files/{filename}", "put"),
        ("/Release", "post"),
        ("/PutOnly", "put"),
        ("/$adHocSchema", "get"),
        ("/", "get"),
    ],
)
def test_actions_records_and_files_are_no_entities(written, path, verb):
    document = written({"Order": record(A=link("StringValue"))}, {"Order": "Order"}, {path: {verb: {}}}.items())
    assert read_description(document).entities.keys() == {"Order"}


@FORMATS
def test_collections_are_read_to_their_second_level(written):
    details = shape_of(written, ORDERS).collections["Details"]
    assert details.collections.keys() == {"Splits"}
    assert details.collections["Splits"].collections == {}


@FORMATS
def test_a_collection_within_a_linked_object_is_read(written):
    schemas = {
        "Order": record(Totals=link("Totals")),
        "Totals": record(Taxes=rows("Tax")),
        "Tax": record(Rate=link("DecimalValue")),
    }
    assert shape_of(written, schemas).objects["Totals"].collections == {"Taxes": Shape({"Rate": DECIMAL})}


@FORMATS
@pytest.mark.parametrize(
    "schemas",
    [
        {"Order": record(A=link("StringValue"), Parent=link("Order"))},
        {"Order": record(A=link("StringValue"), Children=rows("Order"))},
        {
            "Order": record(A=link("StringValue"), Customer=link("Customer")),
            "Customer": record(Last=link("Order"), Orders=rows("Order"), Self=link("Customer")),
        },
        {
            "Order": record(A=link("StringValue"), Lines=rows("Line")),
            "Line": record(Order=link("Order"), Lines=rows("Line"), Back=rows("Order")),
        },
    ],
    ids=["itself", "its own kind", "there and back", "through lines"],
)
def test_a_circle_comes_to_an_end(written, schemas):
    shape = shape_of(written, schemas)
    assert shape.fields == {"A": STRING}
    assert _depth(shape) <= 6


def _depth(shape):
    return 1 + max((_depth(one) for one in (*shape.objects.values(), *shape.collections.values())), default=0)


@pytest.mark.parametrize(
    "document", [None, [], "x", 1, {}, {"paths": []}, {"paths": None}, {"swagger": "2.0"}], ids=str
)
def test_a_document_that_describes_nothing_is_refused(document):
    with pytest.raises(DescriptionError):
        read_description(document)


def test_a_description_without_entities_is_empty():
    description = read_description({"openapi": "3.0.1", "info": {"version": "3"}, "paths": {}})
    assert (description.contract, description.entities) == ("3", {})


@FORMATS
def test_fields_may_have_any_name_that_can_be_asked_for_and_the_others_are_warned_of(written):
    names = ["N\u00ba", "Gro\u0308\u00dfe", "two words", "a.b", "a-b", "1st", "class", "\u540d\u79f0"]
    refused = ["", "a,b", "a/b", "$a", "a\nb"]
    own = ["note", "files"]
    schemas = {"Order": record(**dict.fromkeys([*names, *refused, *own], link("StringValue")))}
    description = read_description(written(schemas, {"Order": "Order"}))
    assert [*description.entities["Order"].fields] == names
    assert len(description.warnings) == len(refused) + len(own)
    assert all("left out" in warning for warning in description.warnings)


@FORMATS
@pytest.mark.parametrize(
    ("name", "is_entity"),
    [
        ("N\u00ba", True),
        ("Two Words", True),
        ("a.b", True),
        ("..", False),
        ("a%2f", False),
        ("{id}", False),
        ("", False),
    ],
)
def test_an_entity_may_have_any_name_that_can_stand_in_an_address(written, name, is_entity):
    description = read_description(written(ORDERS, {name: "Order"}))
    assert (name in description.entities) is is_entity
