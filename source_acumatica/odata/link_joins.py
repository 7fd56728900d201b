"""Finds by which columns the links between tables join them: descriptions name the links, and rows show the columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import config_error, message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.metadata import Link
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import NOTE_ID, ODataFeed, ODataTable
from source_acumatica.odata.values import trimmed
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.join import Join

# Ids of neighbouring rows differ, so that few rows tell columns apart; a page of this size costs little.
_ROWS = 50
# As many as can be tried in some minutes. All 2,265 tables of a site have tens of thousands.
_MOST_LINKS = 500
# A row and one that it is linked with.
Pair = tuple[Raw, Mapping[str, Any]]


@dataclass
class LinkJoins:
    """The joins between ``tables``, found in the first tenant whose rows show them."""

    tables: Sequence[ODataTable]
    found: dict[tuple[str, str], Join] = field(default_factory=dict)
    """By table and link."""
    untold: dict[tuple[str, str], str] = field(default_factory=dict)
    """The same, with the reason why no join was found yet."""

    def ask(self, service: ODataService, tenant: str) -> None:
        """Try the links that are not known yet on rows of ``tenant``.

        Raises:
            AirbyteTracedException: the description of the tables cannot be read, or there are too many links.
        """
        trials = [*self._trials(service, tenant)]
        if len(trials) > _MOST_LINKS:
            message = (
                f"The {len(self.tables):,} tables have {len(trials):,} links between them, and each is tried by a "
                f"request; {_MOST_LINKS} are the most. Name fewer tables (dac__…)."
            )
            raise config_error(message)
        # Links to one row first: their names say more, and collections are often their other direction.
        for trial in sorted(trials, key=lambda one: (one.link.is_many, *one.place)):
            if trial.place not in self.found and not self._is_known(trial):
                self._try(service, tenant, trial)

    @property
    def joins(self) -> Iterator[Join]:
        """What was found, one join for each pair of tables and columns."""
        yield from {join.place: join for join in self.found.values()}.values()

    @property
    def sentences(self) -> Iterator[str]:
        """Each link by which no join was found, with the reason."""
        for (table, link), reason in sorted(self.untold.items()):
            yield f"{table}: the ERP has a link {link}; {reason}."

    def _trials(self, service: ODataService, tenant: str) -> Iterator[_Trial]:
        """The links from one of the tables to another, as the tenant describes them."""
        by_type = {table.type_name: table for table in self.tables}
        described = service.describe(
            tenant, ODataFeed.TABLES, lambda _set, name: name in by_type, with_links=True
        ).entity_sets
        for entity_set in described:
            for link in entity_set.links:
                if (table := by_type.get(entity_set.type_name)) and (other := by_type.get(link.type_name)):
                    yield _Trial(table, other, link, entity_set.keys)

    def _is_known(self, trial: _Trial) -> bool:
        """Whether a collection is the other direction of a link that is known already."""
        ends = trial.other.name, trial.table.name
        return trial.link.is_many and any((join.stream, join.other) == ends for join in self.found.values())

    def _try(self, service: ODataService, tenant: str, trial: _Trial) -> None:
        place, where = trial.place, f"Tenant '{tenant}', {trial.table.name}, link {trial.link.name}"
        params = {"$expand": trial.link.name, "$top": str(_ROWS)}
        try:
            page = service.rows(tenant, ODataFeed.TABLES, trial.table.title, params, where=where, is_hint=True)
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            self.untold[place] = f"it could not be tried: {message_of(error)}"
            return
        self.untold.pop(place, None)
        pairs = trial.pairs(page.rows)
        if join := trial.join(pairs):
            self.found[place] = join
        else:
            self.untold[place] = "its rows do not show by which columns" if pairs else "no row is linked by it"


@dataclass(frozen=True)
class _Trial:
    """A link, to be compared with rows that were asked for together with what it leads to."""

    table: ODataTable
    other: ODataTable
    link: Link
    keys: tuple[str, ...]
    """Those of the table, as it is described."""

    @property
    def place(self) -> tuple[str, str]:
        """The names of the table and of the link."""
        return self.table.name, self.link.name

    def pairs(self, rows: Sequence[Raw]) -> list[Pair]:
        """Each row with each that it is linked with."""
        return [(row, linked) for row in rows for linked in self._linked(row)]

    def join(self, pairs: Sequence[Pair]) -> Join | None:
        """The join, if the rows show exactly one."""
        if not pairs:
            return None
        source = f"link {self.link.name}, tried on {len(pairs)} rows"
        for own in self._own_columns():
            matched = [_same_column(column, pairs, self.other) for column in own]
            if own and all(matched):
                others = tuple(filter(None, matched))
                if self.link.is_many:
                    return Join(self.other.name, others, self.table.name, own, source)
                return Join(self.table.name, own, self.other.name, others, source)
        return None

    def _linked(self, row: Raw) -> Iterator[Mapping[str, Any]]:
        linked = row.get(self.link.name)
        yield from linked if isinstance(linked, list) else [linked] if isinstance(linked, dict) else []

    def _own_columns(self) -> Iterator[tuple[str, ...]]:
        """The columns of the table that the link may go by.

        The name of a link to one row ends in them; rows of a collection have the key of theirs, or its id.
        """
        if self.link.is_many:
            yield self.keys
            yield (NOTE_ID,)
        else:
            start = f"{self.link.type_name.rpartition('.')[2]}By"
            if self.link.name.startswith(start):
                yield from _parted(self.link.name.removeprefix(start), tuple(self.table.fields))


def _parted(text: str, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The ways to write ``text`` as names of columns, one behind the other."""
    if not text:
        yield ()
    for name in names:
        if text.startswith(name):
            yield from ((name, *rest) for rest in _parted(text.removeprefix(name), names))


def _same_column(column: str, pairs: Sequence[Pair], other: ODataTable) -> str | None:
    """The column of the other table that has the same value in each pair, if there is one.

    Of several, the one with the same name: a row can have its number more than once.
    """
    values = [(trimmed(row.get(column)), linked) for row, linked in pairs]
    if any(value is None for value, _linked in values):
        return None
    same = [name for name in other.fields if all(trimmed(linked.get(name)) == value for value, linked in values)]
    return column if column in same else same[0] if len(same) == 1 else None
