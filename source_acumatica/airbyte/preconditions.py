"""Refuses to read what the destination would mix up or drop, and warns of what looks wrong before."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from source_acumatica.airbyte.keys import KeyWatch
from source_acumatica.erp.errors import Action, RequestFailed, config_error
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.read_with import ReadWith, asks_for_more, explain_mixture
from source_acumatica.reading.table import StreamTable

logger = logging.getLogger("airbyte")

_NOT_EMPTIED = (
    "a full refresh would empty the destination's table on that word alone, and OData does not show that there are no "
    "rows: fill in the preferences that are named, read the stream incrementally, or leave it out"
)


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
        logger.warning(f"{where}: {reason}, so it is read again in full.")
    place = progress.progress(tenant).rereading
    progress.begin(tenant, read_with)
    again = progress.progress(tenant).rereading
    if place and again and again.place != place.place:
        logger.info(f"{where}: other settings apply now, so rows are read again from the beginning of the list.")


def warn_of_future(where: str, was: Progress, now: datetime | None) -> None:
    """Warn if what was read last reaches up to later than the server's clock."""
    if was.is_ahead_of(now):
        logger.warning(
            f"{where}: what was read last reaches up to {was.last_end}, which lies in the future of the server's clock "
            f"({now}): one of both clocks is or was wrong. Reading again what may be missing."
        )


def not_passed_over(error: RequestFailed, where: str, *, has_state: bool) -> RequestFailed:
    """The failure of a form that is said not to be set up, and may have rows."""
    remedy = "rows have come before, so it is not passed over" if has_state else _NOT_EMPTIED
    sentence = f"{error.problem.sentence}; {remedy}"
    return RequestFailed(replace(error.problem, action=Action.STOP, sentence=sentence), where)


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
