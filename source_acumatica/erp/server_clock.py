"""Measures the web server's clock by the ``Date`` header of an answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

logger = logging.getLogger("airbyte")

# Too small to report: answers take time on their way, and the header has no fractions of a second.
_UNREPORTED = timedelta(minutes=1)


def own_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


class ServerClocks:
    """The web server's clock as each tenant's first sign-in showed it."""

    def __init__(self, tolerance: timedelta) -> None:
        self._tolerance = tolerance
        self._times: dict[str, datetime] = {}

    def measure(self, tenant: str, header: str | None) -> None:
        """Take the time from an answer's ``Date`` header, if it is the tenant's first."""
        if tenant in self._times:
            return
        self._times[tenant], warning = server_now(header, own_now(), self._tolerance)
        if warning:
            logger.warning(f"Tenant '{tenant}': {warning}.")

    def of(self, tenant: str) -> datetime | None:
        """The measured time, in UTC; None before the first sign-in."""
        return self._times.get(tenant)


def server_now(header: str | None, own: datetime, tolerance: timedelta) -> tuple[datetime, str]:
    """The time at the server, in UTC, and a warning or empty text.

    No change may be skipped for good because a clock was wrong: the earlier of both clocks counts, which only makes the
    next window longer. A header that is missing or cannot be read leaves ``own``, the clock of this machine.
    """
    own = own.replace(microsecond=0)
    theirs = min(_dates(header or ""), default=None)
    if theirs is None:
        return own, ""
    if abs(theirs - own) <= tolerance:
        return theirs, ""
    if abs(theirs - own) <= _UNREPORTED:
        return min(theirs, own), ""
    warning = (
        f"the server's clock says {theirs.isoformat()}, the clock of this machine {own.isoformat()}: the earlier one "
        "is taken, so that no change is left out; set the one that is wrong"
    )
    return min(theirs, own), warning


def _dates(header: str) -> Iterator[datetime]:
    """The dates in a header, which is one value, or several joined by commas where proxies add their own.

    A date without a zone, or with an unknown one, is in UTC, as HTTP requires (RFC 9110, section 5.6.7), and never in
    the zone of this machine.
    """
    weekday = ""
    for part in header.split(","):
        if part.strip().isalpha():
            weekday = f"{part}, "
            continue
        text, weekday = weekday + part, ""
        try:
            date = parsedate_to_datetime(text)
            yield date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            # Not a date: the standard library's lenient parser raises different errors for it.
            continue
