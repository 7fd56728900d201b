"""Finds by which columns the links between tables join them: descriptions and names suggest them, rows decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import config_error, message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.metadata import Link
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import NOTE_ID, ODataFeed, ODataTable
from source_acumatica.odata.values import trimmed
from source_acumatica.reading.codec import plain_value
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
    without_join: dict[tuple[str, str], str] = field(default_factory=dict)
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
        for (table, link), reason in sorted(self.without_join.items()):
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
        """Whether a collection is the other direction of a join by all columns of its table's key.

        Of the same names, as those of lines are: ``OrigOrderNbr`` says nothing of the lines of an order.
        """
        keys = {*trial.keys}
        return any({*join.columns} == {*join.others_columns} == keys for join in self._opposite(trial))

    def _opposite(self, trial: _Trial) -> Iterator[Join]:
        """What was found between the ends of a collection, from the rows of which there are many."""
        for join in self.found.values() if trial.link.is_many else ():
            if (join.stream, join.other) == (trial.other.name, trial.table.name):
                yield join

    def _try(self, service: ODataService, tenant: str, trial: _Trial) -> None:
        place, where = trial.place, f"Tenant '{tenant}', {trial.table.name}, link {trial.link.name}"
        params = {"$expand": trial.link.name, "$top": str(_ROWS)}
        try:
            page = service.rows(tenant, ODataFeed.TABLES, trial.table.title, params, where=where, is_hint=True)
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            self.without_join[place] = f"it could not be tried: {message_of(error)}"
            return
        self.without_join.pop(place, None)
        outcome = trial.outcome(trial.pairs(page.rows))
        if isinstance(outcome, Join):
            self.found[place] = outcome
        elif not any(self._opposite(trial)):
            self.without_join[place] = outcome


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

    def outcome(self, pairs: Sequence[Pair]) -> Join | str:
        """The join that the rows show, or why they show none."""
        if not pairs:
            return "no row is linked by it"
        reason = "its rows do not show by which columns"
        for own, others, is_described in self._same(pairs):
            lead = others if not self.link.is_many else own
            if self._may_be_several(pairs, lead, is_described):
                reason = f"its rows agree in {', '.join(own)}, which may lead to several rows"
            elif self.link.is_many:
                return Join(self.other.name, others, self.table.name, own, self._source(pairs))
            else:
                return Join(self.table.name, own, self.other.name, others, self._source(pairs))
        return reason

    def _source(self, pairs: Sequence[Pair]) -> str:
        return f"link {self.link.name}, tried on {len(pairs)} rows"

    def _linked(self, row: Raw) -> Iterator[Mapping[str, Any]]:
        linked = row.get(self.link.name)
        yield from linked if isinstance(linked, list) else [linked] if isinstance(linked, dict) else []

    def _same(self, pairs: Sequence[Pair]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], bool]]:
        """Columns of both tables that agree in all pairs: those that are described first, and whether they are."""
        own, others = tuple(pair[0] for pair in self.link.pairs), tuple(pair[1] for pair in self.link.pairs)
        is_there = {*own} <= self.table.fields.keys() and {*others} <= self.other.fields.keys()
        if own and is_there and all(_equals(each, pairs, [other]) for each, other in self.link.pairs):
            yield own, others, True
        for own in self._own_columns():
            matched = [self._same_column(column, pairs) for column in own]
            if own and all(matched):
                yield own, tuple(filter(None, matched)), False

    def _own_columns(self) -> Iterator[tuple[str, ...]]:
        """The columns of the table that the link may go by.

        The name of a link to one row ends in one of them, or in some; rows of a collection have the key of theirs, or
        its id.
        """
        if self.link.is_many:
            yield self.keys
            yield (NOTE_ID,)
        else:
            start = f"{self.link.type_name.rpartition('.')[2]}By"
            if self.link.name.startswith(start):
                yield from _parted(self.link.name.removeprefix(start), tuple(self.table.fields))

    def _same_column(self, column: str, pairs: Sequence[Pair]) -> str | None:
        """The column of the other table that has the same value in each pair, if there is one.

        Of several, one of its key, and then the one with the same name: a row can have its number more than once. But a
        row that leads to another of its own table has the numbers of that one under other names.
        """
        same = _equals(column, pairs, self.other.fields)
        if self._is_within:
            same = [name for name in same if name != column]
        for preferred in () if self._is_within and self.link.is_many else (self.link.keys, (column,)):
            same = [name for name in same if name in preferred] or same
        return same[0] if len(same) == 1 else None

    @property
    def _is_within(self) -> bool:
        return self.table.name == self.other.name

    def _may_be_several(self, pairs: Sequence[Pair], columns: tuple[str, ...], is_described: bool) -> bool:
        """Whether the rows or the key leave open that ``columns`` have the same values in several rows."""
        is_many, keys = self.link.is_many, self.keys if self.link.is_many else self.link.keys
        rows: list[Mapping[str, Any]] = [pair[0] if is_many else pair[1] for pair in pairs]
        rows += [pair[1] if is_many else pair[0] for pair in pairs] if self._is_within else []
        found = {_values(row, columns) for row in rows}
        if len(found) < len({_values(row, (*keys, NOTE_ID) if keys else tuple(row)) for row in rows}):
            return True
        if keys and {*keys} <= {*columns}:
            return False
        # What is unique in few rows need not be: a part of a key never is, and one row alone shows nothing.
        return {*columns} < {*keys} or (len(found) == 1 and not is_described)


def _values(row: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """As text, since a value may be a list."""
    return tuple(repr(plain_value(trimmed(row.get(column)))) for column in columns)


def _parted(text: str, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The ways to write ``text`` as names of columns, one behind the other."""
    if not text:
        yield ()
    for name in names:
        if text.startswith(name):
            yield from ((name, *rest) for rest in _parted(text.removeprefix(name), names))


def _equals(column: str, pairs: Sequence[Pair], names: Iterable[str]) -> list[str]:
    """Those of the columns ``names`` of the linked rows that have the value of ``column`` in each pair."""
    values = [(trimmed(row.get(column)), linked) for row, linked in pairs]
    if any(value is None for value, _linked in values):
        return []
    return [name for name in names if all(trimmed(linked.get(name)) == value for value, linked in values)]
