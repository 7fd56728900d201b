"""Refuses to read what the destination would mix up or drop."""

from __future__ import annotations

import logging

from source_acumatica.airbyte.keys import KeyWatch
from source_acumatica.erp.errors import config_error
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.read_with import ReadWith, asks_for_more, explain_mixture
from source_acumatica.reading.table import StreamTable

logger = logging.getLogger("airbyte")


def begin(progress: TenantCursor, tenant: str, read_with: ReadWith, where: str) -> None:
    """Take the settings into the state: only now, since the tenant has answered.

    Raises:
        AirbyteTracedException: a ``config_error``, where the destination would mix the rows of two instances.
    """
    was = progress.progress(tenant).was_read_with
    if reason := explain_mixture(was, read_with):
        msg = f"{where}: {reason}."
        raise config_error(msg)
    for reason in asks_for_more(was, read_with):
        logger.warning(f"{where}: {reason}, so it is read anew.")
    place = progress.progress(tenant).rereading
    progress.begin(tenant, read_with)
    again = progress.progress(tenant).rereading
    if place and again and again.place != place.place:
        logger.info(f"{where}: other settings apply now, so rows are read again from the beginning of the list.")


def refuse_lost_columns(
    where: str, table: StreamTable, cursor: str | None, keys: KeyWatch, was: Progress | None
) -> None:
    """Refuse a tenant's ``table`` without the columns of the key, or without the ``cursor`` that it had before.

    A destination that deduplicates goes by both, and drops records without them.

    Raises:
        AirbyteTracedException: a ``config_error`` that names the column.
    """
    described = table.json_schema()["properties"]
    keys.refuse_lost(where, described)
    if not (was and keys.deduplicates):
        return
    # A tenant that never had the stamp has no row with a later one, and the lines of a document have its stamp.
    is_lost = bool(was.newest) and table.cursor_field is None
    if is_lost or (cursor not in described and cursor in was.columns):
        msg = (
            f"{where}: the cursor {cursor or 'column'} has come before, and the ERP does not describe it now: "
            "the destination keeps rows that have it before those without, so no change would arrive. Bring it "
            "back under its name; if it was removed for good, refresh the connection's schema and the stream."
        )
        raise config_error(msg)
