"""Tests which of the catalog's columns a tenant has, has no more, or never had."""

from __future__ import annotations

from dataclasses import replace

from source_acumatica.airbyte.catalog_columns import CatalogColumns
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import FieldKind

NAMES = ("Key", "Name", "Terms", "Zone")
TABLE = ODataTable(ODataFeed.TABLES, "T", "T", dict.fromkeys(NAMES, FieldKind.STRING), ("Key",))
TABLES = {"A": TABLE, "B": replace(TABLE, fields=dict.fromkeys(NAMES[:2], FieldKind.STRING))}
CONFIGURED = {name: {} for name in (*NAMES[:-1], "_tenant", "custom")}


def columns(came_before=()):
    progress = TenantCursor("At", ["A", "B"], {}, lambda _state: None)
    facts = {tenant: TenantFacts(progress, tenant, lambda: None) for tenant in TABLES}
    facts["B"].gives(came_before, ())
    return CatalogColumns(CONFIGURED, TABLES.__getitem__, facts.__getitem__)


def test_only_configured_columns_of_the_erp_are_compared():
    assert columns().present("A") == {"Key", "Name", "Terms"}
    assert (columns().absent("A"), columns().missed("A")) == ([], [])


def test_a_column_that_never_came_is_absent_and_one_that_came_is_missed():
    assert (columns().absent("B"), columns().missed("B")) == (["Terms"], [])
    assert (columns(["Key", "Terms"]).absent("B"), columns(["Key", "Terms"]).missed("B")) == ([], ["Terms"])
