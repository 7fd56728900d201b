"""A tenant as tests hold it: they change its records, and compare what was read with the truth of both APIs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from integration_tests.simulator.catalog.releases import RELEASES, TODAY, Release
from integration_tests.simulator.contract.inquiry_forms import filled_in
from integration_tests.simulator.odata.columns import as_shown
from integration_tests.simulator.odata.dacs import DAC_BY_NAME, DACS
from integration_tests.simulator.odata.edm import Access
from integration_tests.simulator.odata.inquiries import INQUIRY_BY_TITLE, inquiry_rows
from integration_tests.simulator.odata.row_store import RowStore
from integration_tests.simulator.odata.rows import truth
from integration_tests.simulator.store.clock import Clock
from integration_tests.simulator.store.ledger import BATCHES, POSTED, refuse_to_post, reversed_lines
from integration_tests.simulator.store.records import plain
from integration_tests.simulator.store.tables import Key, Sizes
from integration_tests.simulator.store.tenant_data import Snapshot, TenantData
from integration_tests.simulator.store.values import Value
from integration_tests.simulator.trouble.switches import Switches

# What records of a site of today hold, by endpoint and name.
ENTITIES = RELEASES[TODAY].entities


class Tenant(TenantData):
    """`switches`: some lies change what everybody sees, the truth of the tests included."""

    def __init__(
        self,
        name: str,
        seed: int,
        id_seed: int,
        sizes: Sizes,
        clock: Clock,
        zone: tzinfo,
        tracked: Collection[str] = (),
        switches: Switches | None = None,
        release: Release = RELEASES[TODAY],
    ) -> None:
        entities, endpoints = release.entities, release.endpoints
        super().__init__(name, seed, id_seed, sizes, clock, zone, entities, DACS, tracked, endpoints)
        self.store = RowStore(self.table, self.journal, self.ledger)
        self._switches = switches or Switches()

    def restore(self, snapshot: Snapshot) -> None:
        with self.lock:
            super().restore(snapshot)
            self.store.forget()

    def post(self, key: Sequence[Any], stamp: datetime | None = None) -> None:
        """Post a journal batch: it, its lines and the account history change together, as in one transaction."""
        with self._changing(BATCHES, key, stamp, "Default", writes_lines=True) as (table, moment):
            refuse_to_post(table.record(table.existing(key)))
            table.update(key, {"Status": POSTED}, moment)

    def reverse(self, key: Sequence[Any], number: str, period: str | None = None) -> Key:
        """A new batch with debits and credits changed over; it is not posted yet."""
        with self.lock:
            table = self.table(BATCHES)
            batch = table.record(table.existing(key))
            kept = {name: batch.value(name) for name in ("Module", "LedgerID", "BranchID", "PostPeriod")}
            given = {"PostPeriod": period} if period else {}
            return self.insert(BATCHES, {**kept, **given, "BatchNbr": number, "Details": reversed_lines(batch)})

    def insert(
        self,
        entity: str,
        values: Mapping[str, Any] | None = None,
        stamp: datetime | None = None,
        endpoint: str = "Default",
    ) -> Key:
        _refuse_posted(entity, values or {})
        return super().insert(entity, values, stamp, endpoint)

    def update(
        self,
        entity: str,
        key: Sequence[Any],
        values: Mapping[str, Any],
        stamp: datetime | None = None,
        endpoint: str = "Default",
    ) -> None:
        _refuse_posted(entity, values)
        super().update(entity, key, values, stamp, endpoint)

    def delete(self, entity: str, key: Sequence[Any], endpoint: str = "Default", stamp: datetime | None = None) -> None:
        with self.lock:
            table = self.table(entity, endpoint)
            _refuse_posted(
                entity, {"Status": table.record(table.existing(key)).value("Status")} if entity == BATCHES else {}
            )
            super().delete(entity, key, endpoint, stamp)

    def dac_rows(self, dac: str, archived: bool = False, deleted: bool = False) -> list[dict[str, Any]]:
        """The truth of a table, in key order; binary columns as base64 text."""
        table = as_shown(dac, DAC_BY_NAME[dac], self._switches.everywhere)
        columns = [each for each in table.column_by_name.values() if each.access is not Access.RESTRICTED]
        with self.lock:
            rows = self.store.of(table, self._zone, archived, deleted)
            return [truth(columns, row, self._zone) for row in rows]

    def gi_rows(self, title: str, **parameters: Value) -> list[dict[str, Any]]:
        """The truth of a generic inquiry; parameters that are not given have their defaults."""
        inquiry = INQUIRY_BY_TITLE[title]
        with self.lock:
            rows = inquiry_rows(inquiry, self.store, parameters)
            shown = as_shown(title, inquiry.type, self._switches.everywhere).shown()
            return [truth(shown, row, UTC) for row in rows]

    def track(self, dac: str) -> None:
        """Keeps the deletions of a table from now on, as the form Tables to Track Deleted Records does."""
        self.journal.track(dac, self._clock.now())

    def untrack(self, dac: str) -> None:
        """Keeps the deletions of a table no longer."""
        self.journal.untrack(dac)

    def deleted(self, dac: str) -> list[dict[str, Any]]:
        """The truth of `px.GetDeletedRecords()`."""
        return [{"RefNoteID": each.note_id, "DeleteDate": each.at} for each in self.journal.deletions(dac) or ()]

    def results(
        self, entity: str, parameters: Mapping[str, Any], endpoint: str = "Default", contract: int | None = None
    ) -> list[dict[str, Any]]:
        """The truth of an inquiry form: the rows it computes for these parameters, choices by their labels."""
        form = self._entity_shown(entity, endpoint, contract) or self._entities[endpoint, entity]
        assert form.inquiry is not None
        rows = filled_in(form, self, parameters, endpoint).details(form.inquiry.results)
        return [plain(row, self._zone) for row in rows]


def _refuse_posted(entity: str, values: Mapping[str, Any]) -> None:
    """What is posted is reversed, never deleted; and nothing is posted but by posting it, which keeps the books."""
    if entity == BATCHES and values.get("Status") == POSTED:
        raise ValueError("a posted batch: see post() and reverse()")
