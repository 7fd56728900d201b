"""Compares the columns of the catalog with those that each tenant has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.kept_names import outermost, places
from source_acumatica.reading.table import StreamTable


class CatalogColumns:
    """The columns that a catalog configures for a stream, as paths; none if it names none.

    Columns that the connector adds are always there, and custom fields are compared one by one, elsewhere.
    """

    def __init__(
        self,
        configured: Mapping[str, Any] | None,
        table_of: Callable[[str], StreamTable],
        facts_of: Callable[[str], TenantFacts],
    ) -> None:
        own = {name for name in places(configured or {}) if name[0] != "_" and name.split(".")[0] != "custom"}
        self._configured, self._facts_of = frozenset(own), facts_of
        self._described_of = cache(lambda tenant: frozenset(places(table_of(tenant).json_schema()["properties"])))

    def present(self, tenant: str) -> frozenset[str]:
        """Those that the tenant has."""
        return self._configured & self._described_of(tenant)

    def missed(self, tenant: str) -> Sequence[str]:
        """Those that have come before, and that the ERP does not describe now."""
        described = self._described_of(tenant)
        return self._facts_of(tenant).missed_columns(described, self._configured - described)

    def absent(self, tenant: str) -> Sequence[str]:
        """Those that the tenant does not have and never had."""
        lacking, missed = self._configured - self._described_of(tenant), self.missed(tenant)
        # Parts of what is missed are not listed there.
        return [name for name in outermost(sorted({*lacking, *missed})) if name not in missed]
