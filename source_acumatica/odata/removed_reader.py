"""Reads the deleted records of one stream from both the ERP's list and its flags."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.removals import Removal
from source_acumatica.erp.errors import message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.deletions import Deletions, NoFlagsError, NotTrackedError
from source_acumatica.odata.tracking import TRACKING_FORM, History
from source_acumatica.reading.progress import Progress

logger = logging.getLogger("airbyte")


@dataclass
class RemovedReader:
    """Reads a stream's deleted records from both places; where one fails, the other is still read."""

    deletions: Deletions
    history: History
    was: Progress
    now: datetime | None
    may_have_flags: bool = True
    is_header_known: bool = False
    """Whether flagged rows of any table have come from this site, so that it knows the header that shows them."""
    is_compared: bool = False
    """Whether deleted rows are found by comparing keys, too."""
    closes_gap: bool = False
    """Whether that finds also what the ERP's list lacks since it was last read."""
    is_listed: bool = field(default=False, init=False)
    """Whether the ERP's list has been read to its end."""
    is_empty: bool = field(default=True, init=False)
    """Whether that list was empty."""
    has_flags: bool | None = field(default=None, init=False)
    """Whether the table turned out to have flags; None if that was not asked, or could not be answered."""
    has_flagged: bool = field(default=False, init=False)
    """Whether a flagged row has come; a site that does not know the header shows none."""

    @property
    def kept_days(self) -> int | None:
        """How long the ERP keeps an entry of its list; None where it does not say."""
        return self.history.days

    def removals(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """All flagged records and those listed from ``since`` on; the log says what could not be read, and why."""
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
            logger.warning(f"{message_of(error)}. Deleted rows that the table only flags are not read; all others are.")

    def _listed(self, since: str | None) -> Iterator[Sequence[Removal]]:
        try:
            yield from self._believed(since)
        except NotTrackedError as refusal:
            self._warn_of_untracked(str(refusal))
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{message_of(error)}. Deleted records are not read; all others are.")
        else:
            self.is_listed = True
            self._warn_of_gap()

    def _believed(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """The listed records; an empty list may mean that the table is not tracked, so it is not believed at once.

        The position stays as it was then. The ERP keeps deletions from the moment when a table is put on the form, so
        that asking from further back misses nothing.
        """
        for removals in self.deletions.listed(since):
            self.is_empty = self.is_empty and not removals
            yield removals
        if self.is_empty and not self.history.lists(self.deletions.sets) and not self.deletions.has_entries():
            raise NotTrackedError(_NOTHING_LISTED)

    def _warn_of_untracked(self, reason: str) -> None:
        where, table = self.deletions.where, self.deletions.sets[-1]
        if self.is_compared:
            logger.info(f"{where}: deleted records of {table} are not tracked; comparing keys finds them. ({reason})")
        elif self.history.lists(self.deletions.sets):
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
        """Warn where the ERP's list may lack deletions of rows that an earlier sync has sent."""
        if not (self.was.reached or self.was.deletions):
            return
        asked = self.was.deletions_asked or self.was.deletions
        gap = self.history.kept_since(self.was.kept_days).gap(self.deletions.sets, asked, self.now)
        if gap and self.closes_gap:
            logger.info(f"{self.deletions.where}: {gap}. Comparing keys finds what was deleted in between.")
        elif gap:
            logger.warning(
                f"{self.deletions.where}: {gap}. Rows deleted in between may have stayed in the destination: refresh "
                "this stream."
            )


_NOTHING_LISTED = "the ERP answers with an empty list, as if nothing had ever been deleted"
