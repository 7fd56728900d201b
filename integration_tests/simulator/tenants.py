"""A tenant as tests hold it: they change its records, and compare what was read with the truth of both APIs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, tzinfo
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
from integration_tests.simulator.store.records import plain
from integration_tests.simulator.store.tables import Sizes
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
        self.store = RowStore(self.table, self.journal)
        self._switches = switches or Switches()

    def restore(self, snapshot: Snapshot) -> None:
        with self.lock:
            super().restore(snapshot)
            self.store.forget()

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
