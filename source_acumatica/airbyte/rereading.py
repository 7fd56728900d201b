"""Reads a part of a stream's rows again in each sync, since some changes leave a row's stamp as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from airbyte_cdk.models import AirbyteMessage

from source_acumatica.erp.errors import RequestFailed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw, format_instant
from source_acumatica.reading.learnt import EMPTIES_PARTS
from source_acumatica.reading.paging import BEGINNING, Page, Position
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.rereading import Rereading, found_rows
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

Send = Callable[[Page[Raw]], Iterator[AirbyteMessage]]
"""Sends the records of a page of the list."""


@dataclass
class Rereader:
    """One tenant's rows of a stream, read again within ``days``, a part in each sync."""

    reader: Reader
    facts: TenantFacts
    progress: TenantCursor | None
    """None in a full refresh, which reads all rows anyway."""
    days: int | None
    """None: rows are not read again."""
    since: str | None
    """The start date: rows that were last changed before it are left out."""
    deduplicates: bool
    """Whether the destination keeps one of the records with one key."""
    now: Callable[[], datetime | None]
    """The server's clock."""

    def read(self, window: Window, rows: int) -> None:
        """Note that a window was read to its end; one of all ``rows`` leaves nothing to read again for now."""
        is_whole = not window.is_unstamped and (window.since == self.since or not self.reader.is_filtered(window))
        now = self.now()
        if self.progress and self.days and rows and is_whole and now:
            self._note(self.progress, Rereading(format_instant(now), rows, place=Window(self.since)))

    def messages(self, begin: Callable[[], Send]) -> Iterator[AirbyteMessage]:
        """The records of the part that is due now, with a state behind each page; ``begin`` begins a list.

        The windows of changes have been read before, and no position of theirs moves.
        """
        progress, now = self.progress, self.now()
        # Where nothing is reached, the next sync reads all rows again.
        if not (progress and self.days and now and progress.progress(self.reader.tenant).reached):
            return
        was = self._begun(progress, now)
        due, at = was.due(now, self.days)
        if due:
            self._say(due, was)
            try:
                yield from self._rounds(progress, replace(was, at=at), due, begin)
            except RequestFailed:
                if self.reader.is_misread:
                    self.facts.distrusts_list(reads_again=True)
                raise
            self.facts.doubts_no_more(but=self.reader.unknown)
            if self.reader.emptied:
                self.facts.distrusts_list(reads_again=not self.facts.remembers(EMPTIES_PARTS))
        elif at != was.at:
            self._note(progress, replace(was, at=at))

    def _begun(self, progress: TenantCursor, now: datetime) -> Rereading:
        """Where the syncs before have left off; time counts from now on where they have not read anything again."""
        at, known = format_instant(now), progress.progress(self.reader.tenant).rereading
        was = known or Rereading(at, place=Window(self.since))
        if was.place.since != self.since:
            self._say_again()
            was = replace(was, place=Window(self.since))
        if not was.rows:
            rows = found_rows(lambda rows: self.reader.has_row_at(was.place, rows))
            was = replace(was, rows=rows or 1)
        if was != known:
            self._note(progress, was)
        return was

    def _rounds(
        self, progress: TenantCursor, was: Rereading, due: int, begin: Callable[[], Send]
    ) -> Iterator[AirbyteMessage]:
        """Read so many rows again; behind the end of the list from its beginning, but none twice."""
        left = due
        while left > 0:
            begun_at = was.place.start.offset
            was, left, is_end = yield from self._part(progress, was, left, begin())
            if not is_end:
                return
            left = min(left, begun_at)
            was = was.went_on(left, BEGINNING)
            self._note(progress, was)

    def _part(
        self, progress: TenantCursor, was: Rereading, left: int, send: Send
    ) -> Generator[AirbyteMessage, None, tuple[Rereading, int, bool]]:
        """Go on from the place; the new one, how many rows are left to read, and whether the list has ended.

        A list that has no places is read to its end.
        """
        begun, end = was.place.start, was.place.start
        pages = self.reader.pages(replace(was.place, most_rows=left))
        for page in pages:
            if begun.offset and page.position.list_name != begun.list_name:
                self._say_again()
            begun, end = BEGINNING, page.position
            yield from send(page)
            left -= len(page.rows)
            if end.offset:
                was = was.went_on(left, end)
                progress.reread(self.reader.tenant, was)
                if left <= 0:
                    return was, left, False
        self.facts.saw_behind(self.reader.end_probes)
        return self._ended(was, end), left if end.offset else 0, True

    def _ended(self, was: Rereading, end: Position) -> Rereading:
        """With the number of rows that the list had when it ended."""
        return replace(was, rows=max(end.offset, 1))

    def _note(self, progress: TenantCursor, now: Rereading) -> None:
        progress.note(self.reader.tenant, rereading=now)

    def _say(self, due: int, was: Rereading) -> None:
        appended = "" if self.deduplicates else " The destination appends them to the records that it has."
        logger.info(
            f"{self.reader.where}: reading {due:,} of about {was.total:,} rows again, as reread_days asks.{appended}"
        )

    def _say_again(self) -> None:
        logger.info(
            f"{self.reader.where}: the place up to which rows were read again is one of another list, so they are read "
            "again from the beginning."
        )
