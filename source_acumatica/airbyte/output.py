"""Turns the rows of a page into the record batches of a stream."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from airbyte_cdk.models import AirbyteMessage

from source_acumatica.airbyte.records import FileReference, Meta, RecordBatch, in_pieces
from source_acumatica.reading.codec import Codec, RawRow
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.table import Rows

# As much of what the ERP sent is turned into records at once.
_PIECE_BYTES = 256 * 1024


class Output:
    """The records of one stream; ``codec_of`` and ``rows_of`` give what makes them of a tenant's rows."""

    def __init__(self, stream: str, codec_of: Callable[[str], Codec], rows_of: Callable[[str], Rows]) -> None:
        self._stream, self._codec_of, self._rows_of = stream, codec_of, rows_of
        self._is_running = False
        """Whether the CDK has got a record and knows that the stream is running."""

    def pieces(self, reader: Reader, rows: Sequence[Raw]) -> Iterator[tuple[Sequence[Any], Sequence[str]]]:
        """The rows' records, a piece at a time, with the columns that these lack beside those that all lack."""
        for some, lacking in reader.runs(rows):
            yield from ((piece, lacking) for piece in self._pieces_of(reader, some))

    def _pieces_of(self, reader: Reader, rows: Sequence[Raw]) -> Iterator[Sequence[Any]]:
        """Cut by rows and again by records: all results of an inquiry form are in one row."""
        row_bytes = max(reader.record_bytes, 1.0)
        for some in in_pieces(rows, max(int(_PIECE_BYTES / row_bytes), 1)):
            records = self._records_of(reader.tenant, some)
            pieces = math.ceil(row_bytes * len(some) / (2 * _PIECE_BYTES))
            yield from in_pieces(records, max(math.ceil(len(records) / pieces), 1))

    def _records_of(self, tenant: str, rows: Sequence[Raw]) -> list[Any]:
        """The rows' records, made in the way in which their pages were decoded."""
        make, rows_of = self._codec_of(tenant).make_records, self._rows_of(tenant)
        return [
            record
            for row in rows
            for record in (make(tenant, row) if make and isinstance(row, RawRow) else rows_of(row))
        ]

    def begin_again(self) -> None:
        """Note that what follows has been sent before, and is wanted again."""

    def messages(self, records: Sequence[Any], meta: Meta | None = None) -> Iterator[AirbyteMessage]:
        """The records as one batch."""
        yield from self._batch(records, meta)

    def _batch(
        self, records: Sequence[Any], meta: Meta | None = None, files: Sequence[FileReference] = ()
    ) -> Iterator[AirbyteMessage]:
        """The first record of a stream is a message of its own, for the CDK to see."""
        if records:
            batch = RecordBatch.of(self._stream, records, meta, files)
            yield from [batch] if self._is_running else batch.with_single_first()
            self._is_running = True
