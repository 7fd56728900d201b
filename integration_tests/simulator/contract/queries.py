"""The six query options, read into a plan of what comes in each record, as far as the screen can serve it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from integration_tests.simulator.store.shapes import CustomField, Entity, Field, Part, Shape
from integration_tests.simulator.store.tables import Matches
from integration_tests.simulator.web.answers import RefusedError, bad_request, failure, not_optimizable

# In every record, whatever is selected.
FILES = "files"
ALWAYS = frozenset({"id", "rowNumber", "note", "custom", "error", "files"})
Paths = dict[str, Any]  # names as a tree: {"Details": {"InventoryID": {}}}


@dataclass(frozen=True)
class Plan:
    """What comes of one shape, in the order it comes in."""

    fields: tuple[Field, ...]
    parts: tuple[tuple[Part, Plan], ...] = ()
    customs: tuple[CustomField, ...] = ()
    selects: bool = False
    files: bool = False
    empty_collections: tuple[str, ...] = ()

    def asks(self, name: str) -> bool:
        return any(each.name == name for each in self.fields)

    def shows_files(self) -> bool:
        """Here or in a part."""
        return self.files or any(plan.shows_files() for _, plan in self.parts)

    def expands(self, path: str) -> bool:
        head, _, rest = path.partition("/")
        return any(part.name == head and (not rest or plan.expands(rest)) for part, plan in self.parts)


@dataclass(frozen=True)
class Window:
    """The rows of a list that are asked for."""

    skip: int = 0
    top: int | None = None

    def of(self, rows: Sequence[int] | Matches) -> Sequence[int]:
        return rows[self.skip :] if self.top is None else rows[self.skip : self.skip + self.top]


class Asked(Protocol):
    """What is asked for of one shape, in whichever words."""

    @property
    def names(self) -> Collection[str] | None:
        """What is selected; None: everything."""

    @property
    def parts(self) -> Collection[str]:
        """What is expanded."""

    @property
    def files(self) -> bool:
        """Whether the files attached to it come."""

    @property
    def customs_here(self) -> Sequence[str]:
        """`View.Field`."""

    def below(self, name: str) -> Asked:
        """What is asked for of an expanded part."""

    def shows(self, name: str) -> bool:
        """Whether an expanded part comes."""


@dataclass(frozen=True)
class _Asked:
    select: Paths | None  # None: everything
    expand: Paths
    customs: Mapping[str, Sequence[str]] = field(default_factory=dict)  # path of the detail -> `View.Field`

    @property
    def names(self) -> Collection[str] | None:
        return None if self.select is None else self.select.keys()

    @property
    def parts(self) -> Collection[str]:
        return self.expand.keys() - {FILES}

    @property
    def files(self) -> bool:
        """As any part, they come only if they are selected too."""
        return FILES in self.expand and self.shows(FILES)

    @property
    def customs_here(self) -> Sequence[str]:
        return self.customs.get("", ())

    def below(self, name: str) -> _Asked:
        select = self.select and self.select.get(name)
        split = ((path.partition("/"), each) for path, each in self.customs.items())
        inside = {rest: each for (head, _, rest), each in split if head == name}
        return _Asked(select or None, self.expand[name], inside)

    def shows(self, name: str) -> bool:
        return self.select is None or name in self.select


def read_window(query: Mapping[str, str]) -> Window:
    top = _whole(query, "$top")
    return Window(_whole(query, "$skip") or 0, top)


def read_plan(query: Mapping[str, str], entity: Entity, empty_collections: bool = False) -> Plan:
    select, expand = names_in(query, "$select"), names_in(query, "$expand")
    chosen = _whole_where_named(_tree(select), select) if select else None
    asked = _Asked(chosen, _tree(expand), _customs(query, entity))
    return plan_of(asked, entity, empty_collections)


def refuse_what_cannot_be_listed(plan: Plan, entity: Entity) -> None:
    """Lists are compiled to one SQL query; a view with a BQL delegate cannot be."""
    limits = entity.limits
    if limits.delegate_view and not _asks_keys_only(plan, entity):
        raise RefusedError(not_optimizable(f"There is a BqlDelegate in view {limits.delegate_view}."))
    if limits.refuses_select and plan.selects:
        raise RefusedError(not_optimizable())
    for path, view in limits.delegate_expands.items():
        if plan.expands(path):
            raise RefusedError(not_optimizable(f"There is a BqlDelegate in view {view}."))
    asked = ((name, view) for name, view in limits.delegate_fields.items() if plan.asks(name))
    if lines := [f"{name}: View {view} has BQL delegate" for name, view in asked]:
        raise RefusedError(not_optimizable("The following fields cause the error:\r\n" + "\r\n".join(lines) + "\r\n"))


def unknown_key() -> RefusedError:
    kind = "System.Collections.Generic.KeyNotFoundException"
    return RefusedError(failure("The given key was not present in the dictionary.", kind))


def _asks_keys_only(plan: Plan, entity: Entity) -> bool:
    names = {each.name for each in plan.fields}
    more = plan.parts or plan.customs or plan.files
    return plan.selects and bool(entity.keys) and names <= set(entity.keys) and not more


def _whole(query: Mapping[str, str], option: str) -> int | None:
    text = query.get(option)
    if text is None:
        return None
    if not text.isdecimal():
        raise RefusedError(bad_request(f"The value '{text}' is not valid for {option}."))
    return int(text)


def names_in(query: Mapping[str, str], option: str) -> list[str]:
    return [name.strip() for name in query.get(option, "").split(",") if name.strip()]


def _tree(paths: Sequence[str]) -> Paths:
    tree: Paths = {}
    for path in paths:
        node = tree
        for name in path.split("/"):
            node = node.setdefault(name, {})
    return tree


def _whole_where_named(tree: Paths, paths: Sequence[str]) -> Paths:
    """Who selects `Details` and `Details/InventoryID` gets all fields of the details."""
    for *above, last in (path.split("/") for path in paths):
        node = tree
        for name in above:
            node = node.get(name, {})
        if last in node:
            node[last] = {}
    return tree


def plan_of(asked: Asked, shape: Shape, empty_collections: bool = False) -> Plan:
    _check_names(asked, shape)
    chosen = asked.names
    fields = tuple(each for name, each in shape.field_by_name.items() if chosen is None or name in chosen)
    parts = tuple(
        (part, plan_of(asked.below(name), part.shape))
        for name, part in shape.part_by_name.items()
        if name in asked.parts and asked.shows(name)
    )
    shows_empty = empty_collections and chosen is None
    empty = tuple(name for name in shape.collection_by_name if shows_empty and name not in asked.parts)
    customs = tuple(_custom(shape, path) for path in asked.customs_here)
    return Plan(fields, parts, customs, chosen is not None, asked.files, empty)


def _check_names(asked: Asked, shape: Shape) -> None:
    selectable = ALWAYS | shape.field_by_name.keys() | shape.part_by_name.keys()
    if not selectable >= set(asked.names or ()) or not shape.part_by_name.keys() >= set(asked.parts):
        raise unknown_key()


def _custom(shape: Shape, path: str) -> CustomField:
    custom = shape.custom_by_path.get(path)
    if custom is None:
        raise unknown_key()
    if not custom.readable:
        raise RefusedError(failure("Unable to cast object of type 'System.Byte[]'.", "System.InvalidCastException"))
    return custom


def _customs(query: Mapping[str, str], entity: Entity) -> dict[str, list[str]]:
    """`View.Field` belongs to the entity, `Details/View.Field` to a detail."""
    customs: dict[str, list[str]] = {}
    for name in names_in(query, "$custom"):
        where, _, path = name.rpartition("/")
        if where and where.split("/")[0] not in entity.part_by_name:
            raise unknown_key()
        customs.setdefault(where, []).append(path)
    return customs
