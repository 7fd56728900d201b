"""The server's clock: it follows the real one, and tests move it forward instead of sleeping."""

from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


def as_stored(instant: datetime) -> datetime:
    """SQL Server keeps a `datetime` in steps of 1/300 s and shows it in milliseconds (…0, …3, …7)."""
    moment = instant.astimezone(UTC)
    milliseconds = round(round(moment.microsecond * 300 / 1_000_000) * 10 / 3)
    return moment.replace(microsecond=0) + timedelta(milliseconds=milliseconds)
