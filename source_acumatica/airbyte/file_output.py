"""Turns rows about attached files into records that come with the files themselves."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.models import AirbyteMessage, FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from airbyte_protocol_dataclasses.models import Reason  # type: ignore[import-untyped]

from source_acumatica.airbyte.attached_files import AttachedFiles, Outcome, Record
from source_acumatica.airbyte.output import Output
from source_acumatica.airbyte.records import FileReference, Meta, in_pieces, without_file
from source_acumatica.erp.download import DOUBTFUL, LARGEST_FILE_BYTES, NO_FILE, TOO_LARGE, StagingError
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import FURTHEST_OFF
from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.sent_files import SentFiles, begun_again, mark_of

logger = logging.getLogger("airbyte")

# So much goes out at once, with a state behind it: a run that is cut off loses no more than this.
_FILES_IN_A_BATCH, _BYTES_IN_A_BATCH = 20, 64 * 1024**2
# A state has a mark for each file of the page: of a page with thousands, one goes out after each fiftieth of them.
_STATES_IN_A_PAGE = 50
_GONE = (404, 410)
_FAILURE = 500
# What the ERP may do at one file alone, unless it does it at others, too.
_REFUSALS = frozenset({NO_FILE, 400, 401, 403, 405, 406, 409, 422})
# So many files may be gone before one has come; then it is rather the address of all files that is.
_MOST_GONE = 2
# With the pauses between them, ten minutes for a destination to take what lies in a full staging folder.
_TRIES_FOR_ROOM = 14
_IS_FULL = (errno.ENOSPC, errno.EDQUOT)
# The log is no list of files.
_MOST_WARNINGS = 10
_NO_STAGING = (
    "{where}: the staging folder ({folder}) cannot take {file} ({why}). It is where the platform has files on "
    "their way to the destination: give it more room, or sync without the files."
)
_COMES_AGAIN = "It comes once its record is changed or read again (reread_days, or a refresh)"


@dataclass
class Memory:
    """What the state knows of the files that were sent."""

    progress: TenantCursor
    tenant: str
    since: str
    """Records with earlier stamps do not come again in the next sync."""
    _files: int = 0
    _bytes: int = 0
    """What was sent since the last state."""
    _read: tuple[Mapping[str, str], SentFiles] | None = field(default=None, repr=False)
    """What the state had of them, and what was made of it since: parsing all marks for each batch takes too long."""

    @classmethod
    def of(cls, progress: TenantCursor, tenant: str, lookback: timedelta, now: datetime | None) -> Memory:
        """Of a sync that begins ``now``, by the server's clock."""
        progress.note(tenant, files=begun_again(progress.progress(tenant).files))
        return cls(progress, tenant, format_instant(now - lookback - FURTHEST_OFF) if now else "")

    def unsent(self, records: Sequence[Record], mark: Callable[[Record], str]) -> list[Record]:
        """The records that have not come before with the same stamp."""
        sent, marks = self._sent(), [mark(record) for record in records]
        known = [sent.has(_stamp(record), own) for record, own in zip(records, marks, strict=True)]
        if any([sent.came_again(own) for own, is_known in zip(marks, known, strict=True) if is_known]):
            self.keep()
        return [record for record, is_known in zip(records, known, strict=True) if not is_known]

    def note(self, records: Sequence[Record], mark: Callable[[Record], str], size_bytes: int = 0) -> None:
        """Note that these were sent; a state goes out behind them, unless little has come since the last one."""
        sent = self._sent()
        for record in records:
            sent.note(_stamp(record), mark(record))
        self._files, self._bytes = self._files + len(records), self._bytes + size_bytes
        if self._files * _STATES_IN_A_PAGE < sent.page_files and self._bytes < _BYTES_IN_A_BATCH:
            return
        self._files = self._bytes = 0
        self.keep()
        self.progress.files_sent(self.tenant, self.progress.progress(self.tenant).files)

    def keep(self) -> None:
        """Have the next state, whoever sends it, know all that was noted."""
        sent = self._sent()
        files = sent.as_state()
        self.progress.note(self.tenant, files=files)
        self._read = files, sent

    @property
    def witness(self) -> str | None:
        """The id of a file that has come, in this sync or in one before."""
        witness = self._sent().witness
        return witness[1] if witness else None

    def note_witness(self, size_bytes: int, id_: str) -> None:
        """Note a file that came, if it is the smallest so far."""
        sent = self._sent()
        if sent.witness is None or size_bytes < sent.witness[0]:
            sent.witness = size_bytes, id_

    def forget_witness(self) -> None:
        """Note that it does not come any more; others that come follow it."""
        self._sent().witness = None

    def _sent(self) -> SentFiles:
        files = self.progress.progress(self.tenant).files
        if self._read is None or self._read[0] is not files:
            self._read = files, SentFiles(files, self.since)
        return self._read[1]


def _stamp(record: Record) -> str:
    return record.get("_parent_modified") or ""


class FileOutput(Output):
    """The records of one tenant, each with its file; where there is no file to be had, the record says so."""

    def __init__(self, files: AttachedFiles, memory: Memory | None, *output: Any) -> None:
        """``memory``: None in a full refresh, which is not gone on with; ``output`` is what ``Output`` takes."""
        super().__init__(*output)
        self._files, self._memory, self._sends_all = files, memory, False
        self._witness: tuple[int, Record] | None = None
        """The smallest file that has come in this run: its size, and its record."""
        self._gives_now: bool | None = None
        """Whether that one comes again, as far as it was tried for these records."""
        self._refused = 0
        self._gone = 0
        """How many files the ERP did not have."""

    def begin_again(self) -> None:
        """Send each file again, whether or not it was sent: this finds those that were replaced."""
        self._sends_all = True

    def messages(self, records: Sequence[Any], meta: Meta | None = None) -> Iterator[AirbyteMessage]:
        """The records that were not sent before, a few at a time, with a state behind them."""
        unsent = self._memory.unsent(records, self._mark) if self._memory and not self._sends_all else records
        for some in in_pieces(unsent, _FILES_IN_A_BATCH):
            yield from self._with_files(some, meta)
        if self._memory and unsent and not self._sends_all:
            self._memory.keep()

    def _with_files(self, records: Sequence[Record], meta: Meta | None) -> Iterator[AirbyteMessage]:
        """Failures last: by then it is known whether others fail as well."""
        staged: list[tuple[Record, FileReference]] = []
        failed: list[tuple[Record, RequestFailed | StagingError]] = []
        for record, outcome in zip(records, self._files.client.helpers.map(self._files.staged, records), strict=True):
            if not isinstance(outcome, FileReference):
                failed.append((record, outcome))
                continue
            self._note_witness(record, outcome.file_size_bytes)
            staged.append((record, outcome))
            if sum(file.file_size_bytes for _, file in staged) >= _BYTES_IN_A_BATCH:
                yield from self._sent(staged, meta)
                staged = []
        yield from self._sent(staged, meta)
        self._gives_now = None
        self._refuse_all_gone(failed)
        for record, failure in failed:
            yield from self._tried_again(record, failure, meta)

    def _refuse_all_gone(self, failed: Sequence[tuple[Record, RequestFailed | StagingError]]) -> None:
        """Raise where several files are gone and none has come, before any of them is sent: they come again then."""
        for record, failure in failed:
            if isinstance(failure, RequestFailed) and _is_gone(failure):
                self._gone += 1
                if self._gone > _MOST_GONE and not self._witness and not self._gives_others():
                    raise self._files.named(record, failure)

    def _sent(self, staged: Sequence[tuple[Record, FileReference]], meta: Meta | None) -> Iterator[AirbyteMessage]:
        records, files = [record for record, _ in staged], [file for _, file in staged]
        yield from self._batch(records, meta, files)
        self._note(records, sum(file.file_size_bytes for file in files))
        self._files.staging.sent((file.staging_file_url, file.file_size_bytes) for file in files)

    def _note(self, records: Sequence[Record], size_bytes: int = 0) -> None:
        if self._memory and records and not self._sends_all:
            self._memory.note(records, self._mark, size_bytes)

    def _mark(self, record: Record) -> str:
        shown = (record.get(name) for name in (*self._files.key, "filename", "comment"))
        return mark_of([_stamp(record), *shown])

    def _tried_again(
        self, record: Record, failure: RequestFailed | StagingError, meta: Meta | None
    ) -> Iterator[AirbyteMessage]:
        """The record with its file after all, or without it where the ERP does not give it.

        Raises:
            AirbyteTracedException: the failure is not that of the file alone, or there is no room for it.
        """
        outcome: Outcome = failure
        if isinstance(outcome, StagingError):
            outcome = self._once_there_is_room(record, outcome)
        if isinstance(outcome, RequestFailed) and self._is_worth_another_try(outcome.problem):
            outcome = self._files.staged(record)
        if isinstance(outcome, FileReference):
            yield from self._sent([(record, outcome)], meta)
            return
        if isinstance(outcome, StagingError):
            raise self._no_staging(record, outcome)
        yield from self._without_file(record, outcome, meta)

    def _once_there_is_room(self, record: Record, failure: StagingError) -> Outcome:
        """What comes of trying again while the destination may take what is staged."""
        outcome: Outcome = failure
        for tries in range(1, _TRIES_FOR_ROOM + 1):
            if not (isinstance(outcome, StagingError) and outcome.number in _IS_FULL):
                break
            self._files.client.pause(tries)
            outcome = self._files.staged(record)
        return outcome

    def _without_file(self, record: Record, failure: RequestFailed, meta: Meta | None) -> Iterator[AirbyteMessage]:
        """The record alone.

        Raises:
            RequestFailed: other files may not come either.
        """
        problem = failure.problem
        is_too_large, is_doubtful = problem.status == TOO_LARGE, problem.status == DOUBTFUL
        # An endpoint that is gone answers for each file as if only that were gone.
        is_its_own = is_too_large or is_doubtful or (_is_gone(failure) and not self._witness)
        may_be = _is_gone(failure) or _may_be_of_its_own(problem)
        if not is_its_own and not (may_be and self._gives_others()):
            raise self._files.named(record, failure)
        reason = Reason.SOURCE_FIELD_SIZE_LIMITATION if is_too_large else Reason.SOURCE_RETRIEVAL_ERROR
        self._warn(record, _limit() if is_too_large else problem.sentence)
        yield from self._batch([record], without_file(meta, reason))
        if not is_doubtful:
            # It may come with the next sync, if its record does.
            self._note([record])

    def _is_worth_another_try(self, problem: Problem) -> bool:
        """Whether the ERP may have failed for a moment only; where the session is not accepted, it costs one."""
        if problem.status == DOUBTFUL or (problem.status == _FAILURE and problem.action is Action.STOP):
            return True
        return _may_be_of_its_own(problem) and problem.action is not Action.SIGN_IN and self._gives_others()

    def _gives_others(self) -> bool:
        """Whether a file comes now that has come before, so that the failure is that of another one alone."""
        if self._gives_now is None:
            self._gives_now = self._gives_witness()
        return self._gives_now

    def _gives_witness(self) -> bool:
        if self._witness:
            return self._files.gives(self._witness[1])
        if not self._memory or not self._memory.witness:
            return False
        is_there = self._files.gives({"id": self._memory.witness})
        if not is_there:
            self._memory.forget_witness()
        return is_there

    def _note_witness(self, record: Record, size_bytes: int) -> None:
        if size_bytes and (self._witness is None or size_bytes < self._witness[0]):
            self._witness = size_bytes, record
            if self._memory:
                self._memory.note_witness(size_bytes, str(record.get("id")))

    def _warn(self, record: Record, why: str) -> None:
        self._refused += 1
        if self._refused <= _MOST_WARNINGS:
            more = " Further files like it are not named." if self._refused == _MOST_WARNINGS else ""
            logger.warning(
                f"{self._files.where}: {self._files.name(record)} does not come: {why}. Its record comes without it "
                f"and says so. {_COMES_AGAIN}.{more}"
            )

    def _no_staging(self, record: Record, failure: StagingError) -> AirbyteTracedException:
        message = filter_secrets(
            _NO_STAGING.format(
                where=self._files.where, folder=self._files.staging.folder, file=self._files.name(record), why=failure
            )
        )
        kind = FailureType.transient_error if failure.number in _IS_FULL else FailureType.system_error
        return AirbyteTracedException(message=message, internal_message=message, failure_type=kind)


def _is_gone(failure: RequestFailed) -> bool:
    """Whether the ERP says that it does not have the file; a page of the web server says nothing of the ERP."""
    problem = failure.problem
    return problem.action is Action.GONE or (problem.status in _GONE and not problem.is_unclear)


def _may_be_of_its_own(problem: Problem) -> bool:
    """Whether the ERP has refused the file or failed, be it at this one or altogether."""
    has_failed = problem.status == _FAILURE and problem.action is Action.STOP
    return has_failed or problem.status in (*_REFUSALS, *_GONE)


def _limit() -> str:
    return f"it is larger than the {LARGEST_FILE_BYTES / 1e9:.1f} GB that Airbyte takes"
