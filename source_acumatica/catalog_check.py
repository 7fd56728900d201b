"""Checks that a configured stream fits its table as the ERP has it now."""

from __future__ import annotations

import logging
from collections.abc import Collection

from airbyte_cdk.models import ConfiguredAirbyteStream, SyncMode
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.configured import cursor_of, inquiry_names, is_deduplicated
from source_acumatica.contract.tables import Table
from source_acumatica.erp.errors import config_error
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.credentials import is_credential

logger = logging.getLogger("airbyte")


def misfit(
    table: Table | ODataTable, configured: ConfiguredAirbyteStream, settings: Config
) -> AirbyteTracedException | None:
    """Why the stream cannot be read as it is configured; None if it can."""
    return (
        _wrong_cursor(table, configured)
        or _missing_parameters(table, configured, settings)
        or _missing_tenant(configured, settings)
    )


def warn_of_lost_columns(
    table: Table | ODataTable, configured: ConfiguredAirbyteStream, known: Collection[str] = ()
) -> None:
    """Name the columns of the catalog that no tenant describes, since empty columns look like data.

    Those in ``known`` have been named already.
    """
    selected = configured.stream.json_schema.get("properties", {}).keys() - table.json_schema()["properties"].keys()
    lost = sorted(name for name in selected - {*known} if not name.startswith("_ab_") and not is_credential(name))
    if lost:
        logger.warning(
            f"Stream {table.name}: the ERP does not describe the columns {', '.join(lost)} (any more), so they come "
            "empty: refresh the connection's schema."
        )


def _wrong_cursor(table: Table | ODataTable, configured: ConfiguredAirbyteStream) -> AirbyteTracedException | None:
    """Why the cursor of the catalog cannot be used; of a table without fields, another error says why."""
    if configured.sync_mode is not SyncMode.incremental:
        return None
    if isinstance(table, Table):
        return _changed_cursor(table, configured)
    if not table.is_cursor_chosen or not table.fields or table.cursor:
        return None
    msg = (
        f"{table.name}: {table.chosen or 'no column'} was chosen for the cursor, which has to be the column with the "
        f"time of a row's last change. Choose among {', '.join(table.stamps) or 'none'} in the connection's schema, or "
        "Full Refresh."
    )
    return config_error(msg)


def _changed_cursor(table: Table, configured: ConfiguredAirbyteStream) -> AirbyteTracedException | None:
    """The error where the entity has another cursor now than in the catalog."""
    known = cursor_of(configured)
    if not (known and is_deduplicated(configured) and table.cursor_field) or known == table.cursor_field:
        return None
    return config_error(
        f"Stream {table.name}: its cursor is {known} in the connection's schema and {table.cursor_field} in the ERP: "
        "the destination cannot tell which of two records is the later one. Refresh the connection's schema."
    )


def _missing_parameters(
    table: Table | ODataTable, configured: ConfiguredAirbyteStream, settings: Config
) -> AirbyteTracedException | None:
    """The error where the key lacks a parameter with several values; a warning where only the columns lack it."""
    columns = [f"_param_{name}" for name in settings.varied(*inquiry_names(table)) if name in table.asked]
    keys = {path[0] for path in configured.primary_key or configured.stream.source_defined_primary_key or ()}
    where = f"Stream {table.name}: inquiry_parameters has several values, and"
    if is_deduplicated(configured):
        if not keys or not (missing := [name for name in columns if name not in keys]):
            return None
        return config_error(
            f"{where} {', '.join(missing)} is not part of the primary key, so the destination would keep the rows of "
            "one value only. Refresh the connection's schema; where you choose the key yourself, add it."
        )
    properties = configured.stream.json_schema.get("properties")
    if properties and (missing := [name for name in columns if name not in properties]):
        logger.warning(
            f"{where} the connection's schema does not have {', '.join(missing)}, so nobody can tell whose rows they "
            "are: refresh it."
        )
    return None


def _missing_tenant(configured: ConfiguredAirbyteStream, settings: Config) -> AirbyteTracedException | None:
    """The error where the user's own key does not separate the rows of several tenants."""
    keys = {path[0] for path in configured.primary_key or ()}
    if not (is_deduplicated(configured) and keys) or "_tenant" in keys or len(settings.tenants) == 1:
        return None
    return config_error(
        f"Stream {configured.stream.name}: _tenant is not part of the primary key, and rows of several tenants with "
        "the same key would overwrite one another. Add _tenant to it."
    )
