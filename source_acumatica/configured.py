"""Reads what the configured catalog says about a table: its key, its cursor and its columns."""

from __future__ import annotations

from dataclasses import replace

from airbyte_cdk.models import ConfiguredAirbyteStream, DestinationSyncMode, SyncMode

from source_acumatica.airbyte.keys import KeyWatch
from source_acumatica.config import Config
from source_acumatica.contract.forms import form_names
from source_acumatica.contract.tables import Table
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind


def is_deduplicated(configured: ConfiguredAirbyteStream) -> bool:
    """Whether the destination keeps only one of the records with the same key."""
    return configured.destination_sync_mode is DestinationSyncMode.append_dedup


def cursor_of(configured: ConfiguredAirbyteStream) -> str | None:
    """The column by which the destination decides which record of a key is the latest."""
    return next(iter([*(configured.cursor_field or ()), *(configured.stream.default_cursor_field or ())]), None)


def inquiry_names(table: Table | ODataTable) -> tuple[str, ...]:
    """The names under which the settings may give the inquiry parameters."""
    return (table.title,) if isinstance(table, ODataTable) else form_names(table.endpoint, table.entity)


def as_configured(
    table: Table | ODataTable, configured: ConfiguredAirbyteStream, settings: Config
) -> Table | ODataTable:
    """The table with what only the catalog and the settings know: its row filter, key and cursor."""
    given = settings.parameter_sets(*inquiry_names(table))[0]
    columns = configured.stream.json_schema.get("properties", {})
    # The catalog may be from a time with several values: the key of its rows still contains the value that is left.
    asked = table.asked or tuple(name for name in given if f"_param_{name}" in columns)
    table = replace(table, condition=settings.condition(table.name), asked=asked)
    keys = [".".join(path) for path in configured.stream.source_defined_primary_key or configured.primary_key or ()]
    if isinstance(table, ODataTable):
        is_tracked = table.is_tracked and keys == ["_tenant", table.id_field]
        chosen = _chosen_cursor(configured) if table.is_cursor_chosen else None
        # Rows are ordered and asked for by the described keys; another key, of the user or of a time when the inquiry
        # had fewer tables, says nothing about those. Then all rows are read, and show whether that key repeats.
        columns = {name for name in keys if name != "_tenant" and not name.startswith("_param_")}
        are_unique = is_tracked or (bool(columns) and columns == set(table.keys))
        return replace(table, is_tracked=is_tracked, are_keys_unique=are_unique, chosen=chosen)
    led = table.led_by(cursor_of(configured) or "")
    if not settings.track_deletions or not led.dac or keys != ["_tenant", led.id_field]:
        return led
    return led.tracked()


def with_cursor_of(table: Table | ODataTable, configured: ConfiguredAirbyteStream) -> Table | ODataTable:
    """The table of all tenants with the catalog's cursor, which only some of them have, or one that has failed."""
    known = cursor_of(configured)
    if not known or table.cursor_field == known or (isinstance(table, Table) and table.path):
        return table
    if isinstance(table, Table):
        return replace(table, cursor=known)
    chosen = known if table.is_cursor_chosen else None
    return replace(table, fields={**table.fields, known: FieldKind.DATE_TIME}, chosen=chosen)


def _chosen_cursor(configured: ConfiguredAirbyteStream) -> str | None:
    return cursor_of(configured) if configured.sync_mode is SyncMode.incremental else None


def key_watch(configured: ConfiguredAirbyteStream) -> KeyWatch:
    """Watches the primary key that the destination uses, if it consists of columns and not of parts of them."""
    paths = configured.primary_key or configured.stream.source_defined_primary_key or []
    names = tuple(path[0] for path in paths) if all(len(path) == 1 for path in paths) else ()
    return KeyWatch(
        names,
        is_deduplicated(configured),
        is_the_tables=not configured.stream.name.startswith(ODataFeed.INQUIRIES.prefix),
        is_chosen=not configured.stream.source_defined_primary_key,
    )
