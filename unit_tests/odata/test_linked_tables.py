"""Tests what comes of linked rows: their schema, their records, their options, and what is missing in them."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from source_acumatica.airbyte.records import filled
from source_acumatica.erp.addresses import fits
from source_acumatica.odata.codec import odata_codec
from source_acumatica.odata.linked_tables import LinkedTable, joined_links
from source_acumatica.odata.query import ODataPlan, odata_options
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind
from source_acumatica.reading.window import Window

ADDRESS = LinkedTable({"City": FieldKind.STRING, "Since": FieldKind.DATE_TIME})
CUSTOMER = LinkedTable(
    {"AcctCD": FieldKind.STRING, "Limit": FieldKind.DECIMAL, "DueDate": FieldKind.DATE_TIME}, {"Home": ADDRESS}
)
TABLE = ODataTable(
    ODataFeed.TABLES, "SOOrder", "SOOrder", {"Nbr": FieldKind.STRING}, ("Nbr",), links={"Payer": CUSTOMER}
)
PLAN = ODataPlan(("Nbr",), is_keyset=True)
BODY = (
    b'{"value":[{"Nbr":"1","Payer":{"AcctCD":"C1   ","Limit":0.10000000000000000001,'
    b'"DueDate":"2026-01-05T00:00:00-05:00","Other":9,"Home":{"City":"Bern","Since":"2026-01-05T01:02:03"}}},'
    b'{"Nbr":"2","Payer":null},{"Nbr":"3","Payer":{"AcctCD":"C3","Limit":null,"DueDate":null,"Home":null}}]}'
)


def records(table, body, columns=None):
    codec = odata_codec(table, columns)
    rows = codec.decode(body).value
    made = [record for row in rows for record in codec.make_records("A", row)]
    plain = codec.decode_dicts(body).value
    assert msgspec.json.encode(made) == msgspec.json.encode(
        [each for row in plain for each in map(filled, table.rows("A", columns)(row))]
    )
    return msgspec.json.Decoder(float_hook=str).decode(msgspec.json.encode(made))


def test_linked_rows_are_objects_with_the_wanted_columns_as_the_table_s_own_come():
    one, two, three = records(TABLE, BODY)
    assert one["Payer"] == {
        "AcctCD": "C1",
        "Limit": "0.10000000000000000001",
        "DueDate": "2026-01-05T00:00:00+00:00",
        "Home": {"City": "Bern", "Since": "2026-01-05T01:02:03Z"},
    }
    assert "Payer" not in two or two["Payer"] is None
    assert three["Payer"] == {"AcctCD": "C3", "Limit": None, "DueDate": None, "Home": None}


def test_a_deselected_link_is_no_column_of_the_record():
    assert all("Payer" not in record for record in records(TABLE, BODY, frozenset({"Nbr"})))
    assert TABLE.wanted({"Nbr": {}}) == {"Nbr"}
    assert TABLE.wanted({"Payer": {}}) == {"Nbr", "Payer"}
    assert TABLE.wanted({"Nbr": {}, "Payer": {}, "_tenant": {}}) is None


def test_the_schema_has_the_types_of_the_linked_columns():
    schema = TABLE.json_schema()["properties"]["Payer"]
    assert schema["type"] == ["null", "object"]
    assert schema["properties"]["Limit"] == {"type": ["null", "number"]}
    assert schema["properties"]["Home"]["properties"].keys() == {"City", "Since"}


def test_the_tables_of_tenants_are_joined_link_by_link():
    other = LinkedTable({"AcctCD": FieldKind.INTEGER, "UsrX": FieldKind.STRING}, {"Work": ADDRESS})
    joined = joined_links({"Payer": CUSTOMER}, {"Payer": other, "Owner": ADDRESS})
    assert joined.keys() == {"Payer", "Owner"}
    assert joined["Payer"].fields["AcctCD"] is FieldKind.UNKNOWN
    assert joined["Payer"].fields["UsrX"] is FieldKind.STRING
    assert joined["Payer"].links.keys() == {"Home", "Work"}
    assert replace(TABLE, links={}).joined(TABLE).links == TABLE.links


def options(token, columns=None, table=TABLE):
    return odata_options(table, PLAN, columns, Window(), {"version": 4, "top": 5, **token})


def test_links_are_followed_where_a_request_asks_for_them():
    assert "$expand" not in options({})
    assert options({"links": ("Payer",)})["$expand"] == (
        "Payer($select=AcctCD,Limit,DueDate;$expand=Home($select=City,Since))"
    )
    assert (
        LinkedTable(links={"Home": ADDRESS}).option("Payer") == "Payer($select=Home;$expand=Home($select=City,Since))"
    )


def test_of_an_address_that_would_be_too_long_the_selections_are_left_out():
    fields = {f"Column{number:03d}": FieldKind.STRING for number in range(300)}
    many = replace(TABLE, fields={**fields, "Nbr": FieldKind.STRING})
    sent = options({"links": ("Payer",)}, frozenset(many.fields), many)
    assert "$select" not in sent
    assert "$select=AcctCD" in sent["$expand"]
    wide = replace(TABLE, links={"Payer": LinkedTable(fields, {"Home": ADDRESS})})
    sent = options({"links": ("Payer",)}, None, wide)
    assert sent["$expand"] == "Payer($expand=Home)"
    assert fits(sent)
