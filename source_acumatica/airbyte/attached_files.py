"""Brings the files of one tenant's stream from the ERP into the staging folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from source_acumatica.airbyte.records import FileReference
from source_acumatica.airbyte.staging import Place, Staging, last_part, safe_name
from source_acumatica.erp.client import Client
from source_acumatica.erp.download import DOUBTFUL, Doubts, Habit, StagingError, download, has_a_seat
from source_acumatica.erp.errors import RequestFailed

Record = Mapping[str, Any]
Outcome = FileReference | RequestFailed | StagingError

# More than it takes to believe what one session gives, and two minutes for several sessions.
_TRIES_IN_DOUBT = 8


@dataclass(frozen=True)
class AttachedFiles:
    """The files that records are about; each record has the columns of a stream of attached files."""

    client: Client
    tenant: str
    where: str
    address: str
    """Below which the ERP has each file by its id; links in answers are not followed: they may lead elsewhere."""
    headers: Mapping[str, str]
    key: Sequence[str]
    """The columns that identify a file of a record."""
    staging: Staging
    list_address: str
    """That of the records' list, which is never answered by nothing at all but for want of a seat."""
    _habit: Habit = field(default_factory=Habit)

    def staged(self, record: Record) -> Outcome:
        """The file of a record, which lies in the staging folder now; or why it does not."""
        try:
            place = self._place(record)
        except OSError as error:
            return StagingError(error)
        try:
            return self._downloaded(record, place)
        except (RequestFailed, StagingError) as failure:
            with suppress(OSError):
                place.staged.parent.rmdir()
            return failure

    def _place(self, record: Record) -> Place:
        return self.staging.place([record.get(column) for column in self.key], str(record.get("filename") or ""))

    def _downloaded(self, record: Record, place: Place) -> FileReference:
        doubts, tries = Doubts(), 1
        while True:
            try:
                return FileReference(str(place.staged), place.relative, self._download(record, place, doubts))
            except RequestFailed as failure:
                if failure.problem.status != DOUBTFUL or tries >= _TRIES_IN_DOUBT:
                    raise
            if not self._has_a_seat(doubts):
                self.client.pause(tries)
            tries += 1

    def _download(self, record: Record, place: Place, doubts: Doubts) -> int:
        return download(
            self.client,
            self.tenant,
            f"{self.address}/{quote(str(record.get('id')), safe='')}",
            last_part(str(record.get("filename") or "")),
            place.staged,
            where=self.where,
            headers=self.headers,
            habit=self._habit,
            doubts=doubts,
        )

    def _has_a_seat(self, doubts: Doubts) -> bool:
        return has_a_seat(self.client, self.tenant, self.list_address, doubts, where=self.where, headers=self.headers)

    def gives(self, record: Record) -> bool:
        """Whether the ERP gives a file now that it has given before."""
        outcome = self.staged(record)
        if not isinstance(outcome, FileReference):
            return False
        self.staging.discard(outcome.staging_file_url)
        return True

    def named(self, record: Record, failure: RequestFailed) -> RequestFailed:
        """The failure with the names of the file and of the record."""
        sentence = f"{self.name(record)} cannot be downloaded: {failure.problem.sentence}"
        return RequestFailed(replace(failure.problem, sentence=sentence), self.where)

    def name(self, record: Record) -> str:
        """A file and its record as a sentence names them."""
        keys = [str(record.get(column)) for column in self.key if column not in ("_tenant", "id")]
        return f"the file '{safe_name(last_part(str(record.get('filename'))))}' of record {' '.join(keys)}"
