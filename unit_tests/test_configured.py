"""Tests of what the catalog and the settings add to a table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airbyte_cdk.models import ConfiguredAirbyteStreamSerializer

from source_acumatica.config import Config
from source_acumatica.configured import as_configured, cursor_of, is_deduplicated, key_watch
from source_acumatica.contract.tables import Method, Table
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind, Shape

NEEDED = {
    "instance_url": "https://erp.example.com",
    "tenants": ["A"],
    **dict.fromkeys(("client_id", "client_secret", "username", "password"), "x-y-z"),
}
STAMPS = {"Nbr": FieldKind.STRING, "At": FieldKind.DATE_TIME, "LastModifiedOn": FieldKind.DATE_TIME}
ORDER = Table("Default", "24.200.001", "SalesOrder", Method.LIST, Shape(STAMPS), ("Nbr",), "At", dac="PX.SO.SOOrder")
INQUIRY = ODataTable(ODataFeed.INQUIRIES, "Orders", "Orders", STAMPS, ("Nbr",))
TABLE = ODataTable(ODataFeed.TABLES, "SOOrder", "SOOrder", STAMPS, ("Nbr",), is_tracked=True)


def configured(name, key=(), *, chosen_key=(), cursor=(), destination="append_dedup", columns=()):
    """One stream of a configured catalog; ``key`` is the source's own."""
    return ConfiguredAirbyteStreamSerializer.load(
        {
            "stream": {
                "name": name,
                "json_schema": {"properties": {column: {} for column in columns}},
                "supported_sync_modes": ["full_refresh", "incremental"],
                "source_defined_primary_key": [part.split(".") for part in key],
            },
            "primary_key": [part.split(".") for part in chosen_key],
            "cursor_field": [*cursor],
            "sync_mode": "incremental" if cursor else "full_refresh",
            "destination_sync_mode": destination,
        }
    )


def settings(**more):
    return Config.parse({**NEEDED, **more})


def test_a_row_filter_becomes_the_tables_condition():
    given = settings(row_filters=[{"stream": "Sales*", "filter": "Nbr eq '1'"}])
    assert as_configured(ORDER, configured("SalesOrder"), given).condition == "(Nbr eq '1')"
    assert as_configured(TABLE, configured("dac__SOOrder"), given).condition == ""


@pytest.mark.parametrize(
    ("key", "tracks", "expected"),
    [(["_tenant", "id"], True, True), (["_tenant", "id"], False, False), (["_tenant", "Nbr"], True, False)],
)
def test_an_entity_is_read_with_deletions_if_the_catalog_has_its_id_for_the_key(key, tracks, expected):
    table = as_configured(ORDER, configured("SalesOrder", key), settings(track_deletions=tracks))
    assert table.is_tracked is expected


def test_the_cursor_of_the_catalog_stays_while_the_entity_has_it():
    one = configured("SalesOrder", cursor=["LastModifiedOn"])
    assert as_configured(ORDER, one, settings()).cursor == "LastModifiedOn"
    assert as_configured(ORDER, configured("SalesOrder", cursor=["Gone"]), settings()).cursor == "At"


@pytest.mark.parametrize(
    ("keys", "expected"), [(["_tenant", "Nbr"], True), (["_tenant", "Other"], False), (["_tenant"], False)]
)
def test_only_described_keys_are_taken_to_be_unique(keys, expected):
    assert as_configured(INQUIRY, configured("gi__Orders", chosen_key=keys), settings()).are_keys_unique is expected


def test_the_user_chooses_the_cursor_of_an_inquiry_and_of_no_table():
    assert as_configured(INQUIRY, configured("gi__Orders", cursor=["At"]), settings()).chosen == "At"
    assert as_configured(INQUIRY, configured("gi__Orders"), settings()).chosen is None
    assert as_configured(TABLE, configured("dac__SOOrder", cursor=["At"]), settings()).chosen is None


def test_a_value_that_is_left_of_several_stays_in_the_rows_while_the_catalog_has_its_column():
    given = settings(inquiry_parameters=[{"inquiry": "Orders", "name": "Branch", "value": "NORTH"}])
    one = configured("gi__Orders", columns=["_param_Branch"])
    assert as_configured(INQUIRY, one, given).asked == ("Branch",)
    assert as_configured(INQUIRY, configured("gi__Orders"), given).asked == ()


def test_a_key_of_the_users_own_is_watched_and_one_within_a_column_is_not():
    assert key_watch(configured("X", ["_tenant", "Nbr"], chosen_key=["Other"])).names == ("Other",)
    assert key_watch(configured("X", ["_tenant", "Nbr"])).names == ("_tenant", "Nbr")
    assert key_watch(configured("X", chosen_key=["BillTo.id"])).names == ()


def test_the_destination_deduplicates_in_one_mode_only():
    assert is_deduplicated(configured("X"))
    assert not is_deduplicated(configured("X", destination="append"))


def test_the_cursor_that_was_chosen_comes_before_the_sources_own():
    one = configured("X", cursor=["At"])
    one.stream.default_cursor_field = ["LastModifiedOn"]
    assert cursor_of(one) == "At"
    one.cursor_field = []
    assert cursor_of(one) == "LastModifiedOn"


def test_a_part_of_the_described_key_identifies_no_row():
    """An older catalog, or another tenant, may lack a column of a further table."""
    longer = replace(INQUIRY, keys=("Nbr", "Line"), fields={**INQUIRY.fields, "Line": INQUIRY.fields["Nbr"]})
    for keys, expected in ((["_tenant", "Nbr"], False), (["_tenant", "Line", "Nbr"], True)):
        assert as_configured(longer, configured("gi__Orders", keys), settings()).are_keys_unique is expected
