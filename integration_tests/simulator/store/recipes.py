"""How the values of base rows are computed from a row's number."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from integration_tests.simulator.store.spots import Recipe, Spot, dashed
from integration_tests.simulator.store.values import Value

# Base rows were made in these two years: always before the clock, so that each change made later is newer.
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 700
TICKS_PER_DAY = 86_400 * 300

# Names that break careless code: quotes, umlauts, wide and astral characters, white space inside.
NAMES = (
    "Alta Ace", "Müller & Söhne GmbH", "O'Brien Supply", "株式会社サンプル", "Łódź Tekstylia", 'The "Quote" Company',
    "Transports 🚚 Étoile", "Ship\tand\nSail", "Περιστέρι", "Jevy Computers", "C:\\Back\\Slash Ltd.", "Núñez, Díaz",
)  # fmt: skip
CITIES = ("New York", "Zürich", "São Paulo", "東京", "Kraków", "Dublin", "Québec", "Austin")
SHARED_SALT = 7  # values drawn with it agree between the fields of one row


def serial(pattern: str) -> Recipe:
    return lambda spot, salt: pattern.format(spot.number + 1)


def listed(*values: str) -> Recipe:
    """Keys of a small table, in key order; rows inserted later get a number."""
    ordered = sorted(values, key=str.casefold)
    return lambda spot, salt: ordered[spot.number] if spot.number < len(ordered) else f"NEW{spot.number:06d}"


def block(*labels: str) -> Recipe:
    """The first part of a composite key: labels in key order, each over a run of the table's rows."""
    return lambda spot, salt: labels[min(spot.number * len(labels) // max(spot.count, 1), len(labels) - 1)]


def choice(*values: Value) -> Recipe:
    return lambda spot, salt: values[spot.roll(salt, len(values))]


def refer(pattern: str) -> Recipe:
    """The key of some row of another large table."""
    return lambda spot, salt: pattern.format(spot.roll(salt, max(spot.rows, 1)) + 1)


def text(pattern: str) -> Recipe:
    return lambda spot, salt: pattern.format(NAMES[spot.roll(salt, len(NAMES))], spot.number + 1)


def sometimes(recipe: Recipe, one_in: int = 3) -> Recipe:
    """Null in one of so many rows."""
    return lambda spot, salt: None if spot.roll(salt + 1, one_in) == 0 else recipe(spot, salt)


def amount(scale: int = 6, below: int = 100_000) -> Recipe:
    """Money: whole units mostly, cents at times, with all the digits of the column's scale."""

    def make(spot: Spot, salt: int) -> Decimal:
        cents = spot.roll(salt, below * 100)
        if spot.roll(salt + 2, 2):
            cents -= cents % 100
        return Decimal(cents * 10 ** (scale - 2)).scaleb(-scale)

    return make


def entry(side: int) -> Recipe:
    """Double entry: of two lines, the first debits (side 0) an amount, and the second credits it (side 1).

    A line that somebody has entered has nothing on either side, until it is given.
    """

    def make(spot: Spot, salt: int) -> Decimal:
        assert spot.parent is not None
        is_entered = "Details" in spot.parent.given
        if is_entered or spot.number % 2 != side:
            return Decimal("0.0000")
        return Decimal(hash((spot.seed, spot.number // 2, SHARED_SALT)) % 1_000_000_000 + 1).scaleb(-4)

    return make


def of_base_rows(recipe: Recipe, later: Value) -> Recipe:
    """Records that are entered later all begin with one value."""
    return lambda spot, salt: recipe(spot, salt) if spot.number < spot.count else later


def long_decimal(spot: Spot, salt: int) -> Decimal:
    """Eighteen significant digits: more than a binary float keeps."""
    return Decimal(123456789012_345678 + spot.roll(salt, 10**9) * 10**3 + spot.number % 1000).scaleb(-6)


def whole(low: int, high: int) -> Recipe:
    return lambda spot, salt: low + spot.roll(salt, high - low + 1)


def flag(spot: Spot, salt: int) -> bool:
    return spot.roll(salt, 2) == 1


def day(spot: Spot, salt: int) -> date:
    return FIRST_DAY.date() + timedelta(days=spot.roll(salt, DAYS))


def _after_first_day(ticks: int) -> datetime:
    """SQL Server counts a `datetime` in ticks of 1/300 s and shows it in milliseconds (…0, …3, …7)."""
    return FIRST_DAY + timedelta(milliseconds=(ticks * 20 + 3) // 6)


def created(spot: Spot, salt: int) -> datetime:
    return _after_first_day(spot.roll(SHARED_SALT, DAYS * TICKS_PER_DAY))


def modified(spot: Spot, salt: int) -> datetime:
    """A third of the rows were touched by a mass process, which gave hundreds of them one and the same stamp."""
    if spot.roll(SHARED_SALT + 1, 3) == 0:
        return FIRST_DAY + timedelta(days=DAYS + 7 * spot.roll(SHARED_SALT + 2, 3), hours=2)
    later = spot.roll(SHARED_SALT + 4, 30 * TICKS_PER_DAY)
    return _after_first_day(spot.roll(SHARED_SALT, DAYS * TICKS_PER_DAY) + later)


def line_number(spot: Spot, salt: int) -> int:
    return spot.number + 1


def inherited(name: str) -> Recipe:
    """A key of the record above, repeated in its lines."""

    def make(spot: Spot, salt: int) -> Value:
        assert spot.parent is not None
        return spot.parent.value(name)

    return make


def own_id(spot: Spot, salt: int) -> str:
    return spot.id


def guid(spot: Spot, salt: int) -> str:
    return dashed(f"{spot.roll(salt, 1 << 60):016x}{spot.roll(salt + 1, 1 << 60):016x}")


def nothing(spot: Spot, salt: int) -> None:
    return None
