"""Records as the contract API writes them: every value in its wrapper, straight to JSON text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from json.encoder import encode_basestring as quoted
from typing import Any
from uuid import uuid4

from integration_tests.simulator.contract.queries import Plan
from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.shapes import CustomField, Entity, Shape
from integration_tests.simulator.store.values import Value, as_instant

# A page of a big table writes a hundred thousand values: a look-up is the cheapest way to the right writer.
PLAIN: dict[type, Callable[[Any], str]] = {
    str: quoted,
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: lambda value: format(value, "f"),
}


@dataclass(frozen=True)
class Renderer:
    entity: Entity
    endpoint_path: str
    zone: tzinfo
    has_stable_ids: bool = True

    def listed(self, records: Iterable[Record], plan: Plan) -> str:
        return "[" + ",".join(self.top(record, plan, number) for number, record in enumerate(records, 1)) + "]"

    def top(self, record: Record, plan: Plan, number: int = 1) -> str:
        """A record whose entity has no NoteID gets an id that lasts for this answer only."""
        identity = record.spot.id if self.entity.stable_id and self.has_stable_ids else str(uuid4())
        members = self._members(record, plan, identity, number, '{"value":""}')
        if plan.files:
            members.append('"files":' + self._files(identity))
        members.append(f'"_links":{{"self":"{self.endpoint_path}/{self.entity.name}/{identity}"}}')
        return "{" + ",".join(members) + "}"

    def _inner(self, record: Record, plan: Plan, number: int = 1) -> str:
        return "{" + ",".join(self._members(record, plan, str(uuid4()), number, "null")) + "}"

    def _members(self, record: Record, plan: Plan, identity: str, number: int, note: str) -> list[str]:
        members = [f'"id":"{identity}","rowNumber":{number},"note":{note}']
        members += [f'"{field.name}":{self.wrapped(record.value(field.name))}' for field in plan.fields]
        members += [f'"{part.name}":{self._part(record, part.name, inner)}' for part, inner in plan.parts]
        members += [f'"{name}":[]' for name in plan.empty_collections]
        members.append('"custom":' + self._customs(record, plan))
        return members

    def _part(self, record: Record, name: str, plan: Plan) -> str:
        if name in record.shape.link_by_name:
            linked = record.linked(name)
            return "null" if linked is None else self._inner(linked, plan)
        return "[" + ",".join(self._inner(row, plan, at) for at, row in enumerate(record.details(name), 1)) + "]"

    def _customs(self, record: Record, plan: Plan) -> str:
        views: dict[str, list[str]] = {}
        for custom in plan.customs:
            value = record.custom(custom.path)
            tail = "" if value is None else ',"value":' + self.text(value)
            views.setdefault(custom.view, []).append(f'"{custom.name}":{{"type":"{wrapper_of(custom)}"{tail}}}')
        return "{" + ",".join(f'"{view}":{{{",".join(fields)}}}' for view, fields in views.items()) + "}"

    def _files(self, identity: str) -> str:
        href = f"{self.endpoint_path}/files/{identity}"
        name = quoted(f"{self.entity.title} ({identity[-4:]})\\scan.pdf")
        return f'[{{"id":"{identity}","filename":{name},"href":"{href}","comment":null}}]'

    def wrapped(self, value: Value) -> str:
        return "{}" if value is None else f'{{"value":{self.text(value)}}}'

    def text(self, value: Value) -> str:
        if type(value) in PLAIN:
            return PLAIN[type(value)](value)
        assert isinstance(value, date)
        return f'"{self._instant(value)}"'

    def _instant(self, value: date) -> str:
        """ISO 8601 in the server's zone, with as many of three fractional digits as it needs."""
        moment = as_instant(value, self.zone)
        assert isinstance(moment, datetime)
        text = moment.astimezone(self.zone).isoformat(timespec="milliseconds")
        clock, offset = text[:-6], text[-6:]
        return clock.rstrip("0").rstrip(".") + offset if clock[-4] == "." else text


def wrapper_of(custom: CustomField) -> str:
    return f"Custom{custom.kind.value}Field"


def ad_hoc_schema(shape: Shape) -> dict[str, object]:
    """The empty record that shows which fields the contract leaves out."""
    views: dict[str, dict[str, object]] = {}
    for custom in shape.customs:
        views.setdefault(custom.view, {})[custom.name] = {"type": wrapper_of(custom), "value": None}
    record: dict[str, object] = {"id": str(uuid4()), "rowNumber": 1, "note": None}
    record |= {name: {} for name in shape.field_by_name}
    record |= {name: ad_hoc_schema(part.shape) for name, part in shape.link_by_name.items()}
    record |= {name: [ad_hoc_schema(part.shape)] for name, part in shape.collection_by_name.items()}
    return record | {"custom": views}
