"""Records as the contract API writes them: every value in its wrapper, straight to JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from integration_tests.simulator.contract.queries import Plan
from integration_tests.simulator.contract.values import Values, Write
from integration_tests.simulator.store.attachments import AttachedFile, Attachments
from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.shapes import CustomField, Entity, Part, Shape

# The opening of a member, where its value stands in the record, and how it is written.
Fields = tuple[tuple[str, str, Write], ...]
Customs = tuple[tuple[CustomField, Write], ...]


@dataclass(frozen=True)
class Renderer:
    entity: Entity
    endpoint_path: str
    values: Values
    attachments: Attachments
    has_stable_ids: bool = True
    has_comments: bool = True
    _writers: dict[int, tuple[Fields, Customs]] = field(default_factory=dict)

    def listed(self, records: Iterable[Record], plan: Plan) -> str:
        return "[" + ",".join(self.top(record, plan, number) for number, record in enumerate(records, 1)) + "]"

    def top(self, record: Record, plan: Plan, number: int = 1) -> str:
        """A record whose entity has no NoteID gets an id that lasts for this answer only."""
        identity = record.spot.id if self.entity.stable_id and self.has_stable_ids else str(uuid4())
        members = self._members(record, self.entity, plan, identity, number, '{"value":""}')
        if plan.files:
            members.append('"files":' + self._files(self.attachments.of(record)))
        members.append(f'"_links":{{"self":"{self.endpoint_path}/{self.entity.name}/{identity}"}}')
        return "{" + ",".join(members) + "}"

    def _inner(self, record: Record, shape: Shape, plan: Plan, number: int = 1) -> str:
        return "{" + ",".join(self._members(record, shape, plan, str(uuid4()), number, "null")) + "}"

    def _members(self, record: Record, shape: Shape, plan: Plan, identity: str, number: int, note: str) -> list[str]:
        fields, customs = self._of(shape, plan)
        members = [f'"id":"{identity}","rowNumber":{number},"note":{note}']
        members += [opening + write(record.value(column)) for opening, column, write in fields]
        members += [f'"{part.name}":{self._part(record, part, inner)}' for part, inner in plan.parts]
        members += [f'"{name}":[]' for name in plan.empty_collections]
        members.append('"custom":' + self._customs(record, customs))
        return members

    def _of(self, shape: Shape, plan: Plan) -> tuple[Fields, Customs]:
        """Found once for all the rows of a page."""
        if id(plan) not in self._writers:
            values = self.values
            fields = ((f'"{each.name}":', each.column, values.wrapper(shape, each)) for each in plan.fields)
            customs = ((each, values.custom(shape, each)) for each in plan.customs)
            self._writers[id(plan)] = tuple(fields), tuple(customs)
        return self._writers[id(plan)]

    def _part(self, record: Record, part: Part, plan: Plan) -> str:
        if part.name in record.shape.link_by_name:
            linked = record.linked(part.name)
            return "null" if linked is None else self._inner(linked, part.shape, plan)
        rows = enumerate(record.details(part.name), 1)
        return "[" + ",".join(self._line(record, row, part, plan, at) for at, row in rows) + "]"

    def _line(self, above: Record, row: Record, part: Part, plan: Plan, place: int) -> str:
        text = self._inner(row, part.shape, plan, place)
        if not plan.files:
            return text
        return f'{text[:-1]},"files":{self._files(self.attachments.of(above, part.name, place))}}}'

    def _customs(self, record: Record, customs: Customs) -> str:
        views: dict[str, list[str]] = {}
        for custom, write in customs:
            value = record.custom(custom.path)
            if value is not None or not self.values.omits_empty_customs:
                views.setdefault(custom.view, []).append(
                    f'"{custom.name}":{{"type":"{wrapper_of(custom)}"{write(value)}}}'
                )
        return "{" + ",".join(f'"{view}":{{{",".join(fields)}}}' for view, fields in views.items()) + "}"

    def _files(self, files: Iterable[AttachedFile]) -> str:
        return json.dumps(
            [
                {"id": each.id, "filename": each.filename, "href": f"{self.endpoint_path}/files/{each.id}"}
                | ({"comment": each.comment} if self.has_comments else {})
                for each in files
            ]
        )


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
