"""Reads what a stream's table has lost, and says in the log what of that could not be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.removals import Removal
from source_acumatica.erp.errors import told
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.deletions import Deletions, NoFlagsError, NotTrackedError
from source_acumatica.odata.tracking import TRACKING_FORM, History
from source_acumatica.reading.cursor import Progress

logger = logging.getLogger("airbyte")


@dataclass
class RemovedReader:
    """Reads what a stream's table has lost, from both places: a failure of the one leaves the other."""

    deletions: Deletions
    history: History
    was: Progress
    now: datetime | None
    may_have_flags: bool = True
    is_header_known: bool = False
    """Whether flagged rows of any table have come from this site."""
    is_listed: bool = field(default=False, init=False)
    """Whether the ERP's list has been read to its end."""
    is_empty: bool = field(default=True, init=False)
    """Whether nothing stood in it."""
    has_flags: bool | None = field(default=None, init=False)
    """Whether the table has flags, as was found out now; None if nobody asked, or nobody could answer."""
    has_flagged: bool = field(default=False, init=False)
    """Whether a row with the flag has come: a site that does not know the header which shows them answers with none."""

    def removals(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """All there are, of those that the ERP lists from ``since`` on; the log says what is not read, and why."""
        yield from self._flagged()
        yield from self._listed(since)

    def _flagged(self) -> Iterator[Sequence[Removal]]:
        if not self.may_have_flags:
            return
        try:
            for removals in self.deletions.flagged():
                self.has_flagged = self.has_flagged or bool(removals)
                yield removals
            self.has_flags = True
        except NoFlagsError:
            self.has_flags = False
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{told(error)}. Deleted rows that the table only flags are not read; all others are.")

    def _listed(self, since: str | None) -> Iterator[Sequence[Removal]]:
        try:
            yield from self._believed(since)
        except NotTrackedError as refusal:
            self._warn_of_untracked(str(refusal))
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{told(error)}. Deleted records are not read; all others are.")
        else:
            self.is_listed = True
            self._warn_of_gap()

    def _believed(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """An empty list may be the answer for any table that is not on the form, as far as is known.

        The position stays then: the ERP keeps deletions from the moment on in which a table is listed, so that nothing
        is missed by asking from further back.
        """
        for removals in self.deletions.listed(since):
            self.is_empty = self.is_empty and not removals
            yield removals
        if self.is_empty and not self.history.lists(self.deletions.sets) and not self.deletions.has_entries():
            raise NotTrackedError(_NOTHING_LISTED)

    def _warn_of_untracked(self, reason: str) -> None:
        where, table = self.deletions.where, self.deletions.sets[-1]
        if self.history.lists(self.deletions.sets):
            logger.warning(
                f"{where}: {reason}, though {table} is listed on {TRACKING_FORM}. Deleted records are not read; all "
                "others are."
            )
        elif self.has_flags and (self.has_flagged or self.is_header_known):
            return
        elif self.has_flags:
            logger.warning(
                f"{where}: deleted records of {table} are not tracked, and no row has come that is flagged as deleted. "
                f"Unless none was ever deleted, list the table on {TRACKING_FORM}. ({reason})"
            )
        elif self.history.added is None and reason == _NOTHING_LISTED:
            logger.warning(
                f"{where}: deleted records of {table} may not be tracked: {reason}, and the list of tracked tables "
                f"cannot be read. If {table} is not on {TRACKING_FORM}, list it there, and refresh this stream then: "
                "what is deleted before stays in the destination."
            )
        else:
            logger.warning(
                f"{where}: deleted records of {table} are not tracked: list the table on {TRACKING_FORM}. They are not "
                f"read; all others are. ({reason})"
            )

    def _warn_of_gap(self) -> None:
        """Whoever has been read before may have rows that nobody will ever name again."""
        if not (self.was.reached or self.was.deletions):
            return
        asked = self.was.deletions_asked or self.was.deletions
        gap = self.history.gap(self.deletions.sets, asked, self.now)
        if gap:
            logger.warning(
                f"{self.deletions.where}: {gap}. Rows deleted in between may have stayed in the destination: refresh "
                "this stream."
            )


_NOTHING_LISTED = "the ERP answers with an empty list, as if nothing had ever been deleted"
