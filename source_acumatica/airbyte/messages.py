"""Keeps states behind the records that they cover, on their way from worker threads to standard output."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from queue import Queue
from typing import Any

from airbyte_cdk.models import AirbyteMessage, Level
from airbyte_cdk.sources.message.repository import InMemoryMessageRepository, LogMessage, MessageRepository

from source_acumatica.airbyte.records import RecordBatch


class RowQueue(Queue[Any]):
    """The queue of all rows from the workers to standard output, limited by bytes and not by messages.

    With a slow consumer it is always full, and a row can have two kilobytes or a megabyte.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__(maxsize=most_bytes)
        self._queued_bytes = 0

    def _put(self, item: Any) -> None:
        self._queued_bytes += _size_bytes(item)
        super()._put(item)

    def _get(self) -> Any:
        item = super()._get()
        self._queued_bytes -= _size_bytes(item)
        return item

    def _qsize(self) -> int:
        return self._queued_bytes


# Messages other than records are small and few.
_TYPICAL_BYTES = 1024


def _size_bytes(item: Any) -> int:
    """What a message takes, with what is staged for it: no more is staged ahead than a slow destination takes."""
    return len(item.text) + item.file_bytes if isinstance(item, RecordBatch) else _TYPICAL_BYTES


class OrderedMessageRepository(MessageRepository):
    """Workers' messages go through the queue of the records, which they cannot overtake; the main thread's stay here.

    The CDK's own repositories let a state leave before the records of its page (BEHAVIOR.md, "The CDK", trap A).
    """

    def __init__(self, queue: Queue[Any]) -> None:
        self._queue = queue
        self._pending: deque[AirbyteMessage] = deque()
        self._consumer = threading.get_ident()

    def consume_here(self) -> None:
        """Make the calling thread the one that empties the queue."""
        self._consumer = threading.get_ident()

    def emit_message(self, message: AirbyteMessage) -> None:
        """Queue ``message`` behind everything that its thread has queued before."""
        if threading.get_ident() == self._consumer:
            self._pending.append(message)
        else:
            self._queue.put(message)

    def log_message(self, level: Level, message_provider: Callable[[], LogMessage]) -> None:
        """Emit what ``message_provider`` gives as a log message, if ``level`` is logged."""
        one = InMemoryMessageRepository()
        one.log_message(level, message_provider)
        for message in one.consume_queue():
            self.emit_message(message)

    def consume_queue(self) -> Iterable[AirbyteMessage]:
        """The main thread's own messages."""
        while self._pending:
            yield self._pending.popleft()
