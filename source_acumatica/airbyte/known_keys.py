"""Keeps which rows of a table the destination may have, by their ids: those that were listed, and those sent since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.held_keys import MOST_NEW_TOLD, HeldKeys
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.record_ids import as_text, of_text
from source_acumatica.reading.seen_keys import SeenKeys

# Ids that were sent since the last list; their text in the state has 43 kB.
_MOST_SENT = 2_000
# 11 kB. Others are asked for once more when keys are compared.
_MOST_REMOVED = 500
NOTHING: Mapping[str, Any] = {"held": "", "sent": "", "removed": ""}
"""The fields of ``Progress`` where nothing is known."""
# As many as a list names one by one.
_MOST_EXPECTED = MOST_NEW_TOLD
# Of rows that come and are listed as deleted in one run, too; 2 MB at most.
_MOST_SENT_NOW = 20_000


@dataclass
class KnownKeys:
    """All ids are in lower case. What is known here may be too much, and is never too little."""

    held: HeldKeys = field(default_factory=HeldKeys)
    """Those of the last list."""
    sent: set[str] = field(default_factory=set)
    """Those that were sent since then, as far as they may not be among the held ones."""
    removed: set[str] = field(default_factory=set)
    """Those among the held ones whose removal has been sent since then."""
    seen: SeenKeys | None = None
    """Those that were listed in this run."""
    unsent: set[str] = field(default_factory=set)
    """Those among them that had not been sent then."""
    removed_now: set[str] = field(default_factory=set)
    """Those whose removal was sent in this run."""
    _sent_now: set[str] = field(default_factory=set)
    _has_more: bool = False
    """Whether rows are held that no state knows of."""

    @classmethod
    def of_state(cls, was: Progress) -> KnownKeys:
        """What earlier syncs have kept.

        Raises:
            ValueError: it is damaged.
        """
        held = HeldKeys.of_text(was.held) if was.held else HeldKeys()
        return cls(held, set(of_text(was.sent)), set(of_text(was.removed)))

    def as_state(self) -> dict[str, Any]:
        """The fields of ``Progress`` that keep it."""
        self._has_more = True
        return self.since()

    def since(self) -> dict[str, Any]:
        """The same without what was listed, unless that has changed."""
        held = {"held": self.held.as_text()} if self._has_more else {}
        self._has_more = False
        return {"sent": as_text(self.sent), "removed": as_text(self.removed), **held}

    @property
    def is_empty(self) -> bool:
        """Whether the destination can have no row."""
        return not (self.held.count or self.sent)

    @property
    def is_full(self) -> bool:
        """Whether more were sent since the last list than a state should keep."""
        return len(self.sent) > _MOST_SENT

    def expect(self, unsent: Sequence[str]) -> None:
        """Note which of the listed rows have not been sent: they are held once they are, in this run.

        So many that they are not known one by one are held now: all rows are about to be read.
        """
        if len(unsent) <= _MOST_EXPECTED:
            self.held.remove_all(unsent)
            self.unsent = {*unsent}

    def send(self, ids: Sequence[str]) -> bool:
        """Note rows that are about to be sent; whether some are to be noted that were not known.

        Raises:
            ValueError: one of the ids is not a GUID.
        """
        before, expected = len(self.sent), self.unsent.intersection(ids)
        self.held.add_all(expected)
        self.unsent -= expected
        self._has_more = self._has_more or bool(expected)
        self.sent.update(self._new(ids))
        self.removed.difference_update(ids)
        if len(self._sent_now) < _MOST_SENT_NOW:
            self._sent_now.update(ids)
        return len(self.sent) > before or bool(expected)

    def remove(self, ids: Sequence[str]) -> bool:
        """Note rows whose removal has been sent; whether the held ones have changed.

        A row that was sent in this run may have come back after its removal, and the ERP lists both: it stays known.
        """
        self.removed_now.update(ids)
        if len(self._sent_now) >= _MOST_SENT_NOW:
            return False
        gone, before = [each for each in ids if each not in self._sent_now], self.held.count
        self.sent.difference_update(gone)
        if self.held.is_exact:
            self.held.remove_all(gone)
        else:
            self.removed.update(gone[: max(_MOST_REMOVED - len(self.removed), 0)])
        return self.held.count < before

    def fold(self) -> None:
        """Have those that were sent among the held ones, which are known one by one."""
        self.held.add_all(self.sent)
        self.sent = set()

    def _new(self, ids: Sequence[str]) -> Iterable[str]:
        """Those of the ids that the destination is not known to have."""
        ids = self.held.unheld(ids)
        return ids if self.seen is None else self.seen.unseen(ids)


def forget_keys(progress: TenantCursor | None, tenant: str) -> None:
    """Forget what is known where keys are not compared now: of rows that are sent meanwhile, nobody would know."""
    was = progress.progress(tenant) if progress else None
    if progress and was and (was.held or was.sent or was.is_kept):
        progress.note(tenant, **NOTHING, compared=None, is_kept=False, is_due=False)
