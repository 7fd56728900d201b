"""The schemas that each description has: values in their wrappers, custom fields, and what all records have."""

from __future__ import annotations

from typing import Any

from integration_tests.simulator.contract.formats import Format, Json
from integration_tests.simulator.store.shapes import FieldKind

INTEGER, TEXT = {"type": "integer", "format": "int32"}, {"type": "string"}
SCALARS: dict[FieldKind, Json] = {
    FieldKind.STRING: TEXT,
    FieldKind.DECIMAL: {"type": "number", "format": "double"},
    FieldKind.BOOLEAN: {"type": "boolean"},
    FieldKind.DATE_TIME: {"type": "string", "format": "date-time"},
    FieldKind.INT: INTEGER,
    FieldKind.SHORT: INTEGER,
    FieldKind.LONG: {"type": "integer", "format": "int64"},
    FieldKind.GUID: {"type": "string", "format": "uuid"},
}
DATE: dict[FieldKind, Json] = {FieldKind.DATE_ONLY: {"type": "string", "format": "date"}}
# What a choice is named by.
IDS: dict[FieldKind, Json] = {
    FieldKind.STRING_SELECT: TEXT,
    FieldKind.INT_SELECT: INTEGER,
    FieldKind.STRING_MULTI_SELECT: TEXT,
}
assert SCALARS.keys() | DATE.keys() | IDS.keys() == set(FieldKind)
# Every description has these, used or not.
OTHER_SCALARS: dict[str, Json] = {
    "Byte": {"type": "integer", "format": "int32"},
    "Double": {"type": "number", "format": "double"},
}


def common_schemas(form: Format, has_days: bool) -> Json:
    """`has_days`: a contract before 5 that knows of dates without a time."""
    kinds = SCALARS | (DATE if has_days or form.has_choices else {})
    scalars = {kind.value: scalar for kind, scalar in kinds.items()} | OTHER_SCALARS
    schemas: Json = {}
    for name, scalar in scalars.items():
        _add_value(schemas, name, form.nullable(scalar), form)
    for kind, scalar in IDS.items() if form.has_choices else ():
        inner = f"{kind.value}InnerValue"
        schemas[inner] = {"required": ["id"], **object_of(id=scalar, description=form.nullable(TEXT))}
        many = form.nullable({"type": "array", "items": form.reference(inner)})
        _add_value(schemas, kind.value, many if kind is FieldKind.STRING_MULTI_SELECT else form.one_of(inner), form)
    discriminator: Any = {"propertyName": "type"} if form.openapi else "type"
    return schemas | {
        "CustomField": {"required": ["type"], **object_of(type=TEXT), "discriminator": discriminator},
        "Entity": _entity(form),
        "FileLink": object_of(id=SCALARS[FieldKind.GUID], filename=TEXT, href=TEXT, **_comment(form)),
        "HttpError": object_of(message=TEXT, exceptionMessage=TEXT, exceptionType=TEXT, stackTrace=TEXT),
    }  # fmt: skip


def _comment(form: Format) -> Json:
    """New in 2024 R2, as is OpenAPI."""
    return {"comment": form.nullable(TEXT)} if form.openapi else {}


def _add_value(schemas: Json, name: str, value: Json, form: Format) -> None:
    error = form.nullable(TEXT)
    schemas[f"{name}Value"] = form.nullable(object_of(value=value, error=error))
    schemas[f"Custom{name}Field"] = extends("CustomField", {"value": value, "error": error}, form)


def _entity(form: Format) -> Json:
    fields = {"type": "object", "additionalProperties": form.reference("CustomField")}
    links: Json = {"_links": form.nullable({"type": "object"})} if form.has_choices else {}
    return object_of(
        **links,
        id=form.nullable(SCALARS[FieldKind.GUID]),
        rowNumber=form.nullable(SCALARS[FieldKind.LONG]),
        note=form.one_of("StringValue"),
        custom=form.nullable({"type": "object", "additionalProperties": fields}),
        error=form.nullable(TEXT),
        files=form.nullable({"type": "array", "items": form.reference("FileLink")}),
    )


def object_of(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def extends(base: str, properties: Json, form: Format) -> Json:
    return {"allOf": [form.reference(base), {"type": "object", "properties": dict(sorted(properties.items()))}]}
