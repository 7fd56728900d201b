"""The choices of a field that is a list on its screen: ids, and the label that users see of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from integration_tests.simulator.store.values import Value

Id = str | int
SEPARATOR = ","


@dataclass(frozen=True, eq=False)
class Choices:
    """A record holds the label, as contract 4 shows it; `keeps_ids`: it holds the id, as numbers do."""

    label_by_id: Mapping[Id, str]
    keeps_ids: bool = False
    is_multiple: bool = False

    @cached_property
    def id_by_label(self) -> Mapping[str, Id]:
        return {label: each for each, label in self.label_by_id.items()}

    def id_of(self, held: Value) -> Id | None:
        """What is on no list is its own id, as a value that was written past the screen."""
        if held is None or self.keeps_ids:
            return held  # type: ignore[return-value]
        return self.id_by_label.get(str(held), str(held))

    def label_of(self, held: Value) -> str:
        return self.label_by_id.get(held, str(held)) if self.keeps_ids else str(held)  # type: ignore[arg-type]

    def held(self, given: Value) -> Value:
        """What a record holds if this id, or this label, is chosen."""
        if self.keeps_ids:
            return self.id_by_label.get(given, given) if isinstance(given, str) else given
        if isinstance(given, str | int) and given not in self.id_by_label:
            return self.label_by_id.get(given, str(given))
        return given


def split(held: Value) -> list[str]:
    """The labels of a multiple choice, which a record holds in one text."""
    return [] if held is None else [each.strip() for each in str(held).split(SEPARATOR) if each.strip()]


def joined(labels: list[str]) -> str:
    return f"{SEPARATOR} ".join(labels)
