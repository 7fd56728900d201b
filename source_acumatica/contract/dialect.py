"""How a contract version writes what is asked for: options, literals, and the parameters of inquiry forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import Any

from source_acumatica.reading.fields import FieldKind

_ALL = "*"


@dataclass(frozen=True)
class Asked:
    """What is asked for of a record, by paths such as ``Details/InventoryID``; containers come before their parts."""

    expand: Sequence[str] = ()
    """The linked objects and collections."""
    select: Sequence[str] | None = None
    """The fields; a name in ``expand`` stands for all fields within. None: all fields."""
    custom: Sequence[str] = ()
    """The custom fields, as ``View.Field`` or ``Details/View.Field``."""
    known_by: Sequence[str] = ()
    """The paths of the fields by which the records that have the custom fields are recognized in another answer."""


class CustomBy(StrEnum):
    """How custom fields are asked for."""

    STAR = "named in $select, beside * for all described fields"
    NAMES = "named in $select of requests of their own"
    OPTION = "named in $custom"


@dataclass(frozen=True)
class Dialect:
    """One way to write requests.

    Contract version 5 is documented in parts only: what is not known has alternatives, which are tried on the rows
    (BEHAVIOR.md, "Contract version 5").
    """

    is_nested: bool
    """Whether ``$expand=A($select=B;$expand=C)`` says what ``$expand=A,A/C`` and ``$select=A/B`` say."""
    has_typed_literals: bool
    """Whether instants and GUIDs have their type before them."""
    custom_by: CustomBy
    selects_expanded: bool
    """Whether ``$select`` names what ``$expand`` names."""
    has_ids: bool
    """Whether a choice is known by its id, and not by its label."""

    def instant(self, instant: str) -> str:
        """An instant in UTC: without a zone, the ERP would assume the site's own; it keeps milliseconds."""
        moment = datetime.fromisoformat(instant).astimezone(UTC)
        return self._typed("datetimeoffset", f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z")

    def key_literal(self, value: Any, kind: FieldKind) -> str:
        """The value of a key in a filter."""
        match kind:
            case FieldKind.GUID:
                return self._typed("guid", value)
            case FieldKind.DATE_TIME:
                return self._typed("datetimeoffset", value)
            case FieldKind.DATE:
                return self._typed("date", value)
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, int) else "'{}'".format(str(value).replace("'", "''"))

    def _typed(self, type_: str, text: str) -> str:
        return f"{type_}'{text}'" if self.has_typed_literals else text

    def parameter(self, value: Any, kind: FieldKind) -> dict[str, Any]:
        """The value of an inquiry form's parameter in its wrapper."""
        is_choice = self.has_ids and kind in (FieldKind.CHOICE, FieldKind.INTEGER_CHOICE)
        return {"value": {"id": value} if is_choice else value}

    def options(self, asked: Asked) -> dict[str, str]:
        """The options ``$select``, ``$expand`` and ``$custom`` of a request."""
        if self.is_nested:
            select, expand = self._select_at("", asked), self._expand_at("", asked)
        else:
            select, expand = list(asked.select or ()), list(asked.expand)
        custom = asked.custom if self.custom_by is CustomBy.OPTION else ()
        lists = {"$expand": expand, "$select": select, "$custom": custom}
        return {option: ",".join(names) for option, names in lists.items() if names}

    def _select_at(self, path: str, asked: Asked) -> list[str]:
        """The ``$select`` of the records at a path; none for all their described fields and nothing else."""
        chosen = None if asked.select is None else [name for name in _at(path, asked.select, but=asked.expand)]
        custom = [] if self.custom_by is CustomBy.OPTION else _at(path, asked.custom)
        if not chosen and not custom:
            return []
        every = _at(path, asked.known_by) if self.custom_by is CustomBy.NAMES else [_ALL]
        return [*(chosen or every), *custom, *(_at(path, asked.expand) if self.selects_expanded else ())]

    def _expand_at(self, path: str, asked: Asked) -> list[str]:
        """The names that the records at a path expand, each with the options for what is in it."""
        return [self._expanded(name, f"{path}/{name}".lstrip("/"), asked) for name in _at(path, asked.expand)]

    def _expanded(self, name: str, path: str, asked: Asked) -> str:
        lists = {"$select": self._select_at(path, asked), "$expand": self._expand_at(path, asked)}
        options = ";".join(f"{option}={','.join(names)}" for option, names in lists.items() if names)
        return f"{name}({options})" if options else name

    def alternatives(self, asked: Asked, *, filters: bool) -> Iterator[Dialect]:
        """The other ways to ask for the same, the nearest first; none for a dialect that is well known."""
        if not self.is_nested:
            return
        custom = [self.custom_by, *(each for each in CustomBy if each is not self.custom_by)]
        expanded, typed = [self.selects_expanded], [self.has_typed_literals]
        ways = product(
            custom if asked.custom else custom[:1],
            expanded + [not self.selects_expanded] * bool(asked.expand and (asked.select or asked.custom)),
            typed + [not self.has_typed_literals] * filters,
        )
        others = [
            replace(self, custom_by=custom_by, selects_expanded=selects_expanded, has_typed_literals=has_typed_literals)
            for custom_by, selects_expanded, has_typed_literals in ways
        ]
        yield from sorted(others[1:], key=self._distance)

    @property
    def described(self) -> str:
        """What distinguishes it from other ways to ask for the same, in words for the log."""
        expanded = "names of expanded parts in $select" if self.selects_expanded else "no names of parts in $select"
        return f"custom fields {self.custom_by}, {expanded}, and {'typed' if self.has_typed_literals else 'bare'} times"

    def _distance(self, other: Dialect) -> int:
        ours = (self.custom_by, self.selects_expanded, self.has_typed_literals)
        theirs = (other.custom_by, other.selects_expanded, other.has_typed_literals)
        return sum(one != another for one, another in zip(ours, theirs, strict=True))


def _at(path: str, names: Sequence[str], but: Sequence[str] = ()) -> list[str]:
    """The last parts of those ``names`` that lie right below ``path``."""
    split = (name.rpartition("/") for name in names if name not in but)
    return [last for above, _, last in split if above == path]


_PATHS = Dialect(
    is_nested=False,
    has_typed_literals=True,
    custom_by=CustomBy.OPTION,
    selects_expanded=True,
    has_ids=False,
)
_NESTED = Dialect(
    is_nested=True,
    has_typed_literals=False,
    custom_by=CustomBy.STAR,
    # If that is refused, the ERP says so; if it were needed and not done, parts might come as null without a word.
    selects_expanded=True,
    has_ids=True,
)
OLDEST = "3"
"""The first contract version that fails, and does not answer slowly, where it cannot read a list in one query."""
USUAL = "4"
"""The contract version of most endpoints."""
DIALECTS: Mapping[str, Dialect] = MappingProxyType({OLDEST: _PATHS, USUAL: _PATHS, "5": _NESTED})
"""By contract version, as ``info.version`` of an endpoint's description says it."""


def keeps_columns(contract: str) -> bool:
    """Whether a contract version is read where none is named: later ones have other columns and keys."""
    return contract in DIALECTS and not DIALECTS[contract].has_ids
