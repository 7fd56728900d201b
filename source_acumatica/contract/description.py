"""Reads an endpoint's ``swagger.json``, in Swagger 2.0 or OpenAPI 3.0, into the shapes of its entities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from source_acumatica.contract.dialect import keeps_columns
from source_acumatica.reading.credentials import credentials_in
from source_acumatica.reading.fields import FieldKind, Shape

# What every record inherits, and what does not come in records.
_BASE = frozenset({"id", "rowNumber", "note", "custom", "error", "files", "_links"})
_MARK_OF_THE_BASE = "rowNumber"
# Collections of collections are read; a third level has no table of its own.
_DEEPEST_COLLECTION = 2
# Contacts have addresses; anything deeper is a link back to where it came from.
_DEEPEST_OBJECT = 2
# The largest of Acumatica's own endpoints have about a thousand; a document where all schemas link to each other would
# never end.
_MOST_SHAPES = 50_000
# A segment of an address: ASP.NET refuses these characters there, and resolves dots; braces stand for a record's key.
_ENTITY_NAME = re.compile(r"(?![. ]*$)[^\x00-\x1f/\\<>*%&:?+\"{}$#]+")
# Characters that separate the names of an option ($select, $expand), or stand in front of them.
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f,/$@;()]")
# What begins so belongs to the API itself, such as _workflowActions, and not to the record.
_OF_THE_API = "_"
_KINDS = {kind.value: kind for kind in FieldKind if kind not in (FieldKind.UNKNOWN, FieldKind.DAY)}

Schema = Mapping[str, Any]


class DescriptionError(ValueError):
    """The document is JSON but does not describe an endpoint."""


@dataclass
class Description:
    """An endpoint as it describes itself."""

    contract: str
    """The contract version, as ``contract_of`` says it."""
    entities: dict[str, Shape]
    warnings: list[str] = field(default_factory=list)
    """One sentence for each field whose type is unknown, or that is left out for its name."""
    credentials: list[str] = field(default_factory=list)
    """The fields that hold credentials of other systems: no shape has them."""


def read_description(document: object) -> Description:
    """The top-level entities of a description: its paths of one segment that can be listed.

    Raises:
        DescriptionError: neither of the two formats, or larger than any endpoint.
    """
    try:
        return _read(document)
    except (AttributeError, TypeError) as error:
        # Anything in the place of an object or a list raises one of these.
        raise DescriptionError(str(error)) from None


def contract_of(document: object) -> str:
    """The contract version, ``"3"``, ``"4"`` or ``"5"``: ``info.version`` of the document; empty without one."""
    info = document.get("info") if isinstance(document, dict) else None
    return str(info.get("version", "")) if isinstance(info, dict) else ""


def _read(document: object) -> Description:
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        message = "no paths"
        raise DescriptionError(message)
    schemas = document.get("definitions") or document.get("components", {}).get("schemas") or {}
    description = Description(contract_of(document), {})
    reader = _Reader(schemas, description)
    for path, operations in document["paths"].items():
        name = path.removeprefix("/")
        if _ENTITY_NAME.fullmatch(name) and isinstance(operations, dict) and "get" in operations:
            schema_name = _listed_schema(operations["get"]) or name
            description.entities[name] = reader.shape(schema_name)
    return description


def _listed_schema(operation: Schema) -> str | None:
    """The schema of the rows that a list operation answers with."""
    answer = operation.get("responses", {}).get("200", {})
    contents = [answer, *answer.get("content", {}).values()]
    for content in contents:
        items = content.get("schema", {}).get("items")
        if target := _target(items):
            return target
    return None


def _target(schema: Schema | None) -> str:
    """The schema that another one refers to: by itself, or as the only choice beside null; empty for none."""
    reference = (schema or {}).get("$ref")
    if reference:
        return str(reference).rsplit("/", 1)[-1]
    members = [member for union in ("anyOf", "oneOf", "allOf") for member in (schema or {}).get(union, ())]
    targets = [target for target in map(_target, members) if target]
    return targets[0] if len(targets) == 1 else ""


class _Reader:
    """Resolves references among the schemas of one document."""

    def __init__(self, schemas: Mapping[str, Schema], description: Description) -> None:
        self._schemas, self._warnings, self._credentials = schemas, description.warnings, description.credentials
        self._contract = description.contract
        self._shapes = 0

    def shape(self, name: str, collections: int = _DEEPEST_COLLECTION, above: tuple[str, ...] = ()) -> Shape:
        """The shape of the schema ``name``; ``above`` are the schemas that linked to it, so that circular links end."""
        self._shapes += 1
        if self._shapes > _MOST_SHAPES:
            message = "more nested than any endpoint"
            raise DescriptionError(message)
        fields: dict[str, FieldKind] = {}
        objects: dict[str, Shape] = {}
        lists: dict[str, Shape] = {}
        for field_name, schema in self._properties(name):
            items = _target(schema.get("items"))
            target = items or _target(schema)
            if items:
                if collections > 0 and target not in above:
                    lists[field_name] = self.shape(target, collections - 1, (*above, name))
            elif self._is_record(target):
                if len(above) < _DEEPEST_OBJECT + _DEEPEST_COLLECTION - collections and target not in above:
                    objects[field_name] = self.shape(target, collections, (*above, name))
            else:
                fields[field_name] = self._kind(name, field_name, target)
        return Shape(self._without_credentials(name, fields), objects, lists)

    def _without_credentials(self, name: str, fields: Mapping[str, FieldKind]) -> dict[str, FieldKind]:
        hidden = credentials_in(fields, name)
        self._credentials += (text for each in hidden if (text := f"{name}.{each}") not in self._credentials)
        return {each: kind for each, kind in fields.items() if each not in hidden}

    def _properties(self, name: str) -> Iterator[tuple[str, Schema]]:
        schema = self._schemas.get(name, {})
        for part in (schema, *schema.get("allOf", ())):
            properties = part.get("properties", {})
            for field_name, field_schema in properties.items():
                if field_name in _BASE:
                    if _MARK_OF_THE_BASE not in properties:
                        self._warn(f"{name}.{field_name} has the name of what every record has: it is left out.")
                elif field_name.startswith(_OF_THE_API):
                    if _target(field_schema) in _KINDS:
                        self._warn(
                            f"{name}.{field_name} has the name of what belongs to the API itself: it is left out."
                        )
                elif field_name and not _NOT_IN_A_NAME.search(field_name):
                    yield field_name, field_schema
                else:
                    self._warn(f"{name}.{field_name!r} has a name that cannot be asked for: it is left out.")

    def _is_record(self, name: str) -> bool:
        """Whether a schema is a linked record; its name does not show that: one may be called ``AttributeValue``."""
        schema = self._schemas.get(name, {})
        return bool(schema) and "value" not in schema.get("properties", {})

    def _kind(self, schema_name: str, field_name: str, wrapper: str) -> FieldKind:
        kind = _KINDS.get(wrapper, FieldKind.UNKNOWN)
        if kind is FieldKind.DATE and keeps_columns(self._contract):
            return FieldKind.DAY
        if kind is FieldKind.UNKNOWN:
            warning = f"{schema_name}.{field_name} has the unknown type '{wrapper or 'none'}': its column has no type."
            self._warn(warning)
        return kind

    def _warn(self, warning: str) -> None:
        if warning not in self._warnings:
            self._warnings.append(warning)
