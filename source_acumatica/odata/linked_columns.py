"""Finds, in a tenant's description, the columns of linked tables that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from source_acumatica.config import composed
from source_acumatica.erp.errors import config_error
from source_acumatica.odata.linked_tables import LinkedTable, joined_links
from source_acumatica.odata.metadata import EntitySet, Link
from source_acumatica.reading.credentials import credentials_in
from source_acumatica.reading.fields import FieldKind

LinksOf = Callable[[str], Sequence[Link]]
"""The links of a type, by its full name."""

# What the ERP follows in one request unless its web.config says otherwise (BEHAVIOR.md, "OData").
_MOST_LINKS = 3
# A table has up to a hundred links, and a message has to be read by somebody.
_MOST_NAMES = 60
_WORDING = "Write Table.Link.Column, such as SOOrder.CustomerByCustomerID.AcctCD"


class _UnusableError(Exception):
    """An entry names something that the tenant does not have; the text says what, without a full stop."""


class LinkedColumns:
    """What ``dac_linked_columns`` names, and what of that has been found in some tenant."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = tuple(dict.fromkeys(map(composed, entries)))
        self._found: set[str] = set()
        self._complaints: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def of(self, tenant: str, table: EntitySet, links_of: LinksOf) -> dict[str, LinkedTable]:
        """What comes of the rows that the rows of a tenant's ``table`` lead to, by the names of the links."""
        found: dict[str, LinkedTable] = {}
        for entry in self._entries:
            path = _path(entry, table.type_name)
            if path is not None:
                try:
                    found = joined_links(found, _followed(table, path, links_of))
                    self._found.add(entry)
                except _UnusableError as error:
                    self._complaints.setdefault(entry, f"Tenant '{tenant}': dac_linked_columns: {entry}: {error}.")
        return found

    def refuse_unmatched(self) -> None:
        """Refuse entries that stand for nothing in any tenant.

        Raises:
            AirbyteTracedException: a ``config_error`` that says for each what there is instead.
        """
        complaints = [
            self._complaints.get(entry)
            or f"dac_linked_columns: {entry} does not begin with a table that dac_tables names. {_WORDING}, and name "
            "the table in dac_tables as well."
            for entry in self._entries
            if entry not in self._found
        ]
        if complaints:
            raise config_error(" ".join(complaints))


def _path(entry: str, type_name: str) -> tuple[str, ...] | None:
    """What an entry names below a table, which it may call by its full or its short name; None for another table."""
    for name in (type_name, type_name.rpartition(".")[2]):
        if entry.startswith(f"{name}."):
            return tuple(entry.removeprefix(f"{name}.").split("."))
    return None


def _followed(table: EntitySet, path: tuple[str, ...], links_of: LinksOf) -> dict[str, LinkedTable]:
    """The one column at the end of a path, below its links.

    Raises:
        _UnusableError: there is no such link or column.
    """
    *names, column = path
    if not names:
        message = f"between {_short(table.type_name)} and the column {column}, it names no link. {_WORDING}"
        raise _UnusableError(message)
    if len(names) > _MOST_LINKS:
        message = f"the ERP follows {_MOST_LINKS} links at most, and these are {len(names)}"
        raise _UnusableError(message)
    if names[0].casefold() in {name.casefold() for name in table.fields}:
        message = f"{_short(table.type_name)} has a column of its own called {names[0]}"
        raise _UnusableError(message)
    links, type_name = [], table.type_name
    for name in names:
        link = _link(type_name, name, links_of(type_name))
        links.append(link)
        type_name = link.type_name
    below = LinkedTable({column: _kind(links[-1], column)})
    for link in reversed(links[1:]):
        below = LinkedTable(links={link.name: below})
    return {links[0].name: below}


def _link(type_name: str, name: str, links: Sequence[Link]) -> Link:
    """The link of this name, if it leads to one row."""
    link = next((each for each in links if each.name == name), None)
    if link is None:
        single = _listed(each.name for each in links if not each.is_many)
        message = f"{_short(type_name)} has no link {name}. Those to one row are {single}"
        raise _UnusableError(message)
    if link.is_many:
        other = _short(link.type_name)
        message = f"{name} leads from a row to several, which are no columns of it: name {other} in dac_tables"
        raise _UnusableError(message)
    return link


def _kind(link: Link, column: str) -> FieldKind:
    """The type of a column of the row that a link leads to; those that hold credentials do not count."""
    fields = _readable(link)
    if column not in fields:
        message = f"{_short(link.type_name)} has no column {column} that can be asked for. There are {_listed(fields)}"
        raise _UnusableError(message)
    return fields[column]


def _readable(link: Link) -> Mapping[str, FieldKind]:
    hidden = credentials_in(link.fields, _short(link.type_name), link.keys)
    return {name: kind for name, kind in link.fields.items() if name not in hidden}


def _short(type_name: str) -> str:
    return type_name.rpartition(".")[2]


def _listed(names: Iterable[str]) -> str:
    some = sorted(names)
    more = len(some) - _MOST_NAMES
    return f"{', '.join(some[:_MOST_NAMES]) or 'none'}{f' and {more} more' if more > 0 else ''}"


def paths_of(links: Mapping[str, LinkedTable]) -> Iterator[str]:
    """The columns that ``links`` bring, as the settings write them behind the table."""
    for name, linked in links.items():
        yield from (f"{name}.{column}" for column in linked.fields)
        yield from (f"{name}.{path}" for path in paths_of(linked.links))
