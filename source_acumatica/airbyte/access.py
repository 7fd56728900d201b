"""What all streams of a run share: the tenants' clocks, the reader of deletions, the log of progress."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from source_acumatica.airbyte.linked_rows import LinkedChanges
from source_acumatica.airbyte.progress import ProgressLog
from source_acumatica.airbyte.removals import Removals
from source_acumatica.erp.client import Client
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import DatabaseClock
from source_acumatica.reading.learnt import HAS_FLAGGED
from source_acumatica.reading.table import StreamTable


@dataclass(frozen=True)
class Access:
    """What all streams of a run share."""

    removals: Removals
    """Where deleted records are read."""
    warn_if_blind: Callable[[str, StreamTable], None]
    """Warns if a tenant's table has rows, and its row filter finds none; asked where no row has ever come."""
    server_times: Mapping[str, datetime] = field(default_factory=dict)
    clocks: dict[str, DatabaseClock] = field(default_factory=lambda: defaultdict(DatabaseClock))
    """The clock of each tenant's database."""
    have_flagged: set[str] = field(default_factory=set)
    """The tenants that have ever sent rows flagged as deleted: the site knows the header that shows those."""
    progress_log: ProgressLog = field(default_factory=ProgressLog)
    linked: LinkedChanges | None = None
    """Where changes of linked rows are found, if they are wanted."""
    brought: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """By tenant and family of tables, ``Progress.brought`` of the stream of its records."""
    began_at: float = field(default_factory=time.monotonic)

    def now(self, tenant: str) -> datetime | None:
        """The server's clock at this moment: as it was at the sign-in, and the time since."""
        then = self.server_times.get(tenant)
        return then and then + timedelta(seconds=time.monotonic() - self.began_at)

    def remember(self, progress: TenantCursor, tenants: Sequence[str], family: str, *, has_clock: bool) -> None:
        """Share what the state of one stream knows: all tables of a tenant are stamped by one clock."""
        for tenant in tenants:
            before = progress.progress(tenant)
            if has_clock:
                before.remind(self.clocks[tenant])
            if HAS_FLAGGED in before.learnt:
                self.have_flagged.add(tenant)
            if before.brought:
                self.brought[tenant, family] = before.brought

    @classmethod
    def of(
        cls,
        client: Client,
        tenants: Sequence[str],
        removals: Removals,
        warn_if_blind: Callable[[str, StreamTable], None],
        progress_log: ProgressLog,
        linked: LinkedChanges | None = None,
    ) -> Access:
        """With the clocks that the tenants showed at the sign-in."""
        times = {tenant: client.server_time(tenant) for tenant in tenants}
        known = {tenant: time for tenant, time in times.items() if time}
        return cls(removals, warn_if_blind, known, progress_log=progress_log, linked=linked)
