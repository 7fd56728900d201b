"""Sends the lines of records that only a comparison of keys has found: no change of the records shows them either."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from airbyte_cdk.models import AirbyteMessage, FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.fields import Raw, moved
from source_acumatica.reading.marks import mark_of
from source_acumatica.reading.reader import Reader, rows_found
from source_acumatica.reading.record_ids import as_text, of_text
from source_acumatica.reading.table import StreamTable

logger = logging.getLogger("airbyte")

# 13 kB of a state. Each sync brings at most 300, and the streams of lines follow in it, or in the next one.
_MOST_BROUGHT_CHARACTERS = 13_000

# A stream of lines that fails for longer is looked after.
_TIME_TO_FOLLOW = timedelta(days=3)

Brought = Mapping[str, str]
"""The ids of records, as a text, by the time of the comparison that brought them."""


def with_brought(where: str, before: Brought, at: str, ids: Sequence[str]) -> Brought:
    """The same with what a comparison has brought now, without the oldest ones where they get too many.

    The log says so where streams of lines that failed since may miss those.
    """
    brought = {**before, at: as_text(ids)}
    for oldest in sorted(brought):
        if len(brought) == 1 or sum(map(len, brought.values())) <= _MOST_BROUGHT_CHARACTERS:
            break
        del brought[oldest]
        if moved(oldest, _TIME_TO_FOLLOW) > at:
            logger.warning(
                f"{where}: so many records have come by comparing keys that those of {oldest} are not remembered any "
                "more. If a stream of their lines has failed since then, refresh that stream."
            )
    return brought


def dependent_rows(
    reader: Reader,
    table: StreamTable,
    progress: TenantCursor | None,
    brought: Mapping[tuple[str, str], Brought],
    send: Callable[[Reader, Sequence[Raw]], Iterator[AirbyteMessage]],
) -> Iterator[AirbyteMessage]:
    """The rows that belong to records whose keys were ``brought``, unless they were sent before.

    The keys stand there by tenant and family of tables. What cannot be read now comes with the next sync.
    """
    if progress is None or table.record_id == table.id_field:
        return
    found = {mark_of(f"{at} {ids}"): ids for at, ids in brought.get((reader.tenant, table.family), {}).items()}
    before = [mark for mark in progress.progress(reader.tenant).followed if mark in found]
    try:
        for mark in [mark for mark in found if mark not in before]:
            yield from _rows(reader, found[mark], send)
            before.append(mark)
    except PoolClosed:
        raise
    except AirbyteTracedException as error:
        if error.failure_type is FailureType.config_error:
            raise
        logger.warning(
            f"{message_of(error)}. The rows of records that were found by comparing keys are asked for again with the "
            "next sync; all else is read."
        )
    if found:
        progress.note(reader.tenant, followed=tuple(before))


def _rows(
    reader: Reader, text: str, send: Callable[[Reader, Sequence[Raw]], Iterator[AirbyteMessage]]
) -> Iterator[AirbyteMessage]:
    try:
        ids = of_text(text)
    except ValueError as error:
        logger.warning(f"{reader.where}: {error}: the rows of records that were found by comparing keys do not come.")
        return
    logger.info(f"{reader.where}: the rows of {len(ids):,} records are read, since comparing keys has found these.")
    for rows in rows_found(reader, ids):
        yield from send(reader, rows)
