"""Tells Airbyte which streams a limit of the ERP holds up, and how many rows to expect."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from airbyte_cdk.models import (
    AirbyteEstimateTraceMessage,
    AirbyteMessage,
    AirbyteStreamStatus,
    AirbyteStreamStatusReason,
    AirbyteStreamStatusReasonType,
    AirbyteTraceMessage,
    EstimateType,
    StreamDescriptor,
    TraceType,
    Type,
)
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message
from airbyte_protocol_dataclasses.models import AirbyteStreamStatusRateLimitedReason  # type: ignore[import-untyped]

from source_acumatica.erp.waits import HoldUp

# With one seat, streams take turns all the time; only a wait that a user would notice is one.
LOOK_SECONDS = 1.0
LOOKS_BEFORE_A_SIGNAL = 5


HeldUp = Callable[[str, Sequence[str]], HoldUp | None]
"""What holds up a list, among all that are read."""


@dataclass
class _Stream:
    """A stream that is being read."""

    places: list[str] = field(default_factory=list)
    """Its lists, one of each tenant that is read at the moment, as log lines call them."""
    looks: int = 0
    """So many times in succession all of these were held up."""
    is_said: bool = False
    """Whether Airbyte was told so."""


class Signals:
    """Looks, from a thread of its own, whether the streams that are being read make progress.

    ``hold_up`` says what holds up a list; a stream is held up if all of its lists are. Airbyte is told once when that
    begins to matter, and once when it is over.
    """

    def __init__(self, emit: Callable[[AirbyteMessage], None], hold_up: HeldUp) -> None:
        self._emit, self._hold_up = emit, hold_up
        self._streams: dict[str, _Stream] = {}
        # Held while a message is emitted: a stream must not end in between, since its status would come too late.
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, stream: str, where: str) -> Iterator[None]:
        """Look after a list of ``stream`` for as long as this lasts."""
        with self._lock:
            self._streams.setdefault(stream, _Stream()).places.append(where)
        try:
            yield
        finally:
            with self._lock:
                self._end(stream, where)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look for as long as this lasts."""
        has_ended = threading.Event()

        def watch() -> None:
            while not has_ended.wait(LOOK_SECONDS):
                self.look()

        threading.Thread(target=watch, name="signals", daemon=True).start()
        try:
            yield
        finally:
            has_ended.set()

    def look(self) -> None:
        """Tell Airbyte of what has changed since the last look."""
        with self._lock:
            places = [place for stream in self._streams.values() for place in stream.places]
            for name, stream in self._streams.items():
                hold_ups = [self._hold_up(place, places) for place in stream.places]
                if all(hold_ups):
                    stream.looks += 1
                    if stream.looks == LOOKS_BEFORE_A_SIGNAL:
                        stream.is_said = True
                        self._emit(rate_limited(name, [each for each in hold_ups if each]))
                else:
                    self._go_on(name, stream)

    def estimate(self, stream: str, rows: int) -> None:
        """Tell Airbyte how many rows of ``stream`` will come; it takes the last such message as the whole number."""
        about = AirbyteEstimateTraceMessage(name=stream, type=EstimateType.STREAM, row_estimate=rows)
        trace = AirbyteTraceMessage(type=TraceType.ESTIMATE, emitted_at=time.time() * 1000, estimate=about)
        self._emit(AirbyteMessage(type=Type.TRACE, trace=trace))

    def _end(self, name: str, where: str) -> None:
        stream = self._streams[name]
        stream.places.remove(where)
        if not stream.places:
            self._go_on(name, stream)
            del self._streams[name]

    def _go_on(self, name: str, stream: _Stream) -> None:
        stream.looks = 0
        if stream.is_said:
            stream.is_said = False
            self._emit(as_airbyte_message(StreamDescriptor(name=name), AirbyteStreamStatus.RUNNING))


def rate_limited(stream: str, hold_ups: list[HoldUp]) -> AirbyteMessage:
    """The status of a stream that is held up, with the time at which it goes on, where that is known."""
    resets_at = min((each.ends_at for each in hold_ups if each.ends_at), default=None)
    quota = AirbyteStreamStatusRateLimitedReason(quota_reset=int(resets_at * 1000)) if resets_at else None
    reason = AirbyteStreamStatusReason(type=AirbyteStreamStatusReasonType.RATE_LIMITED, rate_limited=quota)
    return as_airbyte_message(StreamDescriptor(name=stream), AirbyteStreamStatus.RUNNING, [reason])
