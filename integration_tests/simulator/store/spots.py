"""The spot of a record: all that its computed values and its id depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from integration_tests.simulator.store.values import Value

# An odd factor has an inverse modulo 2^64: ids look random, and the row number can be read back from one.
SPREAD = 0x9E3779B97F4A7C15
WORD = 1 << 64


def dashed(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def note_id(id_seed: int, number: int) -> str:
    return dashed(f"{id_seed % WORD:016x}{(number + 1) * SPREAD % WORD:016x}")


def number_of(id_seed: int, identity: str) -> int | None:
    digits = identity.replace("-", "").lower()
    if digits[:16] != f"{id_seed % WORD:016x}":
        return None
    return int(digits[16:], 16) * pow(SPREAD, -1, WORD) % WORD - 1


class Parent(Protocol):
    """The record above, as far as its details repeat what it says."""

    @property
    def given(self) -> Mapping[str, Any]:
        """What was not computed, but set by somebody."""

    def value(self, name: str) -> Value: ...


@dataclass(slots=True)  # not frozen: a filter over a million rows makes a million of these
class Spot:
    """Where a record stands."""

    seed: int
    number: int  # from 0; rows inserted later go on counting
    rows: int  # base rows of a large table
    count: int  # base rows of its own table
    lines: int  # most rows in a detail collection
    parent: Parent | None = None
    id_seed: int = 0  # the same in every tenant copied from one another: a copy keeps its NoteIDs

    @property
    def id(self) -> str:
        return note_id(self.id_seed, self.number)

    def roll(self, salt: int, sides: int) -> int:
        """A number below `sides`; hashing integers gives the same in every process, and costs next to nothing."""
        return hash((self.seed, self.number, salt)) % sides

    def below(self, salt: int, number: int, parent: Parent) -> Spot:
        """The spot of a row in a part with this salt."""
        seed = hash((self.seed, self.number, salt))
        return Spot(seed, number, self.rows, self.lines, self.lines, parent)


# How a value is computed, from where its record stands and from the salt of its field.
Recipe = Callable[[Spot, int], Value]
