"""Times, windows and states for the tests of how far a tenant has been read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.paging import Position
from source_acumatica.reading.window import Window

LOOKBACK = timedelta(minutes=15)


NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


T0900, T1000, T1100, T1200 = (f"2026-11-22T{hour}:00:00.000000Z" for hour in ("09", "10", "11", "12"))


T0945, T1045 = "2026-11-22T09:45:00.000000Z", "2026-11-22T10:45:00.000000Z"


HALFWAY = Position(500, (("SO\x1f000499",), ("SO\x1f000500",)))


def windows(progress, start=None, lookback=LOOKBACK, now=NOON):
    return progress.windows(start, lookback, now)


INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


STAMPS = INSTANTS.map(format_instant)


POSITIONS = st.builds(
    Position,
    st.integers(0, 10**7),
    st.lists(st.lists(st.text(max_size=3), max_size=2).map(tuple), max_size=3).map(tuple),
)


WINDOWS = st.builds(Window, st.none() | STAMPS, st.none() | STAMPS, POSITIONS)


class Recorded:
    """A cursor and what it has emitted."""

    def __init__(self, tenants=("A", "B"), state=None, field="LastModified"):
        self.states = []
        self.cursor = TenantCursor(field, tenants, state or {}, self.states.append)

    def again(self, tenants=("A", "B")):
        """What the next run makes of the last state."""
        return Recorded(tenants, json.loads(json.dumps(self.states[-1])))
