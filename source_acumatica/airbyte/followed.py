"""Sends the lines of records that only a comparison of keys has found: no change of the records shows them either."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from airbyte_cdk.models import AirbyteMessage

from source_acumatica.airbyte.records import in_pieces
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.record_ids import of_text
from source_acumatica.reading.table import StreamTable

logger = logging.getLogger("airbyte")

# Each is a request of its own; so many are held in memory.
_ROWS_AT_ONCE = 30
_MARK_CHARACTERS = 12


def followed(
    reader: Reader,
    table: StreamTable,
    progress: TenantCursor | None,
    brought: Mapping[tuple[str, str], str],
    send: Callable[[Reader, Sequence[Raw]], Iterator[AirbyteMessage]],
) -> Iterator[AirbyteMessage]:
    """The rows that belong to records whose keys were ``brought``, unless they were sent before.

    The keys stand there by tenant and family of tables. If the stream is cut off, all come with the next sync.
    """
    if progress is None or table.record_id == table.id_field:
        return
    found = brought.get((reader.tenant, table.family), "")
    mark = hashlib.sha256(found.encode()).hexdigest()[:_MARK_CHARACTERS]
    if not found or progress.progress(reader.tenant).followed == mark:
        return
    try:
        ids = of_text(found)
    except ValueError as error:
        logger.warning(f"{reader.where}: {error}: the rows of records that were found by comparing keys do not come.")
        return
    logger.info(f"{reader.where}: the rows of {len(ids):,} records are read, since comparing keys has found these.")
    for some in in_pieces(ids, _ROWS_AT_ONCE):
        rows = [row for _, row in reader.by_ids(some, is_unconditional=True) if row is not None]
        yield from send(reader, rows)
    progress.note(reader.tenant, followed=mark)
