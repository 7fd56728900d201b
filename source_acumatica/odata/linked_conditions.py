"""Tells which links of a table lead to rows that belong to its records, and writes conditions on their stamps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from source_acumatica.erp.addresses import fits
from source_acumatica.odata.metadata import EntitySet, Link
from source_acumatica.odata.query import instant_literal
from source_acumatica.odata.tables import NOTE_ID
from source_acumatica.reading.table import stamps_of

ANY_SPELLINGS = ("Any", "any")
"""The word for "one of the rows at least": as the ERP's guide writes it, and as OData does."""
BY_NOTE_ID = {"$select": NOTE_ID, "$orderby": NOTE_ID}
# What a request for a later page adds.
_PLACE = {"$top": "10000", "$skip": "10000000"}
# Rows that have only their record's id, such as the values of attributes.
_ID_OF_RECORD = "RefNoteID"
# The lines of invoices and bills have another name for the first key of their document.
_SAME_KEY = {("DocType", "TranType")}
# A person whom a record names has a form of its own; an address or a contact of a document has not.
_PERSON, _PERSON_KEY = "Contact", "ContactID"


@dataclass(frozen=True)
class LinkedStamp:
    """A link to rows that belong to the record, with the column that says when these were changed."""

    link: str
    stamp: str
    is_many: bool

    def condition(self, since: str, word: str) -> str:
        """Whether such a row was changed from ``since`` on; ``word`` is one of ``ANY_SPELLINGS``."""
        instant = instant_literal(since, 4)
        if self.is_many:
            return f"{self.link}/{word}(x: x/{self.stamp} ge {instant})"
        return f"{self.link}/{self.stamp} ge {instant}"


def own_links(table: EntitySet) -> list[LinkedStamp]:
    """The links whose rows belong to the table's records and have a stamp, by name.

    A change of any other linked row, such as the customer of an order, would make all records be read that name it.
    """
    links = sorted(table.links, key=lambda link: link.name)
    owned = [link for link in links if (_is_part if link.is_many else _is_of_one_record)(table, link)]
    return [LinkedStamp(link.name, stamps[0], link.is_many) for link in owned if (stamps := stamps_of(link.fields))]


def _is_part(table: EntitySet, link: Link) -> bool:
    """Whether each row of a collection is a part of one record: its key is that of the record, and more."""
    if len(link.keys) > 1 and link.keys[0] == _ID_OF_RECORD:
        return NOTE_ID in table.fields
    pairs = zip(table.keys, link.keys, strict=False)
    is_longer = len(link.keys) > len(table.keys) > 0
    return is_longer and all(ours == theirs or (ours, theirs) in _SAME_KEY for ours, theirs in pairs)


def _is_of_one_record(table: EntitySet, link: Link) -> bool:
    """Whether a linked row is the record's own: an address, a contact, or a row with the record's key."""
    short, foreign_key = link.type_name.rpartition(".")[2], link.name.rpartition("By")[2]
    if short.endswith(("Address", "Contact")):
        return (short, foreign_key) != (_PERSON, _PERSON_KEY)
    # By another key, the same type would be another record: an order and the order that it was copied from. The
    # name has one column of several, so that these have to be described.
    by_key = {*link.pairs} == {(key, key) for key in table.keys} if link.pairs else (foreign_key,) == table.keys
    return link.keys == table.keys and by_key


def filter_of(links: Sequence[LinkedStamp], since: str, word: str) -> str:
    """The condition that is true of records of which any linked row was changed."""
    return " or ".join(link.condition(since, word) for link in links)


def in_requests(links: Sequence[LinkedStamp], since: str) -> Iterator[tuple[LinkedStamp, ...]]:
    """The links that are asked for by one request each, so that no address gets too long."""
    some: tuple[LinkedStamp, ...] = ()
    for link in links:
        longer = filter_of([*some, link], since, ANY_SPELLINGS[0])
        if some and not fits({"$filter": longer, **BY_NOTE_ID, **_PLACE}):
            yield some
            some = ()
        some = (*some, link)
    if some:
        yield some
