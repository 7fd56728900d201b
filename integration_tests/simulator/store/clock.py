"""The server's clocks: they follow the real one, tests move them forward instead of sleeping, and set them apart."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from enum import Enum

ELSEWHERE = timezone(timedelta(hours=2))


class DateForm(Enum):
    """How the web server writes `Date`; the first is what RFC 9110 wants, the next it allows."""

    USUAL = "usual"
    ASCTIME = "asctime"  # old, without a zone, in GMT
    NO_ZONE = "no_zone"
    MINUS_ZERO = "minus_zero"  # RFC 2822's way to say that the zone is not known
    OFFSET = "offset"  # that of another zone
    TWICE = "twice"  # a proxy an hour behind writes its own in front
    MISSING = "missing"
    GARBLED = "garbled"


def _usual(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


WRITERS: Mapping[DateForm, Callable[[datetime], list[str]]] = {
    DateForm.USUAL: lambda moment: [_usual(moment)],
    DateForm.ASCTIME: lambda moment: [moment.strftime("%a %b %e %H:%M:%S %Y")],
    DateForm.NO_ZONE: lambda moment: [_usual(moment).removesuffix(" GMT")],
    DateForm.MINUS_ZERO: lambda moment: [format_datetime(moment.replace(tzinfo=None))],
    DateForm.OFFSET: lambda moment: [format_datetime(moment.astimezone(ELSEWHERE))],
    DateForm.TWICE: lambda moment: [_usual(moment - timedelta(hours=1)), _usual(moment)],
    DateForm.MISSING: lambda moment: [],
    DateForm.GARBLED: lambda moment: ["yesterday"],
}
assert WRITERS.keys() == set(DateForm)


class Clock:
    """`now` is the time; the web server and the database each have a clock, which may say something else."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self.web_server_ahead_seconds = 0.0
        self.database_ahead_seconds = 0.0
        self.date_form = DateForm.USUAL

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def database_now(self) -> datetime:
        """What changes are stamped with."""
        return self.now() + timedelta(seconds=self.database_ahead_seconds)

    def web_server_now(self) -> datetime:
        return self.now() + timedelta(seconds=self.web_server_ahead_seconds)

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


def as_stored(instant: datetime) -> datetime:
    """SQL Server keeps a `datetime` in steps of 1/300 s and shows it in milliseconds (…0, …3, …7)."""
    moment = instant.astimezone(UTC)
    milliseconds = round(round(moment.microsecond * 300 / 1_000_000) * 10 / 3)
    return moment.replace(microsecond=0) + timedelta(milliseconds=milliseconds)
