"""Checks that a configured stream fits its table as the ERP has it now."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from airbyte_cdk.models import ConfiguredAirbyteStream, SyncMode
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.configured import cursor_of, inquiry_names, is_deduplicated, with_cursor_of
from source_acumatica.contract.tables import Table
from source_acumatica.erp.errors import config_error
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.credentials import is_credential

logger = logging.getLogger("airbyte")


Own = Mapping[str, Table | ODataTable | AirbyteTracedException]
"""By tenant: the stream's table there, or why it cannot be read."""


def fitted(
    table: Table | ODataTable, own: Own, configured: ConfiguredAirbyteStream, settings: Config
) -> tuple[Table | ODataTable, Own]:
    """The stream's table and those of the tenants, with an error for each that cannot be read as it is configured.

    Each tenant is judged by what it has itself. That none has the catalog's cursor is known only if none has failed.
    """
    tables = [each for each in own.values() if not isinstance(each, AirbyteTracedException)]
    error = _missing_parameters(table, configured, settings) or _missing_tenant(configured, settings)
    own = {
        tenant: each if isinstance(each, AirbyteTracedException) else _other_columns(each, configured) or each
        for tenant, each in own.items()
    }
    if configured.sync_mode is SyncMode.incremental and tables and not error:
        known = cursor_of(configured)
        if known and (len(tables) < len(own) or any(each.cursor_field == known for each in tables)):
            table = with_cursor_of(table, configured)
            return table, {tenant: _unless_wrong(tenant, each, configured) for tenant, each in own.items()}
        error = _wrong_cursor(table, configured)
    return table, dict.fromkeys(own, error) if error else own


def warn_of_untracked(streams: Collection[tuple[Table | ODataTable, Table | ODataTable]]) -> None:
    """Name the streams whose deleted records do not come because the catalog has another key for them.

    ``streams``: those that are read incrementally while deleted records are to be tracked, each as the ERP has it and
    as it is configured. Whether OData shows the table of an entity with a NoteID is known at discovery only; a catalog
    in which any stream is tracked is newer than the setting.
    """
    if any(configured.is_tracked for _, configured in streams):
        sure, unsure = [table.name for table, one in streams if table.is_tracked and not one.is_tracked], []
    else:
        sure = [table.name for table, _ in streams if table.is_tracked]
        unsure = [table.name for table, _ in streams if isinstance(table, Table) and table.dac and not table.path]
    if sure or unsure:
        otherwise = f" Of {', '.join(unsure)}, OData may not show the table instead." if unsure else ""
        logger.warning(
            f"Deleted records are not sent for {', '.join([*sure, *unsure])}: the connection's schema has another key "
            "for them than Track deleted records needs. If it is from a time without that setting, refresh the schema, "
            f"and then these streams.{otherwise}"
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


def _unless_wrong(
    tenant: str, own: Table | ODataTable | AirbyteTracedException, configured: ConfiguredAirbyteStream
) -> Table | ODataTable | AirbyteTracedException:
    """The tenant's table, or the error if what it has under the name of the chosen cursor is no stamp."""
    if not isinstance(own, ODataTable) or cursor_of(configured) not in own.fields:
        return own
    return _wrong_cursor(own, configured, f"Tenant '{tenant}', ") or own


def _wrong_cursor(
    table: Table | ODataTable, configured: ConfiguredAirbyteStream, where: str = ""
) -> AirbyteTracedException | None:
    """Why the cursor of the catalog cannot be used; of a table without fields, another error says why."""
    if isinstance(table, Table):
        return _changed_cursor(table, configured)
    if not table.is_cursor_chosen or not table.fields or table.cursor:
        return None
    stamps = ", ".join(table.stamps) or "none"
    msg = (
        f"{where}{table.name}: {table.chosen or 'no column'} was chosen for the cursor, which has to be the column "
        f"with the time of a row's last change. Choose among {stamps} in the connection's schema, or Full Refresh."
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


def _other_columns(table: Table | ODataTable, configured: ConfiguredAirbyteStream) -> AirbyteTracedException | None:
    """The error where the catalog is from another contract version, by whose types values would be dropped."""
    if not isinstance(table, Table):
        return None
    known = configured.stream.json_schema.get("properties", {})
    now = table.json_schema()["properties"]
    other = [name for name in known.keys() & now.keys() if _is_other(known[name], now[name])]
    if not other:
        return None
    return config_error(
        f"Stream {table.name}: in the connection's schema, the columns {', '.join(sorted(other))} have other types "
        f"than contract version {table.contract} of the endpoint gives them, and the destination would drop their "
        "values. Refresh the connection's schema, and then the stream; or name the earlier version in endpoints."
    )


def _is_other(known: Any, now: Mapping[str, Any]) -> bool:
    """Whether one of both is a date and the other one a time, or one of both a list, or a number became a text."""
    if not isinstance(known, dict) or "type" not in known:
        return False
    formats = {known.get("format"), now.get("format")}
    before, today = ({*schema.get("type", ())} for schema in (known, now))
    is_text_now = "integer" in before and "string" in today
    return formats == {"date", "date-time"} or ("array" in before) != ("array" in today and bool(today)) or is_text_now


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
