"""Keeps the types of an OData description in little memory, since thousands are described and few are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_LINK = ">"  # tells the type of a link from that of a property, beside which it is kept


def link_to(name: str, target: str) -> str:
    """A link among the properties of its type."""
    return f"{name}\t{_LINK}{target}"


def same_in_both(own: str, other: str) -> str:
    """A pair of columns by which a link joins, to be written behind it."""
    return f"\t{own}\t{other}"


def parted_link(packed: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a link leads to, and the pairs of columns behind it."""
    target, *columns = packed.split("\t")
    return target, tuple(zip(columns[::2], columns[1::2], strict=True))


@dataclass
class PackedType:
    """An entity type; its properties are kept as one text.

    Which types are wanted is known only when the sets have come, and any of the others may be a base.
    """

    base: str
    keys: list[str] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)
    packed: str = ""

    def pack(self) -> None:
        """Keep the properties that have come as one text."""
        self.packed = "\n".join(self.properties)
        self.properties = []

    def types(self, *, of_links: bool = False) -> Iterator[tuple[str, str]]:
        """Each property with its type, or each link with that of what it leads to and with its pairs of columns."""
        for line in self.packed.split("\n") if self.packed else ():
            name, _, edm = line.partition("\t")
            if edm.startswith(_LINK) is of_links:
                yield name, edm.removeprefix(_LINK)


@dataclass
class Called:
    """A function in the description."""

    parameters: dict[str, str] = field(default_factory=dict)
    type_name: str = ""
